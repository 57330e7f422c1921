import type { ServiceName } from '../../libs/contracts/src/services.ts'
import { committed, ordered } from './events.ts'
import { openGround, type Ground } from './ground.ts'
import { closed, ledger, numbered } from './money.ts'
import { rebuilt } from './projections.ts'
import { settled } from './settled.ts'
import { legal } from './states.ts'
import { isolated } from './tenants.ts'
import { sealed } from './trail.ts'
import { kept } from './writes.ts'

/** One record that breaks an invariant. */
export interface Violation {
  readonly invariant: string
  readonly tenantId: string | null
  /** Id of the record; the first of several. */
  readonly record: string | null
  readonly says: string
  /** Path of the record's time line, e.g. `/v1/journeys/journey_…`. */
  readonly timeline: string | null
}

/** What came of one invariant. */
export interface Verdict {
  readonly invariant: string
  readonly title: string
  /** How many records were looked at. */
  readonly checked: number
  /** The first 20. */
  readonly violations: Violation[]
  /** Violations beyond those. */
  readonly more: number
  readonly seconds: number
  /** What is worth knowing beside: what was left out, which events are parked. */
  readonly note?: string
  /** What could not be checked, and why: then the invariant does not count as holding. */
  readonly unchecked?: string
}

/** Where a platform keeps what is verified. */
export interface Installation {
  /** URLs of the services' databases, with a role that may read all rows (superuser, or BYPASSRLS with pg_read_all_data). */
  readonly databases: Partial<Record<ServiceName, string>>
  /** BUS_URL of the services. */
  readonly bus: string
  /** The gateway's address. */
  readonly url?: string
  /** URL of a superuser, to make scratch databases beside; I3 needs it. */
  readonly superuser?: string
}

/** What to verify, and how. */
export interface VerifyOptions {
  /** File of the writes that a client saw acknowledged, one JSON object a line; I1 needs it. */
  readonly acknowledged?: string
  /** Only this company: its id, or its name when identity's database is given. */
  readonly tenant?: string
  /** Only these invariants. */
  readonly only?: readonly string[]
  /** How long what looks wrong may still be on its way, 60 by default. */
  readonly settleSeconds?: number
  readonly halt?: AbortSignal
  readonly report?: (line: string) => void
}

/** One promise of the platform, and how it is checked. */
export interface Invariant {
  readonly id: string
  readonly title: string
  check(ground: Ground, findings: Findings): Promise<void>
}

/** Every invariant that can be verified, by number. */
export const invariants: readonly Invariant[] = [
  kept,
  committed,
  rebuilt,
  ordered,
  ledger,
  closed,
  isolated,
  legal,
  numbered,
  settled,
  sealed,
]

const shown = 20

/** Gathers what the check of one invariant finds. */
export class Findings {
  checked = 0
  more = 0
  readonly notes: string[] = []
  readonly unchecked: string[] = []
  readonly found: { tenantId: string | null; record: string | null; says: string; about: string | null }[] = []

  /** Notes a violation. `about` is the record whose time line tells more: the record itself unless said otherwise; or a journey's id. */
  add(tenantId: string | null, record: string | null, says: string, about: string | null = record): void {
    if (this.found.length < shown) this.found.push({ tenantId, record, says, about })
    else this.more += 1
  }
}

/**
 * Checks what the platform promises, reading only. Throws when it cannot be asked at all (unknown invariant or company, a database that is not ours, a
 * bus that does not answer); what a single invariant lacks is in its verdict.
 */
export async function verify(installation: Installation, options: VerifyOptions): Promise<Verdict[]> {
  const wanted = options.only?.map((id) => id.toUpperCase()) ?? []
  const unknown = wanted.filter((id) => !invariants.some((invariant) => invariant.id === id))
  if (unknown.length)
    throw new Error(`No invariant ${unknown.join(', ')}; there are ${invariants.map(({ id, title }) => `${id} (${title})`).join(', ')}`)
  const chosen = invariants.filter(({ id }) => !wanted.length || wanted.includes(id))

  const ground = await openGround(installation, options, wanted)
  const verdicts: Verdict[] = []
  try {
    // What is still on its way arrives while the last one waits for it.
    for (const invariant of chosen.toSorted((a, b) => Number(b === settled) - Number(a === settled))) {
      options.halt?.throwIfAborted()
      options.report?.(`${invariant.id} ${invariant.title} …`)
      verdicts.push(await judge(invariant, ground))
    }
  } finally {
    await ground.close()
  }
  return verdicts.toSorted((a, b) => Number(a.invariant.slice(1)) - Number(b.invariant.slice(1)))
}

async function judge({ id, title, check }: Invariant, ground: Ground): Promise<Verdict> {
  const since = performance.now()
  const findings = new Findings()
  const violations: Violation[] = []
  try {
    await check(ground, findings)
    for (const { tenantId, record, says, about } of findings.found)
      violations.push({ invariant: id, tenantId, record, says, timeline: await ground.timeline(tenantId, about) })
  } catch (error) {
    ground.halt?.throwIfAborted()
    findings.unchecked.push((error as Error).message)
  }
  return {
    invariant: id,
    title,
    checked: findings.checked,
    violations,
    more: findings.more,
    seconds: Math.round(performance.now() - since) / 1_000,
    ...(findings.notes.length && { note: findings.notes.join('; ') }),
    ...(findings.unchecked.length && { unchecked: findings.unchecked.join('; ') }),
  }
}

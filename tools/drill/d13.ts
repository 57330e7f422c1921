import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Exchange } from '../parts/api.ts'
import type { Drill } from './drill.ts'
import type { Company, Ground } from './ground.ts'

const poolSize = 4
const requestSeconds = 5
const callers = 60
const deadlocks = 5
/** The longest that anybody may wait for an answer: a connection (2 s), then a statement, and some patience for a busy machine. */
const longestAnswer = 15

/** No connection free, no lock to be had. */
export const d13: Drill = {
  id: 'D13',
  title: 'pool exhaustion and deadlocks',
  buses: ['embedded', 'kafka'],
  does:
    `Services run with ${poolSize} database connections and ${requestSeconds} s for a statement. The table of leads is locked while ${callers} callers capture leads: those that get no connection and those whose statement takes too long have to be answered ` +
    '503 with Retry-After, never 500 and never late. Then all connections of the lead service are cut in the midst of that, and then ' +
    `${deadlocks} edits run into deadlocks, which Postgres ends at the service’s cost. Each time the service has to recover by itself: the next capture, and the same edit sent again, work. Two callers walk journeys meanwhile.`,
  async run(run) {
    const ground = await run.ground({ env: { DATABASE_POOL: String(poolSize), REQUEST_SECONDS: String(requestSeconds) } })
    const load = ground.load(2)
    const [company] = ground.companies
    const broken: string[] = []
    const rows: string[][] = [['Fault', 'Answers', 'Slowest', 'Works again after']]
    const seen = new Map<string, number>()
    const watch = watcher(ground, company, seen, broken)

    for (const [name, during] of [
      [`leads locked for 8 s, ${callers} captures`, async () => sleep(8_000)],
      [`the same, and all connections cut after 1 s`, async () => (await sleep(1_000), await cut(ground), await sleep(3_000))],
    ] as const) {
      run.halt.throwIfAborted()
      seen.clear()
      const release = await holding(ground, 'LOCK TABLE lead IN ACCESS EXCLUSIVE MODE')
      const capture = () => company.as('integration', watch).post('/v1/leads', { companyName: `Crowd ${crypto.randomUUID()}` })
      const slowest = Math.max(
        ...(await Promise.all([
          during()
            .then(
              () => release(),
              (error: Error) => release().then(() => Promise.reject(error)),
            )
            .then(() => 0),
          ...Array.from({ length: callers }, () => timed(capture)),
        ])),
      )
      if (slowest > longestAnswer) broken.push(`${name}: an answer took ${slowest.toFixed(1)} s`)
      rows.push([name, counted(seen), `${slowest.toFixed(1)} s`, await recovery(company, broken, name)])
      run.note(name, { slowest, answers: counted(seen) })
    }

    seen.clear()
    let slowest = 0
    for (let n = 0; n < deadlocks; n += 1) slowest = Math.max(slowest, await deadlock(ground, company, watch, broken))
    if (!seen.get('503 service.unavailable')) broken.push('no edit ran into a deadlock')
    rows.push([`${deadlocks} deadlocks`, counted(seen), `${slowest.toFixed(1)} s`, await recovery(company, broken, 'deadlocks')])
    const recoverySeconds = await ground.rest(load)
    return {
      done: [
        rows
          .slice(1)
          .map(([name]) => name)
          .join(', '),
        `${load.finished} journeys finished`,
      ],
      saw: [],
      broken: [...broken, ...load.broken],
      recoverySeconds,
      table: rows,
    }
  },
}

type Watch = { patience: number; heard: (exchange: Exchange) => void }

/** Counts answers, and minds what a refusal in need has to be like. */
function watcher(ground: Ground, company: Company, seen: Map<string, number>, broken: string[]): Watch {
  const log = ground.log.heard(company.tenantId)
  return {
    patience: 0,
    heard(exchange) {
      log(exchange)
      const { status, code, headers } = exchange
      const kind = status < 300 && status ? '2xx' : `${status} ${code}`
      seen.set(kind, (seen.get(kind) ?? 0) + 1)
      if (status === 503 && !headers?.get('retry-after')) broken.push(`a 503 (${code}) without Retry-After`)
      if (status === 0 || (status >= 300 && status !== 503)) broken.push(`somebody was answered ${kind}`)
    },
  }
}

/** One edit that waits for a lock of ours while we wait for its own. */
async function deadlock(ground: Ground, company: Company, watch: Watch, broken: string[]): Promise<number> {
  const api = company.as('integration')
  const lead = await api.post('/v1/leads', { companyName: `Deadlock ${crypto.randomUUID()}` })
  const edit = (options?: Watch) =>
    company.as('integration', options).patch(`/v1/leads/${lead.id}`, { companyName: 'Edited' }, lead.version)
  const client = await connected(ground)
  try {
    // We would wait an hour before we looked for a deadlock; the service's connection looks after a second, and gives way.
    await client.query(`SET deadlock_timeout = '1h'; BEGIN; LOCK TABLE audit IN SHARE MODE`)
    const answered = timed(() => edit(watch))
    for (let waited = 0; !(await waitsForAudit(ground)) && waited < 100; waited += 1) await sleep(50)
    await client.query('SELECT FROM lead WHERE id = $1 FOR UPDATE', [lead.id])
    await client.query('ROLLBACK')
    const seconds = await answered
    const now = await api.get(`/v1/leads/${lead.id}`)
    if (now.version === lead.version) await edit()
    if ((await api.get(`/v1/leads/${lead.id}`)).companyName !== 'Edited')
      broken.push('an edit that ran into a deadlock did not work when it was sent again')
    return seconds
  } finally {
    await client.end()
  }
}

async function waitsForAudit(ground: Ground): Promise<boolean> {
  const client = await connected(ground)
  try {
    const { rows } = await client.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'audit'::regclass`)
    return rows.length > 0
  } finally {
    await client.end()
  }
}

/** Holds a lock in the database of the lead service until it is let go. */
async function holding(ground: Ground, lock: string): Promise<() => Promise<void>> {
  const client = await connected(ground)
  await client.query(`BEGIN; ${lock}`)
  return async () => {
    await client.query('ROLLBACK')
    await client.end()
  }
}

/** Cuts every connection of the lead service. */
async function cut(ground: Ground): Promise<void> {
  const client = await connected(ground)
  try {
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'millrace_lead_app'`)
  } finally {
    await client.end()
  }
}

async function connected(ground: Ground): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: ground.installation.databases.lead })
  await client.connect()
  return client
}

/** How long it takes until a capture works again, in words. */
async function recovery(company: Company, broken: string[], name: string): Promise<string> {
  const since = performance.now()
  for (;;) {
    try {
      await company.as('integration', { patience: 0 }).post('/v1/leads', { companyName: 'After' })
      return `${((performance.now() - since) / 1_000).toFixed(1)} s`
    } catch (error) {
      if (performance.now() - since > 30_000) {
        broken.push(`${name}: captures do not work again: ${(error as Error).message}`)
        return 'never'
      }
      await sleep(50)
    }
  }
}

/** Seconds until the work was answered, one way or the other. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now()
  await work().catch(() => undefined)
  return (performance.now() - since) / 1_000
}

function counted(seen: ReadonlyMap<string, number>): string {
  return [...seen].map(([kind, count]) => `${count} × ${kind}`).join(', ')
}

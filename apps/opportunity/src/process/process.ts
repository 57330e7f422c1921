import { lifecycle, Ratio, Refusal, type Id } from '@millrace/domain'

export const processStatus = lifecycle('process', {
  draft: ['published', 'retired'],
  published: ['retired'],
  retired: [],
})
export type ProcessStatus = typeof processStatus.state

/** A text in the platform's languages. */
export interface Wording {
  readonly en: string
  readonly 'zh-CN': string
}

export type ItemKind =
  'text' | 'number' | 'money' | 'date' | 'tick' | 'choice' | 'contact_role' | 'visit' | 'quote' | 'contract' | 'file' | 'image'

/** One thing to find out or do in a stage. */
export interface StageItem {
  readonly key: string
  readonly name: Wording
  readonly kind: ItemKind
  /** The answers that a choice has. */
  readonly options: readonly string[]
  /** Whether the stage can be left without it. */
  readonly required: boolean
  /** What it adds to the win probability, in %, exact decimal text. */
  readonly weight: string
}

/** One part of the road of a deal, aligned with what the customer does meanwhile. */
export interface Stage {
  readonly key: string
  readonly name: Wording
  /** Ceiling of the win probability in the stage, in %, exact decimal text. */
  readonly probability: string
  /** `won`: a deal comes here by being won. */
  readonly outcome: 'open' | 'won'
  readonly buyingPhase: Wording | null
  readonly goal: Wording | null
  readonly definitionOfDone: Wording | null
  readonly workInstruction: Wording | null
  readonly tools: readonly Wording[]
  readonly expectedDays: number | null
  /** What a deal that is lost here points to. */
  readonly failureHint: Wording | null
  readonly gate: 'block'
  readonly items: readonly StageItem[]
}

/** One version of a sales process. What was published never changes: running deals keep their version. */
export class Process {
  declare readonly id: Id<'process'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly status: ProcessStatus
  /** The same in all versions of one process. */
  declare readonly family: string
  /** Version of the process, from 1. */
  declare readonly number: number
  declare readonly name: Wording
  /** New deals take it unless told otherwise. */
  declare readonly isDefault: boolean
  declare readonly stages: readonly Stage[]
  declare readonly publishedAt: Date | null
  declare readonly retiredAt: Date | null

  static draft(
    given: Pick<Process, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'family' | 'number' | 'name' | 'stages'>,
  ): Process {
    const beginning = { status: processStatus.initial, isDefault: false, publishedAt: null, retiredAt: null }
    return Object.assign(Object.create(Process.prototype) as Process, given, beginning)
  }

  change(given: Partial<Pick<Process, 'name' | 'stages'>>, at: Date): Process {
    if (this.status !== 'draft') throw new Refusal('process.not_draft', { status: this.status })
    return this.with({ ...given, updatedAt: at })
  }

  /** Puts it to use. Refuses a definition whose evidence does not add up. */
  publish(isDefault: boolean, at: Date): Process {
    if (this.status === 'published') return this
    const status = processStatus.move(this.status, 'published')
    mustAddUp(this.stages)
    return this.with({ status, isDefault, publishedAt: at, updatedAt: at })
  }

  makeDefault(at: Date): Process {
    if (this.status !== 'published') throw new Refusal('process.not_published', { status: this.status })
    return this.isDefault ? this : this.with({ isDefault: true, updatedAt: at })
  }

  noLongerDefault(at: Date): Process {
    return this.with({ isDefault: false, updatedAt: at })
  }

  /** Takes no new deals any more. The default has to be replaced first. */
  retire(at: Date): Process {
    if (this.status === 'retired') return this
    if (this.isDefault) throw new Refusal('process.is_default')
    return this.with({ status: processStatus.move(this.status, 'retired'), retiredAt: at, updatedAt: at })
  }

  private with(change: Partial<Process>): Process {
    return Object.assign(Object.create(Process.prototype) as Process, this, change)
  }
}

/**
 * The rule of the weighted checklist: the weights of a stage add up exactly to its step in win probability (its ceiling minus that of the
 * stage before it). Ceilings never fall; stages of won deals come last and have 100 %.
 */
export function mustAddUp(stages: readonly Stage[]): void {
  const [first] = stages
  if (!first || first.outcome === 'won') throw Refusal.invalid('process.no_open_stage')
  let before = Ratio.zero
  let wonBefore = false
  for (const { key, name, probability, outcome, items } of stages) {
    const ceiling = Ratio.parse(probability)
    if (wonBefore && outcome === 'open') throw Refusal.invalid('process.no_open_stage', { stage: key })
    if (outcome === 'won' && !ceiling.equals(hundred)) throw Refusal.invalid('process.won_below_100', { stage: key, probability })
    if (ceiling.compare(before) < 0)
      throw Refusal.invalid('process.falling_probability', { stage: key, name, probability, before: before.toString() })
    const sum = weightOf(items)
    const expected = ceiling.minus(before)
    if (!sum.equals(expected))
      throw Refusal.invalid('process.weights', { stage: key, name, sum: sum.toString(), expected: expected.toString() })
    before = ceiling
    wonBefore = outcome === 'won'
  }
}

/** What items are worth together, in %. */
export function weightOf(items: readonly Pick<StageItem, 'weight'>[]): Ratio {
  return items.reduce((sum, { weight }) => sum.plus(Ratio.parse(weight)), Ratio.zero)
}

/** A family's key from a name in Latin letters; undefined when nothing is left of it. */
export function familyOf(name: Wording): string | undefined {
  const key = name.en
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return key.slice(0, 60).replace(/-+$/, '') || undefined
}

const hundred = Ratio.of(100)

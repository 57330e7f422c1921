import { Ratio, Refusal, type Id } from '@millrace/domain'

/** A text in the platform's languages. */
export interface Wording {
  readonly en: string
  readonly 'zh-CN': string
}

/** What a deal needs to know of a checklist item of its process. */
export interface RoadItem {
  readonly key: string
  readonly name: Wording
  readonly kind: string
  readonly options: readonly string[]
  readonly required: boolean
  /** In %, exact decimal text. */
  readonly weight: string
}

/** What a deal needs to know of a stage of its process. */
export interface RoadStage {
  readonly key: string
  readonly name: Wording
  /** Ceiling of the win probability, in %, exact decimal text. */
  readonly probability: string
  readonly outcome: 'open' | 'won'
  readonly gate: 'block'
  readonly items: readonly RoadItem[]
}

/** The process that a deal walks, in the version it was opened in. */
export interface Road {
  readonly id: Id<'process'>
  readonly stages: readonly RoadStage[]
}

/** A required item that is not done. */
export interface MissingItem {
  readonly stage: string
  readonly item: string
  readonly name: Wording
}

/** Refuses `opportunity.unknown_stage`. */
export function stageOf({ stages }: Road, key: string): RoadStage {
  const found = stages.find((stage) => stage.key === key)
  if (!found) throw Refusal.invalid('opportunity.unknown_stage', { stage: key, possible: stages.map((stage) => stage.key) })
  return found
}

/** Refuses `opportunity.unknown_item`. */
export function itemOf({ stages }: Road, key: string): RoadItem {
  const items = stages.flatMap((stage) => stage.items)
  const found = items.find((item) => item.key === key)
  if (!found) throw Refusal.invalid('opportunity.unknown_item', { item: key, possible: items.map((item) => item.key) })
  return found
}

/** Where deals begin. */
export function firstStage({ stages }: Road): RoadStage {
  return stages[0]!
}

/** The last stage in which a deal is still open. */
export function lastOpenStage({ stages }: Road): RoadStage {
  return stages.findLast(({ outcome }) => outcome === 'open')!
}

/** The stage that won deals come to, if the process has one. */
export function wonStage({ stages }: Road): RoadStage | undefined {
  return stages.find(({ outcome }) => outcome === 'won')
}

/** Σ weights of the done items of the given stages, in %. */
export function evidence(stages: readonly RoadStage[], done: ReadonlySet<string>): Ratio {
  return stages
    .flatMap(({ items }) => items)
    .filter(({ key }) => done.has(key))
    .reduce((sum, { weight }) => sum.plus(Ratio.parse(weight)), Ratio.zero)
}

/** Required items of the given stages that are not done. */
export function missing(stages: readonly RoadStage[], done: ReadonlySet<string>): MissingItem[] {
  return stages.flatMap(({ key: stage, items }) =>
    items.filter(({ key, required }) => required && !done.has(key)).map(({ key, name }) => ({ stage, item: key, name })),
  )
}

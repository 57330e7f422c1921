import type { Ground, GroundOptions } from './ground.ts'
import type { Random } from './random.ts'

/** The two event buses. */
export type BusKind = 'embedded' | 'kafka'

/** What is done to a platform under load, and what has to hold all the same. */
export interface Drill {
  /** e.g. `D1` */
  readonly id: string
  readonly title: string
  /** What it does and what it demands, for the page: a paragraph of Markdown. */
  readonly does: string
  /** The buses on which it says something. */
  readonly buses: readonly BusKind[]
  /** Does it and answers what came of it; throws when it could not be done. The invariants are verified afterwards by the runner. */
  run(run: DrillRun): Promise<Outcome>
}

/** What a drill is given. */
export interface DrillRun {
  readonly seed: number
  /** Everything random comes from here, so that a seed repeats the drill. */
  readonly random: Random
  readonly bus: BusKind
  /** Where the history of this drill is kept: what was done when, acknowledged writes, logs of the services. */
  readonly folder: string
  /** Where its platform keeps data; removed afterwards. */
  readonly home: string
  /** The slower, fuller form of the drill. */
  readonly long: boolean
  /** How many kill points D2 is asked for. */
  readonly points: number | undefined
  readonly halt: AbortSignal
  /** Starts a platform of the drill's own, with two companies in it. Once per drill; it is stopped by the runner. */
  ground(options?: GroundOptions): Promise<Ground>
  /** Says a line on the screen and keeps it in the history. */
  report(line: string): void
  /** Keeps in the history what was done, and when. */
  note(what: string, details?: object): void
  /** Undone when the drill ends, however it ends; the last first. */
  defer(step: () => unknown): void
}

/** What a drill came to. */
export interface Outcome {
  /** What was done, with counts, e.g. `lead killed 4 times`. */
  readonly done: readonly string[]
  /** What the callers saw, e.g. `3,120 answers: 2,988 of 2xx, 132 of 503`. */
  readonly saw: readonly string[]
  /** The drill's own demands that did not hold; empty: it passed, when the invariants hold too. */
  readonly broken: readonly string[]
  /** From the end of the faults until all journeys under way were finished, lag and outbox 0, in seconds. */
  readonly recoverySeconds?: number
  /** More to show on the page, the first row being the heading. */
  readonly table?: readonly (readonly string[])[]
}

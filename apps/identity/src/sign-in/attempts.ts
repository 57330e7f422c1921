/** How many wrong tries are free, and how long the first lock is. */
export interface Limit {
  readonly free: number
  readonly minutes: number
}

/** People mistype: four wrong passwords are free, the fifth locks for a quarter of an hour, each further one twice as long. */
export const passwordLimit: Limit = { free: 4, minutes: 15 }

/** Programs do not mistype, but many may share an address while a secret is changed. */
export const secretLimit: Limit = { free: 19, minutes: 1 }

const longestMinutes = 24 * 60
const forgottenMinutes = 2 * longestMinutes

/** Wrong tries at one door in a row. After two days without any they are forgotten. */
export class Attempts {
  static readonly none = new Attempts(0, null, null)

  constructor(
    readonly failures: number,
    readonly lastAt: Date | null,
    readonly lockedUntil: Date | null,
  ) {}

  isLocked(at: Date): boolean {
    return this.lockedUntil !== null && this.lockedUntil > at
  }

  /** One more wrong try. */
  failed(at: Date, { free, minutes }: Limit): Attempts {
    const forgotten = !this.lastAt || at.getTime() - this.lastAt.getTime() > forgottenMinutes * 60_000
    const failures = (forgotten ? 0 : this.failures) + 1
    if (failures <= free) return new Attempts(failures, at, null)
    const lock = Math.min(minutes * 2 ** Math.min(failures - free - 1, 20), longestMinutes)
    return new Attempts(failures, at, new Date(at.getTime() + lock * 60_000))
  }
}

/** Chance that repeats: the same seed, the same choices (mulberry32). */
export class Random {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** At least 0, less than 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(from: readonly T[]): T {
    return from[this.whole(0, from.length - 1)]!
  }

  shuffled<T>(given: readonly T[]): T[] {
    const all = [...given]
    for (let n = all.length - 1; n > 0; n -= 1) {
      const other = this.whole(0, n)
      ;[all[n], all[other]] = [all[other]!, all[n]!]
    }
    return all
  }

  /** Chance of its own for a part of the drill, so that parts that run beside each other do not disturb each other's choices. */
  apart(name: string): Random {
    return new Random(this.whole(0, 2 ** 31) ^ hashOf(name))
  }
}

/** A number for a text, always the same (FNV-1a). */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const letter of text) hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193) >>> 0
  return hash
}

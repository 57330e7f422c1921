import { setTimeout as delay } from 'node:timers/promises'

/** Repeats a check until it stops throwing (or answers something other than false/undefined), at most a minute. Never sleep in a test. */
export async function eventually<T>(check: () => T | Promise<T>, ms = 60_000): Promise<NonNullable<Exclude<Awaited<T>, false>>> {
  const until = performance.now() + ms
  for (;;) {
    try {
      const result = await check()
      if (result !== undefined && result !== false && result !== null) return result as NonNullable<Exclude<Awaited<T>, false>>
      if (performance.now() > until) throw new Error(`did not happen within ${ms} ms`)
    } catch (error) {
      if (performance.now() > until) throw error
    }
    await delay(25)
  }
}

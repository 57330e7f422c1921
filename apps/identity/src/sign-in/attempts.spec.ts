import fc from 'fast-check'
import { Attempts, passwordLimit, secretLimit } from './attempts.js'

const start = new Date('2026-11-02T08:00:00Z')
const after = (minutes: number) => new Date(start.getTime() + minutes * 60_000)
const wrong = (times: number, at = start) =>
  Array.from({ length: times }).reduce<Attempts>((so) => so.failed(at, passwordLimit), Attempts.none)

describe('wrong tries', () => {
  it('are free four times; the fifth locks for a quarter of an hour', () => {
    expect(wrong(4).isLocked(start)).toBe(false)
    expect(wrong(5).lockedUntil).toEqual(after(15))
    expect(wrong(5).isLocked(after(14.9))).toBe(true)
    expect(wrong(5).isLocked(after(15))).toBe(false)
  })

  it('lock twice as long each further time, a day at most', () => {
    expect([6, 7, 8].map((times) => wrong(times).lockedUntil)).toEqual([after(30), after(60), after(120)])
    expect(wrong(60).lockedUntil).toEqual(after(24 * 60))
  })

  it('are forgotten after two days without one', () => {
    expect(wrong(4).failed(after(2 * 24 * 60), passwordLimit).failures).toBe(5)
    expect(wrong(4).failed(after(2 * 24 * 60 + 1), passwordLimit).failures).toBe(1)
  })

  it('never lock for less than the try before, and never free somebody early', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(passwordLimit, secretLimit),
        fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 60 }),
        (limit, gaps) => {
          let [so, at] = [Attempts.none, start]
          for (const gap of gaps) {
            at = new Date(at.getTime() + gap * 60_000)
            const before = so
            so = so.failed(at, limit)
            expect(so.failures).toBe(before.failures + 1)
            expect(so.isLocked(at)).toBe(so.failures > limit.free)
            if (before.lockedUntil && so.lockedUntil)
              expect(so.lockedUntil.getTime() - at.getTime()).toBeGreaterThanOrEqual(
                before.lockedUntil.getTime() - before.lastAt!.getTime(),
              )
          }
        },
      ),
    )
  })
})

import fc from 'fast-check'
import { afterlifeMinutes, keysAt } from './key-ring.js'

const start = new Date('2026-11-02T08:00:00Z')
const at = (minutes: number) => new Date(start.getTime() + minutes * 60_000)
const key = (kid: string, minutes: number) => ({ kid, signsFrom: at(minutes) })
const shown = (keys: ReturnType<typeof key>[], minutes: number) => keysAt(keys, at(minutes)).map(({ kid }) => kid)

describe('the keys that are shown', () => {
  it('begin with the one that signs', () => {
    expect(shown([key('a', 0)], 0)).toEqual(['a'])
    expect(shown([key('a', 0), key('b', 5)], 5)).toEqual(['b', 'a'])
  })

  it('include one that will sign soon', () => {
    expect(shown([key('a', 0), key('b', 5)], 4)).toEqual(['a', 'b'])
  })

  it('include one that no longer signs until its last token has ended', () => {
    expect(shown([key('a', 0), key('b', 5)], 5 + afterlifeMinutes - 1)).toEqual(['b', 'a'])
    expect(shown([key('a', 0), key('b', 5)], 5 + afterlifeMinutes)).toEqual(['b'])
  })

  it('always include the key of every token that is still good', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 120 }),
        fc.constantFrom(0, 30, 60),
        (begins, signed, age) => {
          const keys = begins.map((minutes) => key(`k${minutes}`, minutes))
          const first = Math.min(...begins)
          const signing = keysAt(keys, at(first + signed))[0]!
          expect(shown(keys, first + signed + age)).toContain(signing.kid)
        },
      ),
    )
  })
})

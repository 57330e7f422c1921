import { Ratio } from '@millrace/domain'
import fc from 'fast-check'
import { isoDuration, wholeDays } from './duration.js'

const day = 86_400

describe('a length of time', () => {
  it.each([
    [33 * day, 'P33D'],
    [8 * 3600, 'PT8H'],
    [3600, 'PT1H'],
    [day + 90, 'P1DT1M30S'],
    [0, 'PT0S'],
    [-3 * day, '-P3D'],
  ])('of %d seconds reads %s', (seconds, text) => {
    expect(isoDuration(Ratio.of(seconds))).toBe(text)
  })

  it('is rounded half up to the second', () => {
    expect(isoDuration(Ratio.parse('59.5'))).toBe('PT1M')
    expect(isoDuration(Ratio.parse('59.499999'))).toBe('PT59S')
  })

  it('says how long it is, whatever its length', () => {
    fc.assert(
      fc.property(fc.nat(10_000 * day), (seconds) => {
        const [, days = 0, hours = 0, minutes = 0, rest = 0] = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/
          .exec(isoDuration(Ratio.of(seconds)))!
          .map(Number)
        expect((days || 0) * day + (hours || 0) * 3600 + (minutes || 0) * 60 + (rest || 0)).toBe(seconds)
      }),
    )
  })

  it('counts whole days half up', () => {
    expect(wholeDays(Ratio.of(2 * day + day / 2))).toBe(3)
    expect(wholeDays(Ratio.of(2 * day + day / 2 - 1))).toBe(2)
  })
})

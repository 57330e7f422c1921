import fc from 'fast-check'
import { accountsAtOnce } from './segment.js'

it('however many segments there are, one look takes a moment, and goes on', () => {
  expect([0, 1, 40].map(accountsAtOnce)).toEqual([500, 500, 500])
  fc.assert(
    fc.property(fc.nat(10_000), (conditions) => {
      const accounts = accountsAtOnce(conditions)
      expect(accounts).toBeGreaterThanOrEqual(20)
      if (accounts > 20) expect(accounts * conditions).toBeLessThanOrEqual(20_000)
    }),
  )
})

import { newId } from '@millrace/domain'
import fc from 'fast-check'
import { mustAllow, usualRules, verdict, type Idleness } from './account-pool.js'

const dayMs = 86_400_000
const day = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * dayMs)

describe('an account that nobody deals with', () => {
  const untold: Idleness = { touchedAt: day(0), poolsAt: null }

  it('waits, its owner is reminded, and it goes into the pool when its time is up', () => {
    expect(verdict(untold, 90, 7, day(10))).toEqual({ kind: 'wait', lookAt: day(83) })
    expect(verdict(untold, 90, 7, day(83))).toEqual({ kind: 'warn', poolsAt: day(90) })
    expect(verdict({ ...untold, poolsAt: day(90) }, 90, 7, day(89))).toEqual({ kind: 'wait', lookAt: day(90) })
    expect(verdict({ ...untold, poolsAt: day(90) }, 90, 7, day(90))).toEqual({ kind: 'pool' })
  })

  it('stays for ever where no rule says otherwise, and goes without a reminder where none is wanted', () => {
    expect(verdict(untold, null, 7, day(999))).toEqual({ kind: 'wait', lookAt: null })
    expect(verdict(untold, 90, 0, day(89))).toEqual({ kind: 'wait', lookAt: day(90) })
    expect(verdict(untold, 90, 0, day(90))).toEqual({ kind: 'pool' })
  })

  it('waits for a rule that became longer after the reminder', () => {
    expect(verdict({ ...untold, poolsAt: day(90) }, 120, 7, day(95))).toEqual({ kind: 'wait', lookAt: day(120) })
  })

  it('never goes before its owner had the days of the reminder, however rarely somebody looks, and is looked at until it goes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 20 }),
        (idleDays, warnDays, steps) => {
          let state = untold
          let [now, warned] = [0, undefined as number | undefined]
          for (const step of steps) {
            now += step
            const next = verdict(state, idleDays, warnDays, day(now))
            if (next.kind === 'warn') {
              expect(warned).toBeUndefined()
              warned = now
              state = { ...state, poolsAt: next.poolsAt }
            } else if (next.kind === 'pool') {
              expect(now).toBeGreaterThanOrEqual(idleDays)
              expect(now - warned!).toBeGreaterThanOrEqual(warnDays)
              return
            } else expect(next.lookAt!.getTime()).toBeGreaterThan(day(now).getTime())
          }
        },
      ),
    )
  })
})

describe('claiming an account', () => {
  const me = { id: newId('user'), owned: 3, claimedToday: 2 }
  const pooled = { formerOwnerId: me.id, pooledAt: day(0) }

  it('is refused to its former owner for some days', () => {
    expect(() => mustAllow(usualRules, me, pooled, day(29))).toThrow('account.was_yours')
    expect(() => mustAllow(usualRules, me, pooled, day(30))).not.toThrow()
    expect(() => mustAllow(usualRules, { ...me, id: newId('user') }, pooled, day(1))).not.toThrow()
  })

  it('is refused to who owns or has claimed enough', () => {
    const at = day(99)
    expect(() => mustAllow({ ...usualRules, maxOwned: 3 }, me, pooled, at)).toThrow('account_pool.owns_enough')
    expect(() => mustAllow({ ...usualRules, maxPerDay: 2 }, me, pooled, at)).toThrow('account_pool.claimed_enough')
    expect(() => mustAllow({ ...usualRules, maxOwned: 4, maxPerDay: 3 }, me, pooled, at)).not.toThrow()
  })
})

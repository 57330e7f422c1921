import { newId, type Refusal } from '@millrace/domain'
import { amy, bob, monday, tuesday } from '../lead/lead.fixture.js'
import { Pool, shown, type Claimant, type PoolData } from './pool.js'

const [head, north, south] = [newId('org_unit'), newId('org_unit'), newId('org_unit')]
const [inNorth, inSouth] = [`/${head}/${north}/`, `/${head}/${south}/`]

const aPool = (given: Partial<PoolData> = {}) =>
  Pool.create({
    ...{ id: newId('pool'), version: 1, journeyId: null, createdAt: monday, updatedAt: monday },
    ...{ name: 'Fair', maxHeld: null, maxPerDay: null, maxViewedPerDay: null, blockedDays: 0, unitIds: [], active: true },
    ...given,
  })
const claimant: Claimant = { id: amy.id, unitPath: inNorth, held: 0, claimedToday: 0 }
const pooled = { formerOwnerId: null, pooledAt: monday }

const refusalOf = (work: () => void): Refusal | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return error as Refusal
  }
}

describe('a pool', () => {
  it('lets everybody claim when it is for everybody, and else the people of its units and of those below', () => {
    expect([aPool().isFor(inNorth), aPool().isFor(null)]).toEqual([true, true])
    expect([inNorth, inSouth, null].map((path) => aPool({ unitIds: [north] }).isFor(path))).toEqual([true, false, false])
    expect(aPool({ unitIds: [head] }).isFor(inSouth)).toBe(true)
    expect(refusalOf(() => aPool({ unitIds: [south] }).mustAllow(claimant, pooled, monday))!.code).toBe('pool.not_for_you')
  })

  it('gives nothing while it is not active', () => {
    expect(refusalOf(() => aPool({ active: false }).mustAllow(claimant, pooled, monday))!.code).toBe('pool.closed')
  })

  it('keeps a lead from its former owner for some days, and from nobody else', () => {
    const pool = aPool({ blockedDays: 1 })
    const hers = { formerOwnerId: amy.id, pooledAt: monday }
    expect(refusalOf(() => pool.mustAllow(claimant, hers, monday))).toMatchObject({
      code: 'lead.was_yours',
      details: { from: tuesday.toISOString() },
    })
    expect(refusalOf(() => pool.mustAllow({ ...claimant, id: bob.id }, hers, monday))).toBeUndefined()
    expect(refusalOf(() => pool.mustAllow(claimant, hers, tuesday))).toBeUndefined()
  })

  it('gives one person no more than they may hold, and no more on a day than it says', () => {
    const pool = aPool({ maxHeld: 2, maxPerDay: 3 })
    const codes = [
      { held: 1, claimedToday: 2 },
      { held: 2, claimedToday: 2 },
      { held: 1, claimedToday: 3 },
    ].map((has) => refusalOf(() => pool.mustAllow({ ...claimant, ...has }, pooled, monday))?.code)
    expect(codes).toEqual([undefined, 'pool.holds_enough', 'pool.claimed_enough'])
  })

  it('shows one person no more of its leads on a day than it says, and those again that they have seen', () => {
    const leads = ['a', 'b', 'c', 'd'].map((id, n) => ({ id, poolId: n < 3 ? 'limited' : 'open' }))
    const ids = (seen: string[], left: number) => shown(leads, new Set(seen), new Map([['limited', left]])).map(({ id }) => id)
    expect(ids([], 2)).toEqual(['a', 'b', 'd'])
    expect(ids(['b'], 1)).toEqual(['a', 'b', 'd'])
    expect(ids(['c'], 0)).toEqual(['c', 'd'])
    expect(ids([], 0)).toEqual(['d'])
  })
})

import { newId, Refusal } from '@millrace/domain'
import fc from 'fast-check'
import { monday, tuesday } from '../account/account.fixture.js'
import { AccountScorecard, accountScorecardStatus, accountScoreOf, reasonToTell } from './account-scorecard.js'

const grades = { a: 75, b: 50, c: 25 }
const parts = {
  fit: { most: 40, rules: [{ name: 'Large', condition: 'account.employees > 500', points: 30 }] },
  value: { most: 40, rules: [] },
  behaviour: { most: 20, rules: [] },
}
const draft = () =>
  AccountScorecard.draft({
    ...{ id: newId('account_scorecard'), version: 1, journeyId: null, createdAt: monday, updatedAt: monday },
    ...{ name: 'First', parts, grades },
  })

describe('the score of an account', () => {
  it('is the sum of its parts, none of which gives more than its most or less than nothing', () => {
    const fit = [
      { name: 'Large', points: 30 },
      { name: 'Our industry', points: 25 },
    ]
    const behaviour = [{ name: 'Pays late', points: -15 }]
    expect(accountScoreOf({ fit, value: [{ name: 'Orders', points: 20 }], behaviour }, { parts, grades })).toEqual({
      ...{ score: 60, grade: 'B' },
      parts: [
        { part: 'fit', points: 40, most: 40, rules: fit },
        { part: 'value', points: 20, most: 40, rules: [{ name: 'Orders', points: 20 }] },
        { part: 'behaviour', points: 0, most: 20, rules: behaviour },
      ],
    })
  })

  it('is never below 0 or above 100, and always the sum of what its parts show', () => {
    const points = fc.array(fc.record({ name: fc.string(), points: fc.integer({ min: -100, max: 100 }) }), { maxLength: 20 })
    const most = fc.integer({ min: 0, max: 33 })
    fc.assert(
      fc.property(points, points, points, most, most, most, (fit, value, behaviour, a, b, c) => {
        const caps = { fit: { most: a, rules: [] }, value: { most: b, rules: [] }, behaviour: { most: c, rules: [] } }
        const { score, parts: shown } = accountScoreOf({ fit, value, behaviour }, { parts: caps, grades })
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(100)
        expect(score).toBe(shown.reduce((sum, part) => sum + part.points, 0))
        for (const part of shown) expect(part.points).toBeLessThanOrEqual(part.most)
      }),
    )
  })

  it.each([
    [null, { score: 0, grade: 'D' }, 'first'],
    [{ score: 49, grade: 'C' }, { score: 50, grade: 'B' }, 'grade'],
    [{ score: 50, grade: 'B' }, { score: 59, grade: 'B' }, undefined],
    [{ score: 50, grade: 'B' }, { score: 60, grade: 'B' }, 'score'],
    [{ score: 60, grade: 'B' }, { score: 50, grade: 'B' }, 'score'],
  ] as const)('that was told as %j and is %j is told again because of: %s', (told, now, reason) => {
    expect(reasonToTell(told, now)).toBe(reason)
  })
})

describe('a scorecard of accounts', () => {
  it('is changed while it is a draft, and never again', () => {
    expect(draft().change({ name: 'Second' }, tuesday)).toMatchObject({ name: 'Second', status: 'draft', updatedAt: tuesday })
    const active = draft().activate(tuesday)
    expect(active).toMatchObject({ status: 'active', activatedAt: tuesday })
    expect(active.activate(tuesday)).toBe(active)
    expect(() => active.change({ name: 'Second' }, tuesday)).toThrow(new Refusal('scorecard.not_draft'))
    expect(active.retire(tuesday).status).toBe('retired')
  })

  it.each(accountScorecardStatus.states.filter((status) => status !== 'active'))('that is %s is not retired', (status) => {
    expect(() => Object.assign(draft(), { status }).retire(tuesday)).toThrow(new Refusal('account_scorecard.illegal_move'))
  })
})

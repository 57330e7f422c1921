import { gradeOf, newId, Refusal } from '@millrace/domain'
import { aLead, monday, tuesday } from '../lead/lead.fixture.js'
import { Scorecard, scorecardStatus, scoreOf } from './scorecard.js'

const limits = { a: 75, b: 50, c: 25 }
const id = newId('scorecard')
const draft = () =>
  Scorecard.draft({
    ...{ id, version: 1, journeyId: null, createdAt: monday, updatedAt: monday },
    ...{ name: 'First', rules: [{ name: 'Fair', condition: 'lead.source == "fair"', points: 30 }], grades: limits },
  })

describe('a score', () => {
  it('is the sum of the points, held between 0 and 100, and keeps what it is made of', () => {
    const parts = [
      { name: 'Fair', points: 30 },
      { name: 'Director', points: 25 },
      { name: 'Free mail', points: -10 },
    ]
    expect(scoreOf(parts, limits, id)).toEqual({ score: 45, grade: 'C', parts, scorecardId: id })
    expect(scoreOf([{ name: 'x', points: -5 }], limits, id)).toMatchObject({ score: 0, grade: 'D' })
    expect(scoreOf([...parts, { name: 'x', points: 90 }], limits, id)).toMatchObject({ score: 100, grade: 'A' })
    expect(scoreOf([], limits, id)).toMatchObject({ score: 0, grade: 'D' })
  })

  it.each([
    [100, 'A'],
    [75, 'A'],
    [74, 'B'],
    [50, 'B'],
    [49, 'C'],
    [25, 'C'],
    [24, 'D'],
    [0, 'D'],
  ])('of %i is grade %s', (score, grade) => {
    expect(gradeOf(score, limits)).toBe(grade)
  })

  it('that a lead has already changes nothing', () => {
    const score = scoreOf([{ name: 'Fair', points: 30 }], limits, id)
    const lead = aLead().scored(score)
    expect(lead).toMatchObject({ score: 30, grade: 'C', scorecardId: id })
    expect(lead.scored(scoreOf([{ name: 'Fair', points: 30 }], limits, id))).toBe(lead)
    expect(lead.scored(scoreOf([{ name: 'Booth', points: 30 }], limits, id))).not.toBe(lead)
  })
})

describe('a scorecard', () => {
  it('is changed while it is a draft, and never again', () => {
    expect(draft().change({ name: 'Second' }, tuesday)).toMatchObject({ name: 'Second', status: 'draft', updatedAt: tuesday })
    const active = draft().activate(tuesday)
    expect(active).toMatchObject({ status: 'active', activatedAt: tuesday })
    expect(active.activate(tuesday)).toBe(active)
    expect(() => active.change({ name: 'Second' }, tuesday)).toThrow(new Refusal('scorecard.not_draft'))
    expect(active.retire(tuesday).status).toBe('retired')
  })

  it.each(scorecardStatus.states.filter((status) => status !== 'active'))('that is %s is not retired', (status) => {
    expect(() => Object.assign(draft(), { status }).retire(tuesday)).toThrow(new Refusal('scorecard.illegal_move'))
  })
})

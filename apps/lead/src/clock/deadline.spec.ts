import { officeHours } from '@millrace/domain'
import { aLead, amy, monday } from '../lead/lead.fixture.js'
import { allowed, dueOf, remindOf, unhurried, type ClockRules } from './deadline.js'

const shanghai = officeHours('Asia/Shanghai')
const limits = (firstResponseMinutes: number | null, nextStepMinutes: number | null) => ({ firstResponseMinutes, nextStepMinutes })
const rules: ClockRules = {
  ...unhurried,
  deadlines: { A: limits(30, 540), B: limits(60, 540), C: limits(120, null), D: limits(null, null), none: limits(240, null) },
  remindMinutes: 20,
}
// Monday, four in the afternoon in Shanghai.
const lead = (given: Parameters<typeof aLead>[0] = {}) => aLead({ status: 'assigned', ownerId: amy.id, steppedAt: monday, ...given })
const due = (given: Parameters<typeof aLead>[0] = {}, by: ClockRules = rules, calendar = shanghai) =>
  dueOf(lead(given), by, calendar, monday)?.toISOString() ?? null

describe('what an owner has to do', () => {
  it('is due by the grade of the lead, in the owner’s working time', () => {
    expect((['A', 'B', 'C', 'D', null] as const).map((grade) => due({ grade }))).toEqual([
      '2026-11-02T08:30:00.000Z',
      '2026-11-02T09:00:00.000Z',
      '2026-11-02T10:00:00.000Z',
      null,
      '2026-11-03T03:00:00.000Z',
    ])
    expect(due({ grade: 'A', status: 'working' })).toBe('2026-11-03T08:00:00.000Z')
    expect(due({ grade: 'C', status: 'working' })).toBeNull()
  })

  it('is what they said themselves, also where the company sets no deadline', () => {
    const nextStepAt = new Date('2026-11-05T01:00:00Z')
    expect(due({ status: 'working', grade: 'C', nextStepAt })).toBe('2026-11-05T01:00:00.000Z')
    expect(due({ status: 'qualified', nextStepAt }, unhurried)).toBe('2026-11-05T01:00:00.000Z')
  })

  it('is nothing when nobody owns the lead, when it rests or is done, or when they never work', () => {
    expect((['new', 'pooled', 'nurturing', 'disqualified', 'converted'] as const).map((status) => due({ status }))).toEqual(
      Array(5).fill(null),
    )
    expect(due({ ownerId: null })).toBeNull()
    expect(due({}, rules, { ...shanghai, week: Array(7).fill([]) as [] })).toBeNull()
    expect(allowed(lead({ status: 'qualified' }), rules)).toBeNull()
  })

  it('was never due before the company said so', () => {
    expect(due({ grade: 'A' }, { ...rules, changedAt: new Date('2026-11-04T01:00:00Z') })).toBe('2026-11-04T01:30:00.000Z')
    expect(due({ grade: 'A', steppedAt: null })).toBe('2026-11-02T08:30:00.000Z')
  })

  it('is reminded of some working time before, if there is more than that', () => {
    const remind = (dueAt: string, minutes: number | null = 20) =>
      remindOf(new Date(dueAt), monday, { remindMinutes: minutes }, shanghai)?.toISOString() ?? null
    expect(remind('2026-11-03T01:10:00Z')).toBe('2026-11-02T09:50:00.000Z')
    expect(remind('2026-11-02T08:20:00Z')).toBeNull()
    expect(remind('2026-11-03T01:10:00Z', null)).toBeNull()
  })
})

import { addDays, newId, officeHours, type CalendarDate } from '@millrace/domain'
import fc from 'fast-check'
import { ServiceDue, workingDayFrom } from './service-due.js'
import { counted, ServicePlan } from './service-plan.js'

const monday = new Date('2026-11-02T08:00:00Z')
const head = { version: 1, journeyId: null, createdAt: monday, updatedAt: monday }
const step = { key: 'call', kind: 'call', everyDays: 30, text: 'Call' } as const
const plan = (given: object = {}) =>
  ServicePlan.create({
    ...{
      ...head,
      id: newId('service_plan'),
      name: 'Key',
      segmentId: null,
      accountClass: 'key',
      steps: [step],
      startsOn: '2026-11-01',
      ...given,
    },
  })
const due = () =>
  ServiceDue.owe({
    ...{ ...head, id: newId('service_due'), planId: newId('service_plan'), step: 'call', kind: 'call', accountId: newId('account') },
    ...{ since: '2026-10-01', dueOn: '2026-11-05' },
  })

describe('a service plan', () => {
  it('is for a segment or for a class, and names each step once', () => {
    expect(() => plan({ accountClass: null })).toThrow('service_plan.one_target')
    expect(() => plan({ segmentId: newId('segment') })).toThrow('service_plan.one_target')
    expect(() => plan({ steps: [step, step] })).toThrow('service_plan.step_twice')
    expect(() => plan().change({ segmentId: newId('segment'), accountClass: null }, monday)).not.toThrow()
  })
})

describe('when a step is due', () => {
  const standing = { startsOn: '2026-11-01', everyDays: 30, openedOn: '2026-06-01', lastDoneOn: null, lastClosedOn: null } as const

  it('is so many days after it was done last, whoever owed it', () => {
    expect(counted({ ...standing, lastDoneOn: '2026-10-20' })).toEqual({ since: '2026-10-20', dueOn: '2026-11-19' })
    expect(counted({ ...standing, lastDoneOn: '2026-10-20', lastClosedOn: '2026-11-03' })).toEqual({
      since: '2026-11-03',
      dueOn: '2026-12-03',
    })
  })

  it('is counted from the beginning of the plan or of the account where it was never done', () => {
    expect(counted(standing)).toEqual({ since: '2026-11-01', dueOn: '2026-12-01' })
    expect(counted({ ...standing, openedOn: '2026-11-20' })).toEqual({ since: '2026-11-20', dueOn: '2026-12-20' })
  })

  it('is never before the plan begins', () => {
    const day = fc.integer({ min: 0, max: 2_000 }).map((n) => addDays('2024-01-01', n))
    fc.assert(
      fc.property(
        day,
        day,
        fc.option(day),
        fc.option(day),
        fc.integer({ min: 1, max: 1_000 }),
        (startsOn, openedOn, lastDoneOn, lastClosedOn, everyDays) => {
          const { since, dueOn } = counted({ startsOn, openedOn, lastDoneOn, lastClosedOn, everyDays })
          expect(dueOn >= startsOn).toBe(true)
          expect(dueOn >= addDays(since, everyDays)).toBe(true)
          for (const done of [lastDoneOn, lastClosedOn]) if (done) expect(since >= done).toBe(true)
        },
      ),
    )
  })

  it('is moved to the next day on which its owner works', () => {
    const office = officeHours('Asia/Shanghai')
    const days: [CalendarDate, CalendarDate][] = [
      ['2026-11-06', '2026-11-06'],
      ['2026-11-07', '2026-11-09'],
    ]
    for (const [counts, works] of days) expect(workingDayFrom(counts, office)).toBe(works)
    const away = [{ startsAt: new Date('2026-11-08T16:00:00Z'), endsAt: new Date('2026-11-10T16:00:00Z') }]
    expect(workingDayFrom('2026-11-07', { ...office, away })).toBe('2026-11-11')
    expect(workingDayFrom('2026-11-07', { ...office, week: [[], [], [], [], [], [], []] })).toBe('2026-11-07')
  })
})

describe('what is owed', () => {
  it('is done, skipped or lapsed, once', () => {
    expect(due().finish('2026-11-04', null, monday)).toMatchObject({ status: 'done', closedOn: '2026-11-04' })
    const skipped = due().skip('They are closed', '2026-11-04', null, monday)
    expect(skipped).toMatchObject({ status: 'skipped', reason: 'They are closed' })
    for (const move of [
      () => skipped.finish('2026-11-05', null, monday),
      () => skipped.lapse(monday),
      () => skipped.postpone('2026-12-01', 'x', '2026-11-02', monday),
    ])
      expect(move).toThrow('service_due.illegal_move')
  })

  it('is postponed to a later day of the year to come, and the plan does not move it back', () => {
    const postponed = due().postpone('2026-11-20', 'They asked', '2026-11-02', monday)
    expect(postponed).toMatchObject({ status: 'open', dueOn: '2026-11-20', postponedFrom: '2026-11-05', reason: 'They asked' })
    expect(postponed.recount({ since: '2026-10-01', dueOn: '2026-10-31' }, monday)).toBe(postponed)
    expect(postponed.postpone('2026-12-01', 'Again', '2026-11-02', monday)).toMatchObject({ postponedFrom: '2026-11-05' })
    for (const to of ['2026-11-05', '2026-11-01', '2027-11-20'] as const)
      expect(() => due().postpone(to, 'x', '2026-11-02', monday)).toThrow('service_due.not_later')
    expect(() => due().postpone('2026-11-06', 'x', '2026-11-06', monday)).toThrow('service_due.not_later')
  })

  it('is not done by what was done before it was counted', () => {
    expect(['2026-09-30', '2026-10-01', '2026-10-02'].map((on) => due().isDoneBy(on as CalendarDate))).toEqual([false, false, true])
  })
})

import { newId, type Refusal } from '@millrace/domain'
import { AccountPlan, accountPlanStatus, type PlanContent } from './plan.js'

const monday = new Date('2026-11-02T08:00:00Z')
const amy = newId('user')
const goal = { key: 'crm', text: 'CRM in all branches', measure: '300 seats', dueOn: '2027-06-30', reachedOn: null } as const
const action = { key: 'demo', text: 'Demo for the board', goalKey: 'crm', ownerId: amy, dueOn: '2026-12-01', doneOn: null } as const
const draft = (given: Partial<PlanContent> = {}) =>
  AccountPlan.draft({
    ...{ id: newId('account_plan'), version: 1, journeyId: null, createdAt: monday, updatedAt: monday, accountId: newId('account') },
    ...{ title: '2027', startsOn: '2027-01-01', endsOn: '2027-12-31', goals: [goal], relations: [], actions: [action] },
    ...given,
  })
const codeOf = (work: () => unknown) => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as Refusal).code
  }
}

describe('a key-account plan', () => {
  it('counts goals and actions, and those that are done', () => {
    const plan = draft({ goals: [goal, { ...goal, key: 'two', reachedOn: '2027-02-01' }], actions: [{ ...action, doneOn: '2026-11-20' }] })
    expect(plan.progress).toEqual({ goals: 2, goalsReached: 1, actions: 1, actionsDone: 1 })
  })

  it('does not end before it starts, names each entry once, and has no action for a goal it does not have', () => {
    expect(codeOf(() => draft({ endsOn: '2026-12-31' }))).toBe('account_plan.period')
    expect(codeOf(() => draft({ goals: [goal, goal] }))).toBe('account_plan.key_twice')
    expect(codeOf(() => draft({ actions: [action, action] }))).toBe('account_plan.key_twice')
    expect(codeOf(() => draft({ goals: [], actions: [action] }))).toBe('account_plan.no_such_goal')
    expect(codeOf(() => draft().change({ goals: [] }, monday))).toBe('account_plan.no_such_goal')
  })

  it('is worked by once it has a goal and an action, until it is closed', () => {
    expect(codeOf(() => draft({ actions: [] }).activate(monday))).toBe('account_plan.empty')
    const active = draft().activate(monday)
    expect(active.activate(monday)).toBe(active)
    const closed = active.close('Reached', monday)
    expect(closed).toMatchObject({ status: 'closed', closingNote: 'Reached' })
    expect(codeOf(() => closed.change({ title: 'x' }, monday))).toBe('account_plan.closed')
  })

  it.each(accountPlanStatus.states.filter((status) => status === 'closed'))('that is %s does not come back', (status) => {
    const plan = Object.assign(Object.create(AccountPlan.prototype) as AccountPlan, draft(), { status })
    expect(codeOf(() => plan.activate(monday))).toBe('account_plan.illegal_move')
    expect(codeOf(() => plan.close('again', monday))).toBe('account_plan.illegal_move')
  })
})

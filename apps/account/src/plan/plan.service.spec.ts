import {
  activateAccountPlan,
  addContact,
  assignAccount,
  changeAccountPlan,
  closeAccountPlan,
  draftAccountPlan,
  getAccountPlan,
  listAccountPlans,
  listPlanActions,
  openAccount,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
beforeEach(async () => {
  company = await world.company()
})
afterAll(() => world.stop())

const anAccount = (name: string) => service.as(company.amy).does(openAccount, { body: { name } })
const content = () => ({
  ...{ title: '2027', startsOn: '2027-01-01', endsOn: '2027-12-31' },
  goals: [{ key: 'crm', text: 'CRM in all branches' }],
  actions: [
    { key: 'demo', text: 'Demo for the board', goalKey: 'crm', ownerId: company.amy.id, dueOn: '2026-12-01' },
    { key: 'visit', text: 'Visit the plant', ownerId: company.mona.id, dueOn: '2026-11-20' },
  ],
})
const draft = (accountId: string, given: object = {}) =>
  service.as(company.amy).does(draftAccountPlan, { body: { accountId, ...content(), ...given } })

describe('planning for a key account', () => {
  it('keeps goals, relations and actions, and shows what is still to be done, the most urgent first', async () => {
    const account = await anAccount('Key Ltd')
    const contact = await service.as(company.amy).does(addContact, { body: { accountId: account.id, name: 'Li Lei' } })
    const plan = await draft(account.id, { relations: [{ contactId: contact.id, strength: 2, wished: 4, ownerId: company.amy.id }] })
    expect(plan).toMatchObject({
      ...{ status: 'draft', accountId: account.id, progress: { goals: 1, goalsReached: 0, actions: 2, actionsDone: 0 } },
      relations: [{ contactId: contact.id, role: null, strength: 2, wished: 4, ownerId: company.amy.id, note: null }],
    })
    const due = async (query: object = {}) =>
      (await service.as(company.amy).does(listPlanActions, { query: { ...query } })).data.map(({ key }: { key: string }) => key)
    expect(await due()).toEqual([])
    await service.as(company.amy).does(activateAccountPlan, { params: { id: plan.id } })
    expect(await due()).toEqual(['visit', 'demo'])
    expect(await due({ ownerId: company.amy.id })).toEqual(['demo'])
    expect(await due({ dueBefore: '2026-11-21' })).toEqual(['visit'])
    const actions = content().actions.map((action) => ({ ...action, doneOn: '2026-11-20' }))
    const changed = await service.as(company.amy).does(changeAccountPlan, {
      ...{ params: { id: plan.id }, body: { actions }, headers: { 'if-match': '"2"' } },
    })
    expect(changed.progress).toMatchObject({ actions: 2, actionsDone: 2 })
    expect(await due()).toEqual([])
    const closed = await service.as(company.amy).does(closeAccountPlan, { params: { id: plan.id }, body: { note: 'All reached' } })
    expect(closed).toMatchObject({ status: 'closed', closingNote: 'All reached' })
  })

  it('has one active plan an account, also when two are activated at once', async () => {
    const account = await anAccount('Two Ltd')
    const plans = [await draft(account.id), await draft(account.id)]
    const answers = await Promise.all(plans.map(({ id }) => service.as(company.amy).call(activateAccountPlan, { params: { id } })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)!.body.code).toBe('account_plan.another_active')
  })

  it('refuses accounts, contacts and people that nobody knows or that are of elsewhere', async () => {
    const [account, other] = [await anAccount('One Ltd'), await anAccount('Other Ltd')]
    const foreign = await service.as(company.amy).does(addContact, { body: { accountId: other.id, name: 'N' } })
    const refused = async (given: object) =>
      (await service.as(company.amy).call(draftAccountPlan, { body: { accountId: account.id, ...content(), ...given } })).body as unknown
    expect(await refused({ accountId: newId('account') })).toMatchObject({ code: 'reference.unknown', field: 'accountId' })
    expect(await refused({ relations: [{ contactId: foreign.id, strength: 1, wished: 2 }] })).toMatchObject({
      code: 'reference.unknown',
      field: 'contactId',
    })
    expect(await refused({ actions: [{ ...content().actions[0], ownerId: newId('user') }] })).toMatchObject({
      code: 'reference.unknown',
      field: 'ownerId',
    })
    expect(await refused({ endsOn: '2026-01-01' })).toMatchObject({ code: 'account_plan.period' })
  })

  it('is seen by who sees the account, and goes with it to another owner', async () => {
    const account = await anAccount('Handed Ltd')
    const plan = await draft(account.id)
    await service.as(company.amy).does(activateAccountPlan, { params: { id: plan.id } })
    const sees = async (person: Person) => {
      const one = (await service.as(person).call(getAccountPlan, { params: { id: plan.id } })).status
      const list = (await service.as(person).does(listAccountPlans, {})).data.length as number
      const due = (await service.as(person).does(listPlanActions, {})).data.length as number
      return [one, list, due]
    }
    expect(await sees(company.amy)).toEqual([200, 1, 2])
    expect(await sees(company.mona)).toEqual([200, 1, 2])
    expect(await sees(company.bob)).toEqual([404, 0, 0])
    expect(await sees((await world.company()).ada)).toEqual([404, 0, 0])
    const change = await service.as(company.bob).call(closeAccountPlan, { params: { id: plan.id }, body: { note: 'x' } })
    expect([change.status, change.body.code]).toEqual([404, 'account_plan.not_found'])
    await service.as(company.olga).does(assignAccount, { params: { id: account.id }, body: { ownerId: company.bob.id } })
    expect(await sees(company.bob)).toEqual([200, 1, 2])
    expect(await sees(company.amy)).toEqual([404, 0, 0])
  })
})

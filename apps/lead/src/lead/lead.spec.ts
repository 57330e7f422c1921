import { newId, type Refusal } from '@millrace/domain'
import { aLead, amy, bob, monday, tuesday } from './lead.fixture.js'
import { leadStatus, type LeadStatus } from './lead.js'

const refusal = (work: () => unknown): Refusal => {
  try {
    work()
  } catch (error) {
    return error as Refusal
  }
  throw new Error('was not refused')
}

describe('the life of a lead', () => {
  it('reaches every status from the first one', () => {
    expect(leadStatus.unreachable()).toEqual([])
  })

  it('begins assigned when it has an owner and new when it has none', () => {
    expect(aLead().status).toBe('new')
    expect(aLead().assign(amy.id, monday)).toMatchObject({ status: 'assigned', ownerId: amy.id })
  })

  it('changes hands while it is worked', () => {
    const worked = aLead().assign(amy.id, monday).work(monday)
    expect(worked.assign(bob.id, tuesday)).toMatchObject({ status: 'assigned', ownerId: bob.id, updatedAt: tuesday })
  })

  it('cannot be worked or qualified by nobody', () => {
    expect(refusal(() => aLead().work(monday)).code).toBe('lead.no_owner')
    expect(refusal(() => aLead().qualify(monday)).code).toBe('lead.no_owner')
  })

  it('is given up with a reason, and looked at again without it', () => {
    const lost = aLead().assign(amy.id, monday).disqualify('no_budget', tuesday)
    expect(lost).toMatchObject({ status: 'disqualified', disqualifiedReason: 'no_budget' })
    expect(lost.reopen(tuesday)).toMatchObject({ status: 'assigned', disqualifiedReason: null })
    expect(refusal(() => lost.change({ companyName: 'x' }, tuesday)).code).toBe('lead.closed')
  })
})

describe('letting a lead rest', () => {
  const worked = () => aLead().assign(amy.id, monday).work(monday)

  it('until its day, and not into the past or for years', () => {
    const resting = worked().nurture(tuesday, monday)
    expect(resting).toMatchObject({ status: 'nurturing', wakeAt: tuesday })
    expect([resting.isToWake(monday), resting.isToWake(tuesday)]).toEqual([false, true])
    for (const day of [monday, new Date('2029-01-01T00:00:00Z')])
      expect(refusal(() => worked().nurture(day, monday)).code).toBe('lead.wake_at_once')
  })

  it('ends when it is worked, given up or merged', () => {
    const resting = worked().nurture(tuesday, monday)
    for (const lead of [resting.work(monday), resting.disqualify('spam', monday), resting.mergeInto(newId('lead'), monday)])
      expect(lead.wakeAt).toBeNull()
  })
})

describe('converting a lead', () => {
  const qualified = () => aLead({ status: 'qualified', ownerId: amy.id })

  it('gives it an account, a contact and a deal of its own', () => {
    const lead = qualified().convert({ newOpportunity: true }, monday)
    expect(lead).toMatchObject({ status: 'converted', convertedAt: monday })
    expect(lead.accountId).toMatch(/^account_/)
    expect(lead.contactId).toMatch(/^contact_/)
    expect(lead.opportunityId).toMatch(/^opportunity_/)
  })

  it('takes the account, contact and deal that are there', () => {
    const [accountId, contactId, opportunityId] = [newId('account'), newId('contact'), newId('opportunity')]
    expect(qualified().convert({ accountId, contactId, opportunityId, newOpportunity: false }, monday)).toMatchObject({
      accountId,
      contactId,
      opportunityId,
    })
  })

  it('makes no deal when none is wished for', () => {
    expect(qualified().convert({ newOpportunity: false }, monday).opportunityId).toBeNull()
  })

  it('answers the same when asked again', () => {
    const once = qualified().convert({ newOpportunity: true }, monday)
    expect(once.convert({ newOpportunity: true }, tuesday)).toBe(once)
    expect(once.convert({ accountId: once.accountId!, newOpportunity: true }, tuesday)).toBe(once)
  })

  it('refuses to be converted into something else afterwards', () => {
    const once = qualified().convert({ newOpportunity: true }, monday)
    expect(refusal(() => once.convert({ accountId: newId('account'), newOpportunity: true }, tuesday)).code).toBe(
      'lead.converted_otherwise',
    )
  })

  it('needs a way to reach the customer, and a name for the account', () => {
    expect(refusal(() => aLead({ ...qualified(), email: null, phone: null }).convert({ newOpportunity: true }, monday)).code).toBe(
      'lead.not_contactable',
    )
    expect(
      refusal(() => aLead({ ...qualified(), companyName: null, contactName: null }).convert({ newOpportunity: true }, monday)).code,
    ).toBe('lead.no_company')
  })

  it.each(leadStatus.states.filter((status) => status !== 'qualified' && status !== 'converted'))(
    'is refused while %s',
    (status: LeadStatus) => {
      expect(refusal(() => aLead({ status, ownerId: amy.id }).convert({ newOpportunity: true }, monday))).toMatchObject({
        code: 'lead.not_qualified',
        details: { status },
      })
    },
  )
})

import { Money, newId } from '@millrace/domain'
import { factsOf, ownerOf, recordedAt, recordsOf } from './step.js'

const amount = { amount: '120000.00', currency: 'CNY' }

describe('what a step says in short', () => {
  it('is title, number, amount, stage and reason, where the event has them', () => {
    expect(factsOf('quote', { number: 'Q-1', total: Money.parse('12.50', 'CNY') })).toEqual({
      number: 'Q-1',
      amount: { amount: '12.50', currency: 'CNY' },
    })
    expect(factsOf('opportunity', { title: 'CRM', stage: { key: 'a', name: 'First' }, amount: null })).toEqual({
      title: 'CRM',
      stage: 'First',
    })
    expect(factsOf('opportunity', { from: { name: 'First' }, to: { name: 'Second' } })).toEqual({ stage: 'Second' })
    expect(factsOf('lead', { companyName: '云图', contactName: 'Li Lei' })).toEqual({ title: '云图' })
    expect(factsOf('lead', { account: { name: '云图' }, opportunity: { title: 'CRM', amount } })).toEqual({ title: 'CRM', amount })
    expect(factsOf('lead', { reason: 'no_need', note: null })).toEqual({ reason: 'no_need' })
  })

  it('leaves the names of persons where they belong', () => {
    expect(factsOf('contact', { name: 'Li Lei', email: 'li@example.com' })).toEqual({})
    expect(factsOf('user', { name: 'Amy' })).toEqual({})
    expect(factsOf('account', { name: '云图' })).toEqual({ title: '云图' })
  })
})

describe('the records of a step', () => {
  it('are its own and those of the road that it names, however deep', () => {
    const [receipt, account, receivable, user, product] = [
      newId('receipt'),
      newId('account'),
      newId('receivable'),
      newId('user'),
      newId('product'),
    ]
    const named = recordsOf(receipt, {
      receiptId: receipt,
      accountId: account,
      ownerId: user,
      products: [{ productId: product }],
      allocations: [{ receivableId: receivable, amount }, { receivableId: receivable }],
      note: 'account_ is not an id',
    })
    expect(named).toEqual([receipt, account, receivable])
  })

  it('are not those that a handover names: it would link the roads of all customers', () => {
    const handover = newId('handover')
    expect(recordsOf(handover, { handoverId: handover, accounts: [{ accountId: newId('account') }] })).toEqual([handover])
  })
})

describe('the owner after a step', () => {
  it('is known, nobody, or not told', () => {
    expect(ownerOf({ ownerId: 'user_1' })).toBe('user_1')
    expect(ownerOf({ ownerId: null })).toBeNull()
    expect(ownerOf({})).toBeUndefined()
  })
})

describe('when a step was recorded', () => {
  it('is told by the id of its event', () => {
    const at = new Date('2016-10-20T00:00:00Z')
    expect(Math.abs(recordedAt(newId('event'), at).getTime() - Date.now())).toBeLessThan(60_000)
    expect(recordedAt('elsewhere-1', at)).toBe(at)
  })
})

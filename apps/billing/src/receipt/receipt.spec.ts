import { calendarDate, Money, newId } from '@millrace/domain'
import { refusal } from '../receivable/receivable.fixture.js'
import { Receipt } from './receipt.js'

const monday = new Date('2026-11-02T08:00:00Z')
const yuan = (amount: string) => Money.parse(amount, 'CNY')

const aReceipt = () =>
  Receipt.record({
    id: newId('receipt'),
    version: 1,
    journeyId: null,
    createdAt: monday,
    updatedAt: monday,
    accountId: newId('account'),
    ownerId: null,
    amount: yuan('100.00'),
    receivedOn: calendarDate('2026-11-02'),
    reference: null,
    bankAccount: null,
    externalId: null,
  })

describe('a receipt', () => {
  it('is all credit when it arrives', () => {
    expect(aReceipt().credit).toEqual(yuan('100.00'))
  })

  it('spends its credit and not a fen more', () => {
    const spent = aReceipt().spend(yuan('60.00'), monday)
    expect(spent.credit).toEqual(yuan('40.00'))
    expect(refusal(() => spent.spend(yuan('40.01'), monday))).toMatchObject({
      code: 'receipt.over_allocated',
      details: { credit: '40.00 CNY' },
    })
    expect(spent.regain(yuan('60.00'), monday).credit).toEqual(yuan('100.00'))
  })

  it('is the same money when account, amount and day are', () => {
    const receipt = aReceipt()
    const { accountId, amount, receivedOn } = receipt
    expect(receipt.isSameAs({ accountId, amount: yuan('100.00'), receivedOn })).toBe(true)
    expect(receipt.isSameAs({ accountId, amount: yuan('100.01'), receivedOn })).toBe(false)
    expect(receipt.isSameAs({ accountId: newId('account'), amount, receivedOn })).toBe(false)
    expect(receipt.isSameAs({ accountId, amount, receivedOn: calendarDate('2026-11-03') })).toBe(false)
  })
})

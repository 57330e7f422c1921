import { calendarDate, type Money } from '@millrace/domain'
import fc from 'fast-check'
import { aReceivable, anInvoiced, monday, refusal, today, tuesday, yuan } from './receivable.fixture.js'
import { receivableStatus, type Receivable } from './receivable.js'

const inMarch = calendarDate('2027-03-01')
const lastWeek = calendarDate('2026-10-26')

describe('the life of a receivable', () => {
  it('reaches every status from the first one', () => {
    expect(receivableStatus.unreachable()).toEqual([])
  })

  it('is planned until its day and due from then on', () => {
    expect(aReceivable({ dueOn: inMarch }).status).toBe('planned')
    expect(aReceivable({ dueOn: today }).status).toBe('due')
    expect(aReceivable({ dueOn: lastWeek }).status).toBe('due')
  })

  it('is overdue the day after, as long as something is open', () => {
    expect(aReceivable({ dueOn: today }).isOverdue(today)).toBe(false)
    expect(aReceivable({ dueOn: lastWeek }).isOverdue(today)).toBe(true)
    expect(anInvoiced({ dueOn: lastWeek }).settle(yuan('100.00'), tuesday).isOverdue(today)).toBe(false)
  })
})

describe('paying a receivable', () => {
  it('settles it in part, then in full, and not a fen more', () => {
    const partly = anInvoiced().settle(yuan('99.99'), tuesday)
    expect(partly).toMatchObject({ status: 'partly_settled', settled: yuan('99.99'), open: yuan('0.01'), updatedAt: tuesday })
    expect(refusal(() => partly.settle(yuan('0.02'), tuesday))).toMatchObject({
      code: 'receivable.over_settled',
      details: { open: '0.01 CNY' },
    })
    const paid = partly.settle(yuan('0.01'), tuesday)
    expect(paid).toMatchObject({ status: 'settled', open: yuan('0.00') })
    expect(refusal(() => paid.settle(yuan('0.01'), tuesday)).code).toBe('receivable.closed')
  })

  it('needs an invoice', () => {
    expect(refusal(() => aReceivable().settle(yuan('1.00'), tuesday)).code).toBe('receivable.not_invoiced')
  })

  it('before its day takes all or nothing', () => {
    const early = anInvoiced({ dueOn: inMarch })
    expect(refusal(() => early.settle(yuan('99.00'), tuesday)).code).toBe('receivable.not_due')
    expect(early.settle(yuan('100.00'), tuesday).status).toBe('settled')
  })

  it('undone, is what it was before: planned, due, or paid by somebody else', () => {
    const all = yuan('100.00')
    expect(anInvoiced({ dueOn: inMarch }).settle(all, monday).reopen(all, today, tuesday)).toMatchObject({ status: 'planned', open: all })
    expect(anInvoiced({ dueOn: inMarch }).settle(all, monday).reopen(all, inMarch, tuesday).status).toBe('due')
    const paid = anInvoiced().settle(yuan('40.00'), monday).settle(yuan('60.00'), monday)
    expect(paid.reopen(yuan('60.00'), today, tuesday)).toMatchObject({ status: 'partly_settled', open: yuan('60.00') })
    expect(paid.reopen(yuan('60.00'), today, tuesday).reopen(yuan('40.00'), today, tuesday)).toMatchObject({ status: 'due', open: all })
  })
})

describe('invoicing a receivable', () => {
  it('bills what is open with the tax in it, once', () => {
    const line = aReceivable().billable()
    expect(line).toMatchObject({ net: yuan('87.00'), tax: yuan('13.00'), gross: yuan('100.00') })
    expect(refusal(() => anInvoiced().billable())).toMatchObject({ code: 'receivable.invoiced', details: { number: 'INV-VO-000001' } })
    expect(refusal(() => aReceivable({ dueOn: inMarch }).cancel(tuesday).billable()).code).toBe('receivable.closed')
  })

  it('can be done again when the invoice was taken back, but not while something is paid', () => {
    expect(anInvoiced().uninvoice(tuesday)).toMatchObject({ invoiceId: null, invoiceNumber: null, status: 'due', open: yuan('100.00') })
    expect(refusal(() => anInvoiced().settle(yuan('1.00'), monday).uninvoice(tuesday)).code).toBe('invoice.paid')
    expect(refusal(() => anInvoiced().writeOff(monday).uninvoice(tuesday)).code).toBe('invoice.paid')
  })

  it('bills less after a credit note', () => {
    const less = anInvoiced().credit(yuan('30.00'), yuan('3.90'), monday).uninvoice(tuesday)
    expect(less.billable()).toMatchObject({ net: yuan('60.90'), tax: yuan('9.10'), gross: yuan('70.00') })
  })
})

describe('owing less', () => {
  it('leaves the status until nothing is open', () => {
    expect(anInvoiced().credit(yuan('30.00'), yuan('3.90'), tuesday)).toMatchObject({ status: 'due', open: yuan('70.00') })
    expect(anInvoiced({ dueOn: inMarch }).credit(yuan('30.00'), yuan('3.90'), tuesday).status).toBe('planned')
    expect(anInvoiced().credit(yuan('100.00'), yuan('13.00'), tuesday)).toMatchObject({ status: 'settled', open: yuan('0.00') })
    const partly = anInvoiced().settle(yuan('40.00'), monday)
    expect(partly.credit(yuan('60.00'), yuan('7.80'), tuesday)).toMatchObject({ status: 'settled', open: yuan('0.00') })
  })

  it('is for good when it is written off', () => {
    const lost = anInvoiced().settle(yuan('40.00'), monday).writeOff(tuesday)
    expect(lost).toMatchObject({ status: 'written_off', settled: yuan('40.00'), open: yuan('0.00') })
    expect(refusal(() => lost.settle(yuan('1.00'), tuesday)).code).toBe('receivable.closed')
    expect(refusal(() => lost.reopen(yuan('40.00'), today, tuesday)).code).toBe('receivable.written_off')
    expect(refusal(() => aReceivable({ dueOn: inMarch }).writeOff(tuesday)).code).toBe('receivable.illegal_move')
  })
})

it('never owes or holds more than its amount, whatever is paid, undone and credited', () => {
  const step = fc.record({ kind: fc.constantFrom('settle', 'reopen', 'credit'), fen: fc.bigInt({ min: 1n, max: 12_000n }) })
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 30 }), (early, steps) => {
      let receivable: Receivable = anInvoiced(early ? { dueOn: inMarch } : {})
      const payments: Money[] = []
      for (const { kind, fen } of steps) {
        try {
          if (kind === 'settle') {
            receivable = receivable.settle(yuan(fen), tuesday)
            payments.push(yuan(fen))
          } else if (kind === 'reopen' && payments.length) receivable = receivable.reopen(payments.pop()!, today, tuesday)
          else if (kind === 'credit' && fen <= receivable.open.minor) receivable = receivable.credit(yuan(fen), yuan(0n), tuesday)
        } catch (error) {
          expect((error as { code: string }).code).toMatch(/^receivable\.(closed|over_settled|not_due)$/)
        }
        const { amount, settled, credited, open, status } = receivable
        expect(settled.plus(credited).plus(open)).toEqual(amount)
        expect(open.isNegative() || settled.isNegative()).toBe(false)
        expect(status === 'settled').toBe(open.isZero())
        expect(status === 'partly_settled').toBe(open.isPositive() && settled.isPositive())
        expect(settled).toEqual(payments.reduce((sum, each) => sum.plus(each), yuan(0n)))
      }
    }),
  )
})

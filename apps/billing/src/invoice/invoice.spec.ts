import { calendarDate, Money, newId, Ratio } from '@millrace/domain'
import fc from 'fast-check'
import { refusal } from '../receivable/receivable.fixture.js'
import { creditSeries, documentNumber, Invoice, type CreditableLine } from './invoice.js'

const monday = new Date('2026-11-02T08:00:00Z')
const fen = (minor: bigint) => Money.of(minor, 'CNY')

const part = (gross: bigint, tax: bigint) => ({
  receivableId: newId('receivable'),
  label: 'part',
  net: fen(gross - tax),
  tax: fen(tax),
  gross: fen(gross),
})

const anInvoice = (parts: ReturnType<typeof part>[], given: Partial<Invoice> = {}) =>
  Object.assign(
    Invoice.issue(
      {
        id: newId('invoice'),
        version: 1,
        journeyId: null,
        createdAt: monday,
        updatedAt: monday,
        legalEntityId: newId('legal_entity'),
        series: 'VO',
        sequence: 1n,
        number: 'INV-VO-000001',
        kind: 'vat_ordinary',
        creditOf: null,
        accountId: newId('account'),
        ownerId: null,
        buyerName: '云图科技',
        buyerTaxId: null,
        buyerAddress: null,
        issuedOn: calendarDate('2026-11-02'),
        reason: null,
      },
      parts,
    ).invoice,
    given,
  )

const untouched = (line: ReturnType<typeof part>): CreditableLine => ({
  ...line,
  creditedGross: fen(0n),
  creditedTax: fen(0n),
  open: line.gross,
})

describe('an invoice', () => {
  it('is the sum of its lines', () => {
    expect(anInvoice([part(11_300n, 1_300n), part(5_000n, 0n)])).toMatchObject({ net: fen(15_000n), tax: fen(1_300n), total: fen(16_300n) })
  })

  it('has a number that sorts, in a series that its credit notes do not share', () => {
    expect(documentNumber('INV', 'VS', 42n)).toBe('INV-VS-000042')
    expect(documentNumber('INV', creditSeries('VS'), 1_000_000n)).toBe('INV-VS-R-1000000')
  })
})

describe('crediting an invoice', () => {
  it('without an amount takes back all that is left', () => {
    const lines = [part(11_300n, 1_300n), part(5_000n, 0n)].map(untouched)
    expect(
      anInvoice(lines)
        .creditable(lines, undefined)
        .map(({ gross, tax }) => [gross.minor, tax.minor]),
    ).toEqual([
      [11_300n, 1_300n],
      [5_000n, 0n],
    ])
  })

  it('with an amount divides it by what the lines are open for, with the tax in it', () => {
    const lines = [part(11_300n, 1_300n), part(11_300n, 1_300n)].map(untouched)
    const parts = anInvoice(lines).creditable([lines[0]!, { ...lines[1]!, open: fen(0n) }], fen(113n))
    expect(parts.map(({ gross, tax, net }) => [gross.minor, tax.minor, net.minor])).toEqual([[113n, 13n, 100n]])
  })

  it('takes no more than is open', () => {
    const line = { ...untouched(part(10_000n, 0n)), open: fen(4_000n) }
    expect(refusal(() => anInvoice([line]).creditable([line], fen(4_001n)))).toMatchObject({
      code: 'invoice.credit_too_large',
      details: { available: '40.00 CNY' },
    })
    expect(refusal(() => anInvoice([line]).creditable([line], Money.of(1n, 'USD'))).code).toBe('money.mixed_currencies')
  })

  it('ends when nothing is left, and is not done to a credit note', () => {
    const line = untouched(part(10_000n, 0n))
    const all = anInvoice([line]).credit(fen(10_000n), monday)
    expect(refusal(() => all.creditable([line], undefined)).code).toBe('invoice.credited_already')
    expect(refusal(() => all.credit(fen(1n), monday)).code).toBe('invoice.credit_too_large')
    const note = anInvoice([line], { creditOf: newId('invoice') })
    expect(refusal(() => note.creditable([line], undefined)).code).toBe('invoice.is_credit_note')
  })

  it('bit by bit gives back exactly the tax of every line', () => {
    const shape = fc.record({ gross: fc.bigInt({ min: 1n, max: 1_000_000n }), rate: fc.integer({ min: 0, max: 100 }) })
    fc.assert(
      fc.property(
        fc.array(shape, { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 6 }),
        (shapes, cuts) => {
          let lines = shapes.map(({ gross, rate }) => untouched(part(gross, fen(gross).times(Ratio.of(rate, 100), 'floor').minor)))
          let invoice = anInvoice(lines)
          const taken = new Map(lines.map(({ receivableId }) => [receivableId, { gross: 0n, tax: 0n }]))
          for (const cut of [...cuts, 100]) {
            const open = Money.sum(
              lines.map((line) => line.open),
              'CNY',
            )
            const amount = open.times(Ratio.of(cut, 100), 'floor')
            if (amount.isZero()) continue
            const parts = invoice.creditable(lines, amount)
            expect(
              Money.sum(
                parts.map(({ gross }) => gross),
                'CNY',
              ),
            ).toEqual(amount)
            invoice = invoice.credit(amount, monday)
            for (const { receivableId, gross, tax, net } of parts) {
              expect(tax.isNegative() || net.isNegative()).toBe(false)
              const sum = taken.get(receivableId)!
              sum.gross += gross.minor
              sum.tax += tax.minor
            }
            lines = lines.map((line) => {
              const sum = taken.get(line.receivableId)!
              return { ...line, creditedGross: fen(sum.gross), creditedTax: fen(sum.tax), open: line.gross.minus(fen(sum.gross)) }
            })
          }
          expect(invoice.credited).toEqual(invoice.total)
          for (const { receivableId, gross, tax } of lines) expect(taken.get(receivableId)).toEqual({ gross: gross.minor, tax: tax.minor })
        },
      ),
    )
  })
})

import { newId, Ratio, Refusal } from '@millrace/domain'
import { compareOffers } from './quote-comparison.js'
import { aDraft, aLineWish, aWish, cny, monday, percent, today, tuesday } from './quote.fixture.js'
import { quoteStatus, QuoteVersion, type QuoteStatus } from './quote.js'
import { checkedTerms, termsOf, type Term } from './terms.js'

const refusal = (work: () => unknown): Refusal => {
  try {
    work()
  } catch (error) {
    return error as Refusal
  }
  throw new Error('was not refused')
}
const li = { signer: 'Li Lei', signerTitle: 'CTO', acceptedBy: 'user_x' }
const after = '2026-12-01'

describe('the life of a quote version', () => {
  it('reaches every status from the first one', () => {
    expect(quoteStatus.unreachable()).toEqual([])
  })

  it('begins as a priced draft, is sent, and is accepted with who and when', () => {
    const { version } = aDraft()
    expect(version).toMatchObject({
      number: 1,
      status: 'draft',
      createdAt: monday,
      net: cny('999.90'),
      tax: cny('129.99'),
      gross: cny('1129.89'),
    })
    expect(version.send(monday, today).accept(li, tuesday, today)).toMatchObject({
      status: 'accepted',
      sentAt: monday,
      acceptedAt: tuesday,
      ...li,
    })
  })

  it('is declined with the reason', () => {
    expect(aDraft().version.send(monday, today).decline('too dear', tuesday)).toMatchObject({
      status: 'declined',
      declinedAt: tuesday,
      declineReason: 'too dear',
    })
  })

  it('can be neither sent nor accepted after its last day, and both on it', () => {
    const { version } = aDraft()
    expect(refusal(() => version.send(monday, after)).code).toBe('quote.expired')
    const sent = version.send(monday, '2026-11-30')
    expect(refusal(() => sent.accept(li, tuesday, after))).toMatchObject({ code: 'quote.expired', details: { validUntil: '2026-11-30' } })
    expect(sent.accept(li, tuesday, '2026-11-30').status).toBe('accepted')
    expect([sent.expiredOn('2026-11-30'), sent.expiredOn(after), sent.decline('no', tuesday).expiredOn(after)]).toEqual([
      false,
      true,
      false,
    ])
  })

  it('is accepted once', () => {
    const accepted = aDraft().version.send(monday, today).accept(li, tuesday, today)
    expect(refusal(() => accepted.accept(li, tuesday, today)).code).toBe('quote.already_accepted')
    expect(refusal(() => accepted.supersede()).code).toBe('quote.already_accepted')
  })

  it.each<[QuoteStatus, string[]]>([
    ['draft', ['send', 'supersede', 'change']],
    ['sent', ['accept', 'decline', 'supersede']],
    ['accepted', []],
    ['declined', ['supersede']],
    ['superseded', ['supersede']],
  ])('allows while %s: %s', (status, allowed) => {
    const version = Object.assign(Object.create(QuoteVersion.prototype) as QuoteVersion, aDraft().version, { status })
    const moves: Record<string, () => unknown> = {
      send: () => version.send(monday, today),
      accept: () => version.accept(li, monday, today),
      decline: () => version.decline('no', monday),
      supersede: () => version.supersede(),
      change: () => version.change(aWish(), today),
    }
    const possible = Object.keys(moves).filter((name) => {
      try {
        return moves[name]!() !== undefined
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal)
        return false
      }
    })
    expect(possible.sort()).toEqual([...allowed].sort())
  })

  it('must not end before it begins', () => {
    expect(refusal(() => aDraft({ validUntil: '2026-11-01' }))).toMatchObject({ code: 'quote.valid_until_past', details: { today } })
    expect(aDraft({ validUntil: today }).version.validUntil).toBe(today)
  })
})

describe('the next version', () => {
  it('begins with the same lines and prices as the one before', () => {
    const { version, lines } = aDraft({ discount: { percent: percent('5'), amount: null } })
    const next = version.next(lines, tuesday, today)
    expect(next.version).toMatchObject({ number: 2, status: 'draft', createdAt: tuesday, gross: version.gross, validUntil: '2026-11-30' })
    expect(next.lines.map(({ gross, waterfall }) => ({ gross, waterfall }))).toEqual(
      lines.map(({ gross, waterfall }) => ({ gross, waterfall })),
    )
    expect(next.lines[0]!.id).not.toBe(lines[0]!.id)
  })

  it('gets a new last day when the old one has passed', () => {
    const { version, lines } = aDraft()
    expect(version.next(lines, tuesday, after).version.validUntil).toBe('2026-12-31')
  })

  it('leaves a declined version declined', () => {
    const declined = aDraft().version.send(monday, today).decline('no', tuesday)
    expect(declined.supersede()).toBe(declined)
    expect(aDraft().version.supersede().status).toBe('superseded')
  })
})

describe('the VAT of a line', () => {
  it('is the quote’s unless the line has its own', () => {
    const own = { rate: percent('6'), mode: 'inside' } as const
    const { version, lines } = aDraft({ lines: [aLineWish(), aLineWish({ vat: own })] })
    expect(lines.map(({ vatRate, vatMode }) => `${vatRate.toString()} ${vatMode}`)).toEqual(['13 on_top', '6 inside'])
    const changed = version.change({ ...version.wish(lines), vat: { rate: percent('9'), mode: 'on_top' } }, today)
    expect(changed.lines.map(({ vatRate, vatMode }) => `${vatRate.toString()} ${vatMode}`)).toEqual(['9 on_top', '6 inside'])
  })

  it('is nothing where neither says so', () => {
    expect(aDraft({ vat: null }).version).toMatchObject({ tax: cny('0.00'), gross: cny('999.90') })
  })
})

describe('terms of payment', () => {
  const total = cny('1000.00')
  const terms = (...given: Partial<Term>[]) =>
    checkedTerms(
      termsOf(
        given.map((term) => ({ daysAfterSigning: 0, ...term })),
        'en',
      ),
      total,
    )

  it('are all of it 30 days after signing unless told otherwise, in the reader’s language', () => {
    expect(termsOf(undefined, 'en')).toEqual([{ share: '100', amount: null, dueOn: null, daysAfterSigning: 30, label: 'Full payment' }])
    expect(termsOf(undefined, 'zh-CN')[0]!.label).toBe('全款')
    expect(termsOf([{ share: '30' }, { share: '70', label: 'Rest' }], 'zh-CN').map(({ label }) => label)).toEqual(['第 1 期', 'Rest'])
  })

  it('add up to the whole, to the last digit', () => {
    expect(terms({ share: '33.33' }, { share: '33.33' }, { share: '33.34' })).toHaveLength(3)
    expect(refusal(() => terms({ share: '33.33' }, { share: '33.33' }, { share: '33.33' }))).toMatchObject({
      code: 'terms.shares_incomplete',
      details: { sum: '99.99' },
    })
    expect(terms({ amount: cny('300.00') }, { amount: cny('700.00') })).toHaveLength(2)
    expect(refusal(() => terms({ amount: cny('300.00') }, { amount: cny('700.01') }))).toMatchObject({
      code: 'terms.amounts_differ',
      details: { sum: '1000.01', total: '1000.00' },
    })
  })

  it('are either shares or amounts, in the quote’s currency', () => {
    expect(refusal(() => terms({ share: '50' }, { amount: cny('500.00') })).code).toBe('terms.mixed')
    expect(refusal(() => terms({ amount: { amount: '1000.00', currency: 'USD' } })).code).toBe('money.mixed_currencies')
  })

  it('have to fit a total that changes', () => {
    const amounts = termsOf([{ amount: cny('1129.89'), daysAfterSigning: 0 }], 'en')
    const { version, lines } = aDraft({ terms: amounts })
    const cheaper = { ...version.wish(lines), discount: { percent: percent('10'), amount: null } }
    expect(refusal(() => version.change(cheaper, today)).code).toBe('terms.amounts_differ')
  })
})

describe('comparing two versions', () => {
  const [seat, setUp, training] = ['SEAT', 'SETUP', 'TRAIN'].map((name) => ({ id: newId('product'), code: name, name, unit: null }))

  it('tells which lines came, went and changed, and by how much', () => {
    const from = aDraft({
      vat: null,
      lines: [aLineWish({ product: seat! }), aLineWish({ product: setUp! }), aLineWish({ product: seat!, quantity: Ratio.one })],
    })
    const to = aDraft({
      vat: null,
      notes: 'as discussed',
      lines: [
        aLineWish({ product: seat!, quantity: percent('12') }),
        aLineWish({ product: training! }),
        aLineWish({ product: seat!, quantity: Ratio.one }),
      ],
    })
    const { lines, totals, changed } = compareOffers(from, to)
    expect(lines.map(({ change, name, difference }) => `${change} ${name} ${difference.amount}`)).toEqual([
      'changed SEAT 199.98',
      'added TRAIN 999.90',
      'same SEAT 0.00',
      'removed SETUP -999.90',
    ])
    expect(totals.gross.difference).toEqual(cny('199.98'))
    expect(changed).toEqual(['notes'])
  })

  it('sees a change that costs nothing', () => {
    const free = (quantity: string) => aDraft({ lines: [aLineWish({ product: seat!, price: cny('0.00'), quantity: percent(quantity) })] })
    expect(compareOffers(free('1'), free('2')).lines).toMatchObject([{ change: 'changed', difference: cny('0.00') }])
  })

  it('names each condition that differs', () => {
    const to = aDraft({
      validUntil: '2026-12-24',
      vat: { rate: percent('6'), mode: 'on_top' },
      discount: { percent: percent('1'), amount: null },
      terms: termsOf(undefined, 'zh-CN'),
    })
    expect(compareOffers(aDraft(), to).changed).toEqual(['validUntil', 'vat', 'discount', 'terms'])
    expect(compareOffers(to, to).changed).toEqual([])
  })
})

import { Money, newId, Ratio, type Refusal } from '@millrace/domain'
import fc from 'fast-check'
import { answerTo, type ItemValue } from './item-value.js'
import { aDeal, amy, item, monday, road, stage, tuesday } from './opportunity.fixture.js'
import { opportunityStatus, type Opportunity } from './opportunity.js'
import type { Road } from './road.js'

const refusal = (work: () => unknown): Refusal => {
  try {
    work()
  } catch (error) {
    return error as Refusal
  }
  throw new Error('was not refused')
}
const done = (deal: Opportunity, ...keys: string[]) =>
  keys.reduce((each, key) => each.complete(road, key, key === 'need-told' ? 'faster quotes' : true, amy, monday), deal)
const signature = { contractId: newId('contract'), total: Money.parse('1000.00', 'CNY') }

describe('the life of a deal', () => {
  it('reaches every status from the first one', () => {
    expect(opportunityStatus.unreachable()).toEqual([])
  })

  it('begins in the first stage, with nothing proven', () => {
    const deal = aDeal()
    expect(deal).toMatchObject({ status: 'open', stage: 'contact', stageEnteredAt: monday, processId: road.id })
    expect([deal.probability, deal.ceiling].map(String)).toEqual(['0', '10'])
    expect(deal.visits).toEqual([expect.objectContaining({ stage: 'contact', direction: 'start', skipped: [], by: amy })])
  })

  it('is changed while it is open only', () => {
    expect(aDeal().change({ title: 'more seats' }, tuesday)).toMatchObject({ title: 'more seats', updatedAt: tuesday })
    const lost = aDeal().lose(road, { reason: 'price' }, tuesday)
    expect(refusal(() => lost.change({ title: 'x' }, tuesday))).toMatchObject({ code: 'opportunity.closed', details: { status: 'lost' } })
  })
})

describe('moving a deal', () => {
  it('goes forward when the required items of the stage are done', () => {
    expect(refusal(() => aDeal().move(road, 'need', amy, tuesday))).toMatchObject({
      code: 'opportunity.items_missing',
      details: { items: ['contact-found'], missing: [{ stage: 'contact', item: 'contact-found' }] },
    })
    const moved = done(aDeal(), 'contact-found').move(road, 'need', amy, tuesday)
    expect(moved).toMatchObject({ stage: 'need', stageEnteredAt: tuesday })
    expect(moved.visits.at(-1)).toEqual({
      stage: 'need',
      name: { en: 'need', 'zh-CN': 'need' },
      at: tuesday.toISOString(),
      direction: 'forward',
      skipped: [],
      by: amy,
    })
  })

  it('cannot get round a gate by skipping its stage', () => {
    const deal = done(aDeal(), 'contact-found')
    expect(refusal(() => deal.move(road, 'offer', amy, tuesday)).details).toMatchObject({ items: ['need-told'] })
    expect(done(deal, 'need-told').move(road, 'offer', amy, tuesday).visits.at(-1)).toMatchObject({
      direction: 'forward',
      skipped: ['need'],
    })
  })

  it('goes back past any gate and says so', () => {
    const back = done(aDeal(), 'contact-found', 'need-told').move(road, 'offer', amy, monday).move(road, 'contact', amy, tuesday)
    expect(back).toMatchObject({ stage: 'contact' })
    expect(back.visits.at(-1)).toMatchObject({ direction: 'back', skipped: [] })
    expect(String(back.probability)).toBe('10')
  })

  it('stays where it is when moved there', () => {
    const deal = aDeal()
    expect(deal.move(road, 'contact', amy, tuesday)).toBe(deal)
  })

  it('does not come to the won stage by hand, nor out of it', () => {
    const ready = done(aDeal(), 'contact-found', 'need-told', 'offer-sent')
    expect(refusal(() => ready.move(road, 'won', amy, tuesday)).code).toBe('opportunity.not_signed')
    const won = ready.reachWonStage(road, amy, tuesday).winByExemption(road, 'framework order', tuesday)
    expect(refusal(() => won.move(road, 'contact', amy, tuesday)).code).toBe('opportunity.closed')
  })

  it('walks on among the stages of won deals', () => {
    const long: Road = { ...road, stages: [...road.stages, stage('after-sales', '100', [], 'won')] }
    const won = aDeal({}, long).reachWonStage(long, amy, monday).winBySignature(long, signature, monday)
    expect(won.move(long, 'after-sales', amy, tuesday)).toMatchObject({ status: 'won', stage: 'after-sales' })
  })

  it('knows the stages of its own process only', () => {
    expect(refusal(() => aDeal().move(road, 'heaven', amy, tuesday))).toMatchObject({
      code: 'opportunity.unknown_stage',
      details: { possible: ['contact', 'need', 'offer', 'won'] },
    })
  })
})

describe('the evidence of a deal', () => {
  it('is what the done items add up to, never above the ceiling of the stage', () => {
    const early = done(aDeal(), 'contact-found', 'need-told', 'offer-sent')
    expect(String(early.probability)).toBe('10')
    expect(String(early.move(road, 'need', amy, tuesday).probability)).toBe('30')
    expect(String(early.move(road, 'offer', amy, tuesday).probability)).toBe('55')
  })

  it('falls when an answer is taken back', () => {
    const deal = done(aDeal(), 'contact-found').move(road, 'need', amy, monday)
    expect(String(done(deal, 'need-told').probability)).toBe('25')
    expect(String(done(deal, 'need-told').reopen(road, 'need-told', tuesday).probability)).toBe('10')
    expect(deal.reopen(road, 'need-told', tuesday)).toBe(deal)
  })

  it('is 100 when won and 0 when lost', () => {
    expect(String(aDeal().winByExemption(road, 'framework order', tuesday).probability)).toBe('100')
    expect(String(done(aDeal(), 'contact-found').lose(road, { reason: 'price' }, tuesday).probability)).toBe('0')
  })

  it('keeps the latest answer of an item, and nothing new when it says the same', () => {
    const money = (amount: string): ItemValue => ({ amount, currency: 'CNY' })
    const once = aDeal().complete(road, 'budget', money('10.00'), amy, monday)
    expect(once.complete(road, 'budget', { currency: 'CNY', amount: '10.00' }, amy, tuesday)).toBe(once)
    expect(once.complete(road, 'budget', money('20.00'), amy, tuesday).done).toEqual([
      { item: 'budget', value: money('20.00'), at: tuesday.toISOString(), by: amy },
    ])
    expect(refusal(() => once.complete(road, 'colour', true, amy, tuesday)).code).toBe('opportunity.unknown_item')
  })

  it('is the same in whatever order items are done, and within 0 and the ceiling, for any weights', () => {
    const anyRoad = fc.array(fc.array(fc.integer({ min: 0, max: 5_000_000 }), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 5,
    })
    fc.assert(
      fc.property(anyRoad, fc.infiniteStream(fc.boolean()), fc.nat(), (weights, coin, pick) => {
        let ceiling = 0
        const stages = weights.map((list, n) => {
          ceiling += list.reduce((sum, weight) => sum + weight, 0)
          const items = list.map((weight, m) => item(`${n}-${m}`, Ratio.of(weight, 1_000_000).toString()))
          return stage(`s${n}`, Ratio.of(ceiling, 1_000_000).toString(), items)
        })
        const any: Road = { ...road, stages }
        const at = stages[pick % stages.length]!
        const wanted = stages.flatMap(({ items }) => items).filter(() => coin.next().value)
        const answer = (list: typeof wanted) =>
          list.reduce((deal, { key }) => deal.complete(any, key, true, amy, monday), aDeal({}, any).move(any, at.key, amy, monday))
            .probability
        const sum = wanted.reduce((total, { weight }) => total.plus(Ratio.parse(weight)), Ratio.zero)
        const cap = Ratio.parse(at.probability)
        const expected = sum.compare(cap) > 0 ? cap : sum
        expect(String(answer(wanted))).toBe(String(expected))
        expect(String(answer(wanted.toReversed()))).toBe(String(expected))
      }),
    )
  })
})

describe('closing a deal', () => {
  it('is won by signature from any stage, at what was signed, with the contract as evidence', () => {
    const won = aDeal().reachWonStage(road, null, tuesday).winBySignature(road, signature, tuesday)
    expect(won).toMatchObject({ status: 'won', stage: 'won', contractId: signature.contractId, amount: signature.total, closedAt: tuesday })
    expect(won.visits.at(-1)).toMatchObject({ stage: 'won', skipped: ['need', 'offer'] })
    expect(won.done).toEqual([{ item: 'signed', value: signature.contractId, at: tuesday.toISOString(), by: null }])
    expect(won.winBySignature(road, { ...signature, contractId: newId('contract') }, tuesday)).toBe(won)
  })

  it('is won after all when the contract of a lost deal is signed, but not by exemption', () => {
    const lost = aDeal().lose(road, { reason: 'price', competitor: 'Acme' }, monday)
    expect(lost.winBySignature(road, signature, tuesday)).toMatchObject({ status: 'won', lossReason: null, competitor: null })
    expect(refusal(() => lost.winByExemption(road, 'please', tuesday)).code).toBe('opportunity.closed')
  })

  it('is lost with its reason, once', () => {
    const lost = aDeal().lose(road, { reason: 'competitor', competitor: 'Acme', note: 'cheaper' }, tuesday)
    expect(lost).toMatchObject({ status: 'lost', lossReason: 'competitor', competitor: 'Acme', closeNote: 'cheaper', closedAt: tuesday })
    for (const again of [
      () => lost.lose(road, { reason: 'price' }, tuesday),
      () => lost.complete(road, 'contact-found', true, amy, tuesday),
      () => lost.reopen(road, 'contact-found', tuesday),
      () => lost.move(road, 'need', amy, tuesday),
    ])
      expect(refusal(again).code).toBe('opportunity.closed')
  })
})

describe('the answer to an item', () => {
  const fitting: Record<string, ItemValue[]> = {
    text: ['they want it'],
    number: ['12.5', '-3'],
    money: [{ amount: '10.00', currency: 'CNY' }],
    date: ['2026-11-21'],
    tick: [true],
    choice: [{ choice: 'A' }, { choice: 'A', detail: 'since 2020' }],
    contact_role: [{ contactId: newId('contact'), role: 'supporter' }],
    visit: [newId('activity')],
    quote: [newId('quote')],
    contract: [newId('contract')],
    file: [{ name: 'letter', url: 'https://files.example/letter' }],
    image: [{ name: 'map', url: 'https://files.example/map' }],
  }
  const kinds = Object.keys(fitting)
  const of = (kind: string) => item('it', '0', { kind, options: kind === 'choice' ? ['A', 'B'] : [] })

  it.each(kinds)('is taken when it is a %s', (kind) => {
    for (const value of fitting[kind]!) expect(answerTo(of(kind), value)).toBe(value)
  })

  it.each(kinds)('is refused when it is no %s', (kind) => {
    const same = [kind, ...(kind === 'file' ? ['image'] : kind === 'image' ? ['file'] : [])]
    const others = kinds.filter((other) => !same.includes(other) && kind !== 'text').flatMap((other) => fitting[other]!)
    const wrong: ItemValue[] = kind === 'text' ? [true, { choice: 'A' }] : others
    for (const value of wrong)
      expect(refusal(() => answerTo(of(kind), value))).toMatchObject({
        code: 'opportunity.wrong_value',
        kind: 'invalid',
        details: { kind },
      })
  })

  it('is refused when it is almost right', () => {
    expect(refusal(() => answerTo(of('date'), '2026-02-30')).code).toBe('opportunity.wrong_value')
    expect(refusal(() => answerTo(of('number'), '1e3')).code).toBe('opportunity.wrong_value')
    expect(refusal(() => answerTo(of('choice'), { choice: 'C' })).details).toMatchObject({
      expected: '{ choice }, one of its options: A, B',
    })
    expect(refusal(() => answerTo(of('money'), { amount: '10.005', currency: 'CNY' })).code).toBe('money.too_precise')
  })
})

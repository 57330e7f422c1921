import { Refusal } from '@millrace/domain'
import { Expressions } from './expression.js'

const rules = new Expressions({ lead: { company: 'text', employees: 'number', tags: 'texts', customer: 'flag', createdAt: 'instant' } })
const acme = { lead: { company: 'Acme', employees: 120.5, tags: ['fair', 'vip'], customer: true, createdAt: new Date('2026-11-01') } }
const nobody = { lead: { company: null, employees: undefined } }
const refusal = (source: string, kind: 'condition' | 'number' = 'condition') => {
  try {
    rules[kind](source)
    return undefined
  } catch (error) {
    return error instanceof Refusal ? { code: error.code, ...error.details } : error
  }
}

describe('a rule', () => {
  it.each([
    ['lead.company == "Acme"', true],
    ['lead.employees > 100 && lead.employees < 120.6', true],
    ['lead.employees + 1 > 121', true],
    ['1 + lead.employees * 2 - 2 < lead.employees / 2', false],
    ['"vip" in lead.tags', true],
    ['lead.tags.exists(t, t.startsWith("v"))', true],
    ['lead.company.lowerAscii() in ["acme", "云图"]', true],
    ['lead.customer', true],
    ['now - lead.createdAt > duration("24h")', true],
  ])('%s: %s', (source, holds) => {
    expect(rules.condition(source).of(acme, new Date('2026-11-03'))).toBe(holds)
  })

  it('gives a number, whole or not', () => {
    expect(rules.number('lead.employees * 2').of(acme)).toBe(241)
    expect(rules.number('lead.customer ? 10 : 0').of(acme)).toBe(10)
  })

  it('sees one record in two roles as each role has it', () => {
    const both = new Expressions({ asText: { size: 'text' }, asNumber: { size: 'number' } })
    const record = { size: '5' }
    const rule = both.condition('asText.size == "5" && asNumber.size + 1 == 6.0')
    expect([1, 2].map(() => rule.of({ asText: record, asNumber: record }))).toEqual([true, true])
  })

  it('does not hold where it asks for what is not known, and can ask whether it is', () => {
    expect(rules.condition('lead.employees > 1').of(nobody)).toBeUndefined()
    expect(rules.condition('1 / 0 > 1').of(acme)).toBeUndefined()
    expect(rules.condition('has(lead.employees) && lead.employees > 1').of(nobody)).toBe(false)
    expect(rules.condition('lead.company == "" && !("x" in lead.tags)').of(nobody)).toBe(true)
  })

  it.each([
    ['lead.compny == "x"', 5],
    ['lead.company ==', 15],
    ['lead.company == 5', 0],
    ['leed.company == "x"', 0],
    ['', 0],
  ])('that cannot be read is refused with the place: %s', (source, position) => {
    expect(refusal(source)).toMatchObject({ code: 'expression.malformed', position, reason: expect.any(String) })
  })

  it('of another kind than is wanted is refused', () => {
    expect(refusal('lead.company')).toMatchObject({ reason: 'it is a string, not true or false' })
    expect(refusal('lead.customer', 'number')).toMatchObject({ reason: 'it is a bool, not a number' })
  })

  it.each([
    ['a tower', `${'('.repeat(60)}true${')'.repeat(60)}`],
    ['loops in loops', 'lead.tags.exists(a, lead.tags.exists(b, lead.tags.exists(c, a == b && b == c)))'],
    ['a pattern', 'lead.company.matches("(a+)+$")'],
    ['a binding', 'cel.bind(x, "a" + "a", x == "")'],
    ['a long list', `1 in [${Array(101).fill('1').join()}]`],
    ['a long text', `lead.company == "${'x'.repeat(2_000)}"`],
    ['many steps', Array(200).fill('lead.customer').join(' && ')],
  ])('that could run for long is refused before it runs: %s', (_, source) => {
    expect(refusal(source)).toMatchObject({ code: 'expression.malformed' })
  })

  it('sees no more of a list than its budget counts on', () => {
    const lead = { tags: Array.from({ length: 500 }, (_, n) => `t${n}`) }
    expect(rules.number('lead.tags.size()').of({ lead })).toBe(100)
  })
})

describe('a rule about fields that a company added', () => {
  const north = rules.with({ lead: { custom: { budget: 'number', area: 'text', tags: 'texts', renewal: 'instant', seats: 'number' } } })
  const lead = {
    custom: { budget: { amount: '1234.50', currency: 'CNY' }, area: 'south', tags: ['a'], renewal: '2026-12-01', seats: '12.5' },
  }

  it.each([
    ['lead.custom.budget > 1234 && lead.custom.budget < 1235', true],
    ['lead.custom.seats * 2 == 25.0', true],
    ['lead.custom.area == "south" && "a" in lead.custom.tags', true],
    ['lead.custom.renewal - now < duration("720h")', true],
    ['lead.custom.renewal == timestamp("2026-12-01T00:00:00Z")', true],
    ['has(lead.custom.budget)', true],
    ['lead.company == "Acme"', false],
  ])('%s: %s', (source, holds) => {
    expect(north.condition(source).of({ lead }, new Date('2026-11-20'))).toBe(holds)
  })

  it('can ask whether something is known', () => {
    expect(north.condition('has(lead.custom.budget)').of({ lead: { custom: {} } })).toBe(false)
    expect(north.condition('lead.custom.area == ""').of({ lead: {} })).toBe(true)
    expect(north.condition('lead.custom.budget > 1').of({ lead: { custom: {} } })).toBeUndefined()
  })

  it('knows the fields of this company, and those of no other', () => {
    const south = rules.with({ lead: { custom: { budget: 'text' } } })
    expect(south.condition('lead.custom.budget == "big"').of({ lead: { custom: { budget: 'big' } } })).toBe(true)
    expect(() => south.condition('lead.custom.area == "south"')).toThrow('expression.malformed')
    expect(() => rules.condition('lead.custom.area == "south"')).toThrow('expression.malformed')
    expect(rules.with({ lead: { custom: { budget: 'text' } } })).toBe(south)
  })
})

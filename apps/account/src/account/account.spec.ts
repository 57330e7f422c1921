import { Refusal } from '@millrace/domain'
import fc from 'fast-check'
import { placeBelowParents, type Place } from './account-hierarchy.js'
import { amy, anAccount, bob, monday, tuesday } from './account.fixture.js'
import { annualRevenue } from './annual-revenue.js'

const refusal = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
  return 'was not refused'
}

describe('an account', () => {
  it('begins with what is known, and is found however its name is written', () => {
    expect(anAccount({ industry: 'software' })).toMatchObject({
      name: '云图科技有限公司',
      nameKey: '云图科技',
      industry: 'software',
      parentId: null,
      ownerId: amy.id,
    })
    expect(anAccount({ name: 'ＡＣＭＥ, Ltd.' }).nameKey).toBe(anAccount({ name: 'acme' }).nameKey)
    expect(anAccount({ name: ' ?? ' }).nameKey).toBe('??')
  })

  it('takes over what changed and keeps the rest', () => {
    const before = anAccount({ industry: 'software', country: 'CN' })
    const changed = before.change({ name: 'Acme Inc', country: null }, tuesday)
    expect(changed).toMatchObject({ name: 'Acme Inc', nameKey: 'acme', industry: 'software', country: null, updatedAt: tuesday })
    expect(before).toMatchObject({ name: '云图科技有限公司', country: 'CN', updatedAt: monday })
    expect(before.change({ note: 'x' }, tuesday).nameKey).toBe('云图科技')
  })

  it('changes hands, and stays as it is when it is theirs already', () => {
    const account = anAccount()
    expect(account.assign(bob.id, tuesday)).toMatchObject({ ownerId: bob.id, updatedAt: tuesday })
    expect(account.assign(amy.id, tuesday)).toBe(account)
  })
})

describe('the annual revenue in a file', () => {
  it.each([
    ['1100.04', 'USD', '1100040000.00'],
    ['4618', 'USD', '4618000000.00'],
    ['0.00000001', 'USD', '0.01'],
    ['52.5', 'JPY', '52500000'],
    ['0', 'CNY', '0.00'],
  ])('of %s millions %s is %s', (millions, currency, amount) => {
    expect(annualRevenue(millions, currency, 'millions').toJSON()).toEqual({ amount, currency })
  })

  it('is the amount itself when no unit is named', () => {
    expect(annualRevenue('1100.04', 'USD').amount).toBe('1100.04')
  })

  it.each([
    ['0.000000001', 'USD', 'money.too_precise'],
    ['-1', 'USD', 'money.negative'],
    ['1', 'XXX', 'money.unknown_currency'],
    ['999999999999999', 'USD', 'money.too_large'],
  ])('is refused for %s millions %s: %s', (millions, currency, code) => {
    expect(refusal(() => annualRevenue(millions, currency, 'millions'))).toBe(code)
  })

  it('is never off by a cent, whatever it is', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 14n }), (cents) => {
        const digits = cents.toString().padStart(9, '0')
        const millions = `${digits.slice(0, -8)}.${digits.slice(-8)}`
        expect(annualRevenue(millions, 'USD', 'millions').minor).toBe(cents)
      }),
    )
  })
})

describe('placing newcomers below their parents', () => {
  const places = (newcomers: Record<string, string | null>, known: string[] = []) =>
    Object.fromEntries(placeBelowParents(new Map(Object.entries(newcomers)), new Set(known)))

  it('takes the parents in any order, and those that are there already', () => {
    expect(places({ leaf: 'branch', branch: 'root', root: null, other: 'old' }, ['old'])).toEqual({
      leaf: 'placed',
      branch: 'placed',
      root: 'placed',
      other: 'placed',
    })
  })

  it('takes nobody below a stranger, nor what hangs below them', () => {
    expect(places({ leaf: 'branch', branch: 'stranger', root: null })).toEqual({ leaf: 'unknown', branch: 'unknown', root: 'placed' })
  })

  it('takes nobody of a circle, nor what hangs below it', () => {
    expect(places({ a: 'b', b: 'c', c: 'a', below: 'a', own: 'own', free: null })).toEqual({
      a: 'circle',
      b: 'circle',
      c: 'circle',
      below: 'circle',
      own: 'circle',
      free: 'placed',
    })
  })

  it('places exactly those whose way up ends at the top', () => {
    const name = fc.integer({ min: 0, max: 11 }).map(String)
    fc.assert(
      fc.property(fc.dictionary(name, fc.option(name), { maxKeys: 10 }), fc.uniqueArray(name, { maxLength: 3 }), (given, known) => {
        const found = places(given, known)
        for (const newcomer of Object.keys(given)) {
          let above: string | null | undefined = newcomer
          for (let step = 0; step < 20 && above && !known.includes(above); step += 1) above = given[above]
          const expected: Place = above === undefined ? 'unknown' : above === null || known.includes(above) ? 'placed' : 'circle'
          if (known.includes(newcomer)) continue
          expect(found[newcomer]).toBe(expected)
        }
      }),
    )
  })
})

import fc from 'fast-check'
import { highlighted, judged, searchTokens, searchWish, tokensOfFields, type SearchedField } from './search-words.js'

const company = (text: string): SearchedField => ({ field: 'companyName', kind: 'company', text })
const person = (text: string): SearchedField => ({ field: 'contactName', kind: 'person', text })
const email = (text: string): SearchedField => ({ field: 'email', kind: 'email', text })
const phone = (text: string): SearchedField => ({ field: 'phone', kind: 'phone', text })
const code = (text: string): SearchedField => ({ field: 'externalId', kind: 'code', text })

/** How a record fits; undefined: it is not found, or no look-up leads to it. */
function found(typed: string, ...fields: SearchedField[]) {
  const wish = searchWish(typed)
  const tokens = tokensOfFields(fields)
  const bytes = (text: string) => Buffer.from(text)
  const leads = wish.lookUps.every(({ ranges }) =>
    ranges.some(({ from, to }) => tokens.some((token) => bytes(token).compare(bytes(from)) >= 0 && bytes(token).compare(bytes(to)) < 0)),
  )
  const match = wish.lookUps.length && leads ? judged(wish, fields) : undefined
  return match && { match, matches: highlighted(wish, fields) }
}

describe('what was typed finds a record', () => {
  it.each([
    // company, as it is written
    ['云图科技有限公司', company('云图科技有限公司'), 'exact'],
    ['云图科技', company('云图科技有限公司'), 'exact'],
    ['云图', company('云图科技有限公司'), 'prefix'],
    ['云', company('云图科技有限公司'), 'prefix'],
    ['图科', company('云图科技有限公司'), 'part'],
    ['云图科技有限', company('云图科技有限公司'), 'prefix'],
    ['云图', company('北京 云图科技'), 'word'],
    ['acme', company('ACME Industries Ltd.'), 'prefix'],
    ['ACME Industries', company('Acme Industries GmbH'), 'exact'],
    ['indus', company('Acme Industries GmbH'), 'word'],
    ['acme lt', company('Acme Ltd'), 'prefix'],
    ['industries acme', company('Acme Industries GmbH'), 'word'],
    ['ｃｌｏｕｄ', company('Cloud云图'), 'prefix'],
    ['云图 cloud', company('Cloud云图'), 'word'],
    ['muller', company('Müller & Söhne KG'), 'prefix'],
    ['Müller', company('Muller KG'), 'prefix'],
    ["o'neill", person("Shane O'Neill"), 'word'],
    ['oneill', person("Shane O'Neill"), 'word'],
    ['neill', person("Shane O'Neill"), 'word'],
    ['3m', company('3M中国有限公司'), 'prefix'],
    ['中国', company('3M中国有限公司'), 'word'],
    ['カブト', company('株式会社カブト'), 'exact'],
    // person
    ['李雷', person('李雷'), 'exact'],
    ['雷', person('李雷'), 'part'],
    ['li l', person('Li Lei'), 'prefix'],
    // e-mail
    ['Li@Example.com', email('li@example.com'), 'exact'],
    ['li@exa', email('li@example.com'), 'prefix'],
    ['example.com', email('li@example.com'), 'word'],
    ['@example', email('li@example.com'), 'word'],
    // phone
    ['+86 138-0013-8000', phone('+8613800138000'), 'exact'],
    ['13800138000', phone('+8613800138000'), 'exact'],
    ['0086 138 0013 8000', phone('+8613800138000'), 'exact'],
    ['089/123 45 67', phone('+49891234567'), 'exact'],
    ['+49 (0)89 1234567', phone('+49891234567'), 'exact'],
    ['8000', phone('+8613800138000'), 'part'],
    ['０１３８０００', phone('+8613800138000'), 'part'],
    // external id
    ['CRM-2024-00042', code('crm-2024-00042'), 'exact'],
    ['crm-2024', code('CRM-2024-00042'), 'prefix'],
    ['00042', code('CRM-2024-00042'), 'word'],
    ['10045', company('Site 10045 Ltd'), 'word'],
  ] as const)('%s, %j: %s', (typed, field, match) => {
    expect(found(typed, field)?.match).toBe(match)
  })

  it.each([
    ['图云', company('云图科技有限公司')],
    ['云科', company('云图科技有限公司')],
    ['cme', company('Acme Ltd')],
    ['acme inc', company('Acme Ltd')],
    ['有限公司', company('云图科技有限公司')],
    ['1380013', phone('+8613800138000')],
    ['000', phone('+8613800138000')],
    ['13900138000', phone('+8613800138000')],
    ['li@example.org', email('li@example.com')],
    ['云图 韩梅梅', company('云图科技')],
    ['!?', company('!?')],
  ] as const)('%s does not find %j', (typed, field) => {
    expect(found(typed, field)).toBeUndefined()
  })

  it('finds words over all fields, and says where each is', () => {
    const hit = found('李雷 云图 8000', company('北京云图科技'), person('李雷'), phone('+86 138 0013 8000'))
    expect(hit).toEqual({
      match: 'part',
      matches: [
        { field: 'companyName', text: '北京云图科技', ranges: [{ from: 2, to: 4 }] },
        { field: 'contactName', text: '李雷', ranges: [{ from: 0, to: 2 }] },
        { field: 'phone', text: '+86 138 0013 8000', ranges: [{ from: 13, to: 17 }] },
      ],
    })
  })

  it('highlights in the text as it is written, whatever its width and accents', () => {
    const ranges = (typed: string, text: string) =>
      found(typed, company(text))?.matches[0]?.ranges.map(({ from, to }) => text.slice(from, to))
    expect(ranges('muller', 'Die Mu\u0308ller GmbH')).toEqual(['Mu\u0308ller'])
    expect(ranges('weiss', 'Weiß AG')).toEqual(['Weiß'])
    expect(ranges('acme', 'ＡＣＭＥ（北京）')).toEqual(['ＡＣＭＥ'])
    expect(ranges('jeanluc', 'Chez Jean-Luc')).toEqual(['Jean-Luc'])
    expect(ranges('an', 'An & An')).toEqual(['An', 'An'])
  })
})

describe('what a record is found by', () => {
  it('is a handful of tokens: no legal forms, no mail providers, one for a phone', () => {
    expect(searchTokens('company', '云图科技有限公司')).toEqual(['云图', '图科', '科技', '技有'])
    expect(searchTokens('company', 'Acme Industries Ltd')).toEqual(['acme', 'industries'])
    expect(searchTokens('company', 'Company Ltd')).toEqual(['company', 'ltd']) // it has nothing else
    expect(searchTokens('email', 'Li.Lei@Example.com')).toEqual(['lileiexamplecom', 'examplecom'])
    expect(searchTokens('email', '13800138000@qq.com')).toEqual(['13800138000qqcom'])
    expect(tokensOfFields([phone('138 0013 8000'), { field: 'phoneE164', kind: 'phone', text: '+8613800138000' }])).toEqual([
      '#0008310083168',
    ])
  })

  it('leads to it by every piece of what it holds (property)', () => {
    const text = fc.stringMatching(/^[a-zäöß0-9A-Z云图科技有限公司李雷株カ .&'-]{1,30}$/u).filter((given) => /[\p{L}\p{N}]/u.test(given))
    fc.assert(
      fc.property(text, fc.nat(29), fc.integer({ min: 1, max: 12 }), (given, from, length) => {
        const words = given.split(/[ &]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word))
        const word = words[from % words.length]!
        const typed = word.slice(0, length)
        if (!searchWish(typed).lookUps.length) return
        expect(found(typed, person(given))).toBeDefined()
      }),
      { numRuns: 2_000 },
    )
  })
})

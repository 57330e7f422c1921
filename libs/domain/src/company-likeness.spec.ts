import fc from 'fast-check'
import { companyLikeness, companyTokens, likeEnough } from './company-likeness.js'

const same = [
  ['北京云图科技有限公司', '云图科技(北京)'],
  ['北京云图科技有限公司', '云图科技'],
  ['上海明德信息技术股份有限公司', '明德科技(上海)有限公司'],
  ['浙江省杭州市云栖数据科技有限公司', '杭州云栖数据科技'],
  ['深圳市腾讯计算机系统有限公司', '腾讯计算机系统(深圳)有限公司'],
  ['株式会社ミルレース', 'ミルレース株式会社'],
  ['云图科技 Cloudmap Ltd', '云图科技有限公司'],
  ['Acme Inc', 'ACME, Incorporated'],
  ['Siemens AG', 'Simens'],
  ['Müller Maschinenbau GmbH', 'Mueller Maschinenbau'],
  ['International Business Machines Corp.', 'Internationl Business Machines'],
  ['Data Flow Ltd', 'DataFlow'],
  ['Bäckerei Groß & Söhne KG', 'Baeckerei Gross und Soehne'],
  ['The Weather Company', 'Weather Co.'],
] as const

const different = [
  ['Acme Inc', 'Acme Industries GmbH'],
  ['Deutsche Bank AG', 'Deutsche Bahn AG'],
  ['Siemens AG', 'Siemens Energy AG'],
  ['Alpha Systems', 'Beta Systems'],
  ['Ford', 'Fort'],
  ['Works 10045 Ltd', 'Works 10046 Ltd'],
  ['北京云图科技有限公司', '北京云图文化传媒有限公司'],
  ['北京云图科技有限公司', '上海云图科技有限公司'],
  ['云图科技', '云途科技'],
  ['中国银行', '中国农业银行'],
  ['华为技术有限公司', '中兴技术有限公司'],
  ['北京科技有限公司', '上海科技有限公司'],
  ['トヨタ自動車株式会社', '日産自動車株式会社'],
] as const

describe('two company names', () => {
  it.each(same)('%s and %s are one company', (a, b) => {
    expect(companyLikeness(a, b)).toBeGreaterThanOrEqual(likeEnough)
    expect(companyTokens(a).some((token) => companyTokens(b).includes(token))).toBe(true)
  })

  it.each(different)('%s and %s are two', (a, b) => {
    expect(companyLikeness(a, b)).toBeLessThan(likeEnough)
  })

  it('are alike or not whichever comes first, and each is like itself', () => {
    const all = [...same, ...different].flat()
    for (const a of all) {
      expect(companyLikeness(a, a)).toBe(100)
      for (const b of all) expect(companyLikeness(a, b)).toBe(companyLikeness(b, a))
    }
  })

  it('that are alike have a token in common, whatever was mistyped', () => {
    const word = fc.oneof(fc.stringMatching(/^[a-z]{2,9}$/), fc.constantFrom('北京', '云图数据中心'))
    const slip = fc.record({ at: fc.nat(40), letter: fc.constantFrom('', 'x', 'xy') })
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), slip, (words, { at, letter }) => {
        const name = words.join(' ')
        const n = at % name.length
        const mistyped = name.slice(0, n) + letter + name.slice(n + 1)
        if (companyLikeness(name, mistyped) < likeEnough || companyLikeness(name, mistyped) === 100) return
        expect(companyTokens(name).some((token) => companyTokens(mistyped).includes(token))).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })
})

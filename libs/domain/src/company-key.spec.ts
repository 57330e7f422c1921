import { companyKey, contactKey, emailKey } from './company-key.js'

describe('the keys that likeness is judged by', () => {
  it.each([
    ['北京云图科技有限公司', '北京云图科技'],
    ['云图科技(北京)有限公司', '云图科技北京'],
    ['ACME, Ltd.', 'acme'],
    ['Acme Inc', 'acme'],
    ['ACME Co., Ltd', 'acme'],
    ['Acme GmbH', 'acme'],
    ['株式会社ミルレース', 'ミルレース'],
    ['Inc', 'inc'],
    ['  Müller & Söhne KG ', 'müllersöhne'],
  ])('reads the company %s as %s', (name, key) => {
    expect(companyKey(name)).toBe(key)
  })

  it('keeps different companies apart', () => {
    expect(companyKey('Acme Inc')).not.toBe(companyKey('Acme Industries GmbH'))
  })

  it('reads names and addresses without width, case and spaces', () => {
    expect(contactKey('李 雷')).toBe('李雷')
    expect(contactKey('Ada LOVELACE')).toBe('adalovelace')
    expect(emailKey(' Li@Example.COM ')).toBe('li@example.com')
  })
})

import { likeness, surelySame } from './likeness.js'

const li = { companyName: '北京云图科技有限公司', contactKey: '李雷', emailKey: 'li@example.com', phoneKey: '+8613800138000' }

describe('two leads', () => {
  it.each([
    ['the same e-mail', { emailKey: 'li@example.com' }, 60, ['email']],
    ['the same phone', { phoneKey: '+8613800138000' }, 50, ['phone']],
    ['the same company and person', { companyName: '北京云图科技', contactKey: '李雷' }, 40, ['company_and_contact']],
    [
      'a company that is alike, and the same person',
      { companyName: '云图科技(北京)', contactKey: '李雷' },
      30,
      ['similar_company_and_contact'],
    ],
    ['the same company, and nobody named', { companyName: '北京云图科技' }, 25, ['company']],
    ['a company that is alike, and nobody named', { companyName: '云图科技' }, 20, ['similar_company']],
    ['everything', li, 100, ['email', 'phone', 'company_and_contact']],
  ])('are alike by %s', (_, other, score, reasons) => {
    expect(likeness(li, other)).toEqual({ score, reasons })
  })

  it.each([
    ['two people of one company', { ...li, contactKey: '韩梅梅', emailKey: null, phoneKey: null }],
    ['two companies', { companyName: '上海云图科技' }],
    ['nothing that is known of both', { companyName: null, contactKey: '李雷' }],
  ])('are not alike by %s', (_, other) => {
    expect(likeness(li, other)).toBeUndefined()
  })

  it('are surely the same only when something is equal', () => {
    expect(likeness(li, { companyName: '北京云图科技', contactKey: '李雷' })!.score).toBeGreaterThanOrEqual(surelySame)
    expect(likeness(li, { companyName: '云图科技', contactKey: '李雷' })!.score).toBeLessThan(surelySame)
  })
})

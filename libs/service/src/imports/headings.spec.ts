import { guessColumns, headingOf } from './headings.js'

const lead = ['externalId', 'companyName', 'contactName', 'jobTitle', 'email', 'phone', 'country', 'source', 'note', 'owner', 'createdAt']

describe('the columns of a file are guessed', () => {
  it('in Chinese', () => {
    const columns = ['公司名称', '联系人', '手机', '邮箱', '来源', '职位', '国家', '备注', '负责人']
    expect(guessColumns(lead, columns)).toEqual({
      ...{ companyName: '公司名称', contactName: '联系人', phone: '手机', email: '邮箱', source: '来源' },
      ...{ jobTitle: '职位', country: '国家', note: '备注', owner: '负责人' },
    })
    expect(guessColumns(lead, ['单位', '姓名', '电话(手机)'])).toEqual({ companyName: '单位', contactName: '姓名', phone: '电话(手机)' })
  })
  it('in English, whatever their capitals and blanks, the field’s own name first', () => {
    expect(guessColumns(lead, ['Company', 'E-Mail', 'Mobile Phone', 'companyName', 'JOB TITLE', 'Shoe size'])).toEqual({
      companyName: 'companyName',
      email: 'E-Mail',
      phone: 'Mobile Phone',
      jobTitle: 'JOB TITLE',
    })
  })
  it('for what the kind has: a company is the name of an account and the account of a contact', () => {
    expect(guessColumns(['name', 'phone'], ['公司', '电话'])).toEqual({ name: '公司', phone: '电话' })
    expect(guessColumns(['account', 'name', 'phone'], ['公司', '姓名', '电话'])).toEqual({ account: '公司', name: '姓名', phone: '电话' })
  })
  it('back from the headings of an exported list', () => {
    const headings = lead.map((field) => headingOf(field, 'zh-CN'))
    expect(guessColumns(lead, headings)).toEqual(Object.fromEntries(lead.map((field, n) => [field, headings[n]])))
  })
})

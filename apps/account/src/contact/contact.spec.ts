import { newId } from '@millrace/domain'
import { fresh, tuesday } from '../account/account.fixture.js'
import { Contact } from './contact.js'

const aContact = (given: Partial<Contact> = {}) =>
  Contact.add({ ...fresh('contact'), accountId: newId('account'), ownerId: null, name: '李 雷', ...given })

describe('a contact', () => {
  it('keeps the name and address as typed, and a key of each beside them', () => {
    expect(aContact({ email: 'Li@Example.COM' })).toMatchObject({
      name: '李 雷',
      nameKey: '李雷',
      email: 'Li@Example.COM',
      emailKey: 'li@example.com',
      phone: null,
      roles: [],
    })
  })

  it('has each role once', () => {
    expect(aContact({ roles: ['supporter', 'user', 'supporter'] }).roles).toEqual(['supporter', 'user'])
  })

  it('renews its keys when name or address change, and only then', () => {
    const before = aContact({ email: 'li@example.com', jobTitle: 'CTO' })
    expect(before.change({ name: 'Ada LOVELACE', email: null }, tuesday)).toMatchObject({
      nameKey: 'adalovelace',
      emailKey: null,
      jobTitle: 'CTO',
      updatedAt: tuesday,
    })
    expect(before.change({ jobTitle: null }, tuesday)).toMatchObject({ nameKey: '李雷', emailKey: 'li@example.com', jobTitle: null })
    expect(before.jobTitle).toBe('CTO')
  })
})

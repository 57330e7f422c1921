import { newId } from '@millrace/domain'
import { emailKey, refuseBeyondSales, User } from './user.js'

const monday = new Date('2026-11-02T08:00:00Z')
const tuesday = new Date('2026-11-03T08:00:00Z')
const amy = User.join({
  id: newId('user'),
  version: 1,
  journeyId: newId('journey'),
  createdAt: monday,
  updatedAt: monday,
  name: 'Amy',
  email: 'Amy@Example.com',
  unitId: newId('org_unit'),
  roles: ['sales_rep'],
})

describe('a user', () => {
  it('joins active, with the e-mail as typed and as it is compared', () => {
    expect(amy).toMatchObject({ active: true, email: 'Amy@Example.com', emailKey: 'amy@example.com', externalId: null })
    expect(emailKey(' \uff21my@Example.com ')).toBe('amy@example.com')
  })

  it('changes what is given and keeps the rest', () => {
    expect(amy.change({ name: 'Amy W', email: undefined }, tuesday)).toMatchObject({
      name: 'Amy W',
      emailKey: 'amy@example.com',
      updatedAt: tuesday,
    })
    expect(amy.change({ email: 'AW@example.com' }, tuesday).emailKey).toBe('aw@example.com')
  })

  it('leaves and comes back; twice is the same as once', () => {
    const gone = amy.deactivate(tuesday)
    expect(gone.active).toBe(false)
    expect(gone.deactivate(tuesday)).toBe(gone)
    expect(gone.reactivate(tuesday).active).toBe(true)
    expect(amy.reactivate(tuesday)).toBe(amy)
  })

  it('administers while active only', () => {
    const ada = amy.change({ roles: ['administrator'] }, monday)
    expect([amy.administers, ada.administers, ada.deactivate(monday).administers]).toEqual([false, true, false])
  })
})

describe('who may keep whom', () => {
  it.each([
    [['administrator'], ['administrator', 'finance'], true],
    [['sales_ops'], ['sales_rep', 'sales_manager', 'sales_ops'], true],
    [['sales_ops'], ['sales_rep', 'administrator'], false],
    [['sales_ops'], ['finance'], false],
    [['integrator'], ['integrator'], false],
    [[], ['executive'], false],
  ])('%j over %j: %j', (mine, theirs, allowed) => {
    const attempt = () => refuseBeyondSales(mine, theirs)
    if (allowed) expect(attempt).not.toThrow()
    else expect(attempt).toThrow('user.beyond_sales')
  })
})

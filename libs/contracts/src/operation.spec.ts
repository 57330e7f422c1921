import { listLeads } from './lead.operations.js'

it('a list gives the fields that its items have, and no others that any object has', () => {
  expect(listLeads.query.safeParse({ fields: 'id,status' }).success).toBe(true)
  for (const fields of ['id,nothing', 'constructor', '__proto__', 'toString'])
    expect(listLeads.query.safeParse({ fields }).success).toBe(false)
})

import { listLeads } from './lead.operations.js'
import { listPools } from './pool.operations.js'

it('a list gives the fields that its items have, and no others that any object has', () => {
  expect(listLeads.query.safeParse({ fields: 'id,status' }).success).toBe(true)
  for (const fields of ['id,nothing', 'constructor', '__proto__', 'toString'])
    expect(listLeads.query.safeParse({ fields }).success).toBe(false)
})

it('a list of records with fields of the company’s own filters and sorts by those, and no other list does', () => {
  const takes = (list: typeof listLeads, query: object) => list.query.safeParse(query).success
  for (const query of [{ 'custom.area': 'x' }, { 'custom.area': ['x', 'y'] }, { 'custom.seats.gte': '1' }, { sort: '-custom.seats' }]) {
    expect([query, takes(listLeads, query)]).toEqual([query, true])
    expect([query, takes(listPools as never, query)]).toEqual([query, false])
  }
  for (const query of [
    { custom: 'x' },
    { 'custom.': 'x' },
    { 'custom.a.b': 'x' },
    { 'customs.a': 'x' },
    { sort: 'custom.' },
    { area: 'x' },
  ])
    expect([query, takes(listLeads, query)]).toEqual([query, false])
})

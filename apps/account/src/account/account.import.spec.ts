import {
  addContact,
  getAccount,
  getHierarchy,
  getImport,
  listAccounts,
  listContacts,
  listRejections,
  openAccount,
  startImport,
  type ImportMapping,
} from '@millrace/contracts'
import { parse } from 'csv-parse/sync'
import { asSuperuser, aWorld, eventually, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())

/** Sends a file and waits until it is worked off; answers the report, and of each rejected row its number, name and reason. */
async function imports(person: Person, kind: 'accounts' | 'contacts', csv: string, mapping: ImportMapping = {}) {
  const caller = service.as(person)
  const { id } = await caller.does(startImport, { query: { kind, mapping: JSON.stringify(mapping) }, body: csv })
  const report = await eventually(async () => {
    const found = await caller.does(getImport, { params: { id } })
    return found.status === 'done' || found.status === 'failed' ? found : undefined
  })
  const { text } = await caller.call(listRejections, { params: { id }, headers: { 'accept-language': 'en' } })
  const rejected: Record<string, string>[] = parse(text, { bom: true, columns: true })
  const rejections = rejected.map(({ row, account, name, reason }) => `${row} ${name ?? account}: ${reason}`)
  return { ...report, rejections } as Record<string, any>
}

const header = 'account,sector,year_established,revenue,employees,office_location,subsidiary_of'
/** As the demo's list of accounts is: dirty, with parents before and after their subsidiaries. */
const ridgeway = `${header}
Acme Corporation,technolgy,1996,1100.04,2822,United States,
Bluth Company,technolgy,1993,1242.32,3027,United States,Acme Corporation
Cheers,entertainment,1993,4269.9,6472,United States,Massive Dynamic
Massive Dynamic,entertainment,1989,665.06,1095,United States,
Bioholding,medical,2012,587.34,1356,Philipines,
Dontechi,software,1982,4618,10083,United States,
Bubba Gump,software,2002,987.39,2253,United States,
  Scotfind ,software,1996,6354.87,16780,United States,bubba gump
Lonely,retail,1999,1.5,10,Norway,Nobody Knows Inc
Grandchild,retail,1999,1.5,10,Norway,Lonely
Precise,technolgy,1999,1.000000001,10,Norway,
Typo,retail,19x9,12.5,ten,Norway,
Hen,retail,,,,,Egg
Egg,retail,,,,,Hen
ACME Corp.,technolgy,1996,1100.04,2822,United States,
`
const mapping: ImportMapping = {
  columns: {
    name: 'account',
    industry: 'sector',
    foundedYear: 'year_established',
    annualRevenueMillions: 'revenue',
    location: 'office_location',
    parent: 'subsidiary_of',
  },
  values: { industry: { technolgy: 'technology' }, location: { Philipines: 'Philippines' } },
}

describe('importing accounts', () => {
  it('takes a dirty list: parents in any order, revenue exact, every rule counted, every rejected row with its reason', async () => {
    const { olga, tenantId } = await world.company()
    const report = await imports(olga, 'accounts', ridgeway, mapping)
    expect(report).toMatchObject({ status: 'done', rows: 15, added: 8, existing: 1, rejected: 6 })
    expect(report['rules']).toEqual([
      { rule: 'value', field: 'industry', from: 'technolgy', to: 'technology', rows: 4 },
      { rule: 'value', field: 'location', from: 'Philipines', to: 'Philippines', rows: 1 },
    ])
    expect(report['rejections']).toEqual([
      '9 Lonely: A record you refer to does not exist. parent Nobody Knows Inc is not known here.',
      '10 Grandchild: A record you refer to does not exist. parent Lonely is not known here.',
      '11 Precise: The amount has more decimals than USD has (2).',
      '12 Typo: foundedYear: This is not a whole number. Write it in digits only.; employees: This is not a whole number. Write it in digits only.',
      '13 Hen: An account cannot stand below itself. Egg belongs to Hen already, directly or through others; choose another parent.',
      '14 Egg: An account cannot stand below itself. Hen belongs to Egg already, directly or through others; choose another parent.',
    ])
    const { data } = await service.as(olga).does(listAccounts, { query: { sort: 'name' } })
    const byName = Object.fromEntries(data.map((account: { name: string }) => [account.name, account])) as Record<string, any>
    expect(Object.keys(byName)).toHaveLength(8)
    expect(byName['Acme Corporation']).toMatchObject({
      industry: 'technology',
      foundedYear: 1996,
      annualRevenue: { amount: '1100040000.00', currency: 'USD' },
      employees: 2822,
      location: 'United States',
      parentId: null,
      ownerId: null,
    })
    expect(byName['Dontechi'].annualRevenue).toEqual({ amount: '4618000000.00', currency: 'USD' })
    expect(byName['Bioholding'].location).toBe('Philippines')
    expect(byName['Bluth Company'].parentId).toBe(byName['Acme Corporation'].id)
    expect(byName['Cheers'].parentId).toBe(byName['Massive Dynamic'].id)
    expect(byName['Scotfind'].parentId).toBe(byName['Bubba Gump'].id)
    const events = (await world.events(tenantId)).filter(({ name }) => name.startsWith('account.'))
    expect(events.map(({ name, payload }) => `${name} ${payload['name']}`).sort()).toEqual(
      Object.keys(byName)
        .map((name) => `account.opened ${name}`)
        .sort(),
    )
    expect(events.find(({ payload }) => payload['name'] === 'Cheers')!.payload['parentId']).toBe(byName['Massive Dynamic'].id)
    expect(new Set(events.map(({ journeyId }) => journeyId)).size).toBe(8)
  })

  it('leaves out only the row that the database refuses, and counts its rules like those of all others', async () => {
    const { olga } = await world.company()
    const { rows } = await service.database.pool.query<{ name: string }>('SELECT current_database() AS name')
    const doom = (sql: string) => asSuperuser((client) => client.query(sql), rows[0]!.name)
    await doom(`ALTER TABLE account ADD CONSTRAINT doom CHECK (name <> 'Doomed') NOT VALID`)
    try {
      const csv = 'account,sector\nFine,technolgy\nDoomed,technolgy\nAlso fine,technolgy\n'
      const columns = { name: 'account', industry: 'sector' }
      const report = await imports(olga, 'accounts', csv, { columns, values: { industry: { technolgy: 'technology' } } })
      expect(report).toMatchObject({ status: 'done', rows: 3, added: 2, rejected: 1, rules: [{ from: 'technolgy', rows: 3 }] })
      expect(report['rejections']).toEqual([expect.stringMatching(/^2 Doomed: /)])
    } finally {
      await doom('ALTER TABLE account DROP CONSTRAINT doom')
    }
  })

  it('adds nothing when repeated, even at the same moment', async () => {
    const { olga, tenantId } = await world.company()
    const both = await Promise.all([imports(olga, 'accounts', ridgeway, mapping), imports(olga, 'accounts', ridgeway, mapping)])
    expect(both.map(({ added }) => added as number).sort()).toEqual([0, 8])
    expect(await imports(olga, 'accounts', ridgeway, mapping)).toMatchObject({ added: 0, existing: 9, rejected: 6 })
    expect((await world.events(tenantId)).filter(({ name }) => name === 'account.opened')).toHaveLength(8)
  })

  it('knows an account again by its external id, else by its name, and does not touch it', async () => {
    const { olga } = await world.company()
    const placeholder = await service.as(olga).does(openAccount, { body: { name: '(unknown account)' } })
    const file = 'externalId,name,note\n1,North,first\n1,South,\n2,North,\n,NORTH Inc,\n,(Unknown Account),changed\n'
    const report = await imports(olga, 'accounts', file)
    expect(report).toMatchObject({ added: 2, existing: 3, rejected: 0 })
    expect(await service.as(olga).does(getAccount, { params: { id: placeholder.id } })).toEqual(placeholder)
    const { data } = await service.as(olga).does(listAccounts, { query: { sameName: 'north', sort: 'createdAt' } })
    expect(data.map(({ externalId, note }: { externalId: string; note: string }) => [externalId, note]).sort()).toEqual([
      ['1', 'first'],
      ['2', null],
    ])
  })

  it('finds owners by name or address and parents that were there before, and refuses what is not clear', async () => {
    const { olga, amy, bob } = await world.company()
    const parent = await service.as(olga).does(openAccount, { body: { name: 'Parent Ltd' } })
    for (const externalId of ['1', '2']) await service.as(olga).does(openAccount, { body: { name: 'Twin Ltd', externalId } })
    const file = [
      'name,owner,parent,annualRevenue,annualRevenueMillions,currency,createdAt',
      'One,Amy,PARENT,,,,2017-03-01',
      `Two,${bob.email.toUpperCase()},,12.50,,CNY,`,
      'Three,Nobody,,,,,',
      'Four,,Twin,,,,',
      'Five,,,1,1,,',
      'Six,,,1,,XXX,',
      'Seven,,,-1,,,',
      'Eight,,Eight,,,,',
    ].join('\n')
    const report = await imports(olga, 'accounts', file)
    expect(report).toMatchObject({ added: 2, rejected: 6 })
    expect(report['rejections']).toEqual([
      '3 Three: A record you refer to does not exist. owner Nobody is not known here.',
      '4 Four: More than one record has this name. parent Twin is not unique.',
      '5 Five: The revenue is given twice. Give annualRevenue or annualRevenueMillions, not both.',
      '6 Six: This is not a currency of ISO 4217.',
      '7 Seven: The amount may not be negative.',
      '8 Eight: An account cannot stand below itself. Eight belongs to Eight already, directly or through others; choose another parent.',
    ])
    const { data } = await service.as(olga).does(listAccounts, { query: { name: ['One', 'Two'], sort: 'name' } })
    expect(data).toMatchObject([
      { name: 'One', ownerId: amy.id, parentId: parent.id, createdAt: '2017-03-01T00:00:00.000Z' },
      { name: 'Two', ownerId: bob.id, annualRevenue: { amount: '12.50', currency: 'CNY' } },
    ])
  })

  it('takes more rows than fit one transaction; a hierarchy shows 500 below and says that there are more', async () => {
    const { olga } = await world.company()
    const rows = Array.from({ length: 501 }, (_, n) => `Child ${n},Giant`)
    const report = await imports(olga, 'accounts', ['name,parent', 'Giant,', ...rows].join('\n'))
    expect(report).toMatchObject({ added: 502, rejected: 0 })
    const giant = (await service.as(olga).does(listAccounts, { query: { name: 'Giant' } })).data[0]
    const { below, complete } = await service.as(olga).does(getHierarchy, { params: { id: giant.id } })
    expect([below.length, complete]).toEqual([500, false])
  })

  it('takes a subsidiary whose parent comes only in a later transaction when the file is sent again', async () => {
    const { olga } = await world.company()
    const rows = Array.from({ length: 999 }, (_, n) => `Company ${n},`)
    const file = ['name,parent', 'Child,Giant', ...rows, 'Giant,'].join('\n')
    const report = await imports(olga, 'accounts', file)
    expect(report).toMatchObject({ added: 1_000, rejected: 1 })
    expect(report['rejections']).toEqual(['1 Child: A record you refer to does not exist. parent Giant is not known here.'])
    expect(await imports(olga, 'accounts', file)).toMatchObject({ added: 1, existing: 1_000, rejected: 0 })
  })

  it('is for those who may import only', async () => {
    const { amy } = await world.company()
    expect((await service.as(amy).call(startImport, { query: { kind: 'accounts' }, body: 'name\nx\n' })).body).toMatchObject({
      status: 403,
      permission: 'import.run',
    })
  })
})

describe('importing contacts', () => {
  it('puts people to their accounts, knows them again, and refuses what is not clear', async () => {
    const { olga, amy, tenantId } = await world.company()
    const acme = await service.as(olga).does(openAccount, { body: { name: 'Acme Ltd', country: 'DE', ownerId: amy.id } })
    for (const externalId of ['1', '2']) await service.as(olga).does(openAccount, { body: { name: 'Twin Ltd', externalId } })
    await service.as(olga).does(addContact, { body: { accountId: acme.id, name: 'Known', email: 'known@example.com' } })
    const file = [
      'externalId,account,name,email,phone,jobTitle,roles',
      'c1,ACME,Ada Lovelace,Ada@Example.com,030 901820,CTO,supporter| user |',
      ',Acme,ada lovelace,ada@example.com,,,',
      ',Acme,Ada Lovelace,ada.other@example.com,,,',
      'c1,Acme,Somebody Else,,,,',
      ',Acme,KNOWN,Known@Example.com,,,',
      ',Nowhere Ltd,Ann,,,,',
      ',Twin,Ben,,,,',
      ',Acme,Cy,not-an-address,,,',
    ].join('\n')
    const report = await imports(olga, 'contacts', file)
    expect(report).toMatchObject({ added: 2, existing: 3, rejected: 3 })
    expect(report['rejections']).toEqual([
      '6 Ann: A record you refer to does not exist. account Nowhere Ltd is not known here.',
      '7 Ben: More than one record has this name. account Twin is not unique.',
      '8 Cy: email: This is not an e-mail address.',
    ])
    const { data } = await service.as(amy).does(listContacts, { query: { sort: 'createdAt' } })
    expect(data.map(({ email }: { email: string }) => email)).toEqual(['known@example.com', 'Ada@Example.com', 'ada.other@example.com'])
    expect(data[1]).toMatchObject({
      accountId: acme.id,
      externalId: 'c1',
      phoneE164: '+4930901820',
      roles: ['supporter', 'user'],
      journeyId: acme.journeyId,
    })
    expect(await imports(olga, 'contacts', file)).toMatchObject({ added: 0, existing: 5, rejected: 3 })
    expect((await world.events(tenantId)).filter(({ name }) => name === 'contact.added')).toHaveLength(3)
  })

  it('adds nobody twice when a file is sent twice at the same moment', async () => {
    const { olga } = await world.company()
    await service.as(olga).does(openAccount, { body: { name: 'Acme' } })
    const file = ['account,name', ...Array.from({ length: 200 }, (_, n) => `Acme,Person ${n}`)].join('\n')
    const both = await Promise.all([imports(olga, 'contacts', file), imports(olga, 'contacts', file)])
    expect(both.map(({ added }) => added as number).sort()).toEqual([0, 200])
  })
})

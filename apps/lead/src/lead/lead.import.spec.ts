import { changeLeadSettings, getImport, listLeads, listRejections, startImport } from '@millrace/contracts'
import { aWorld, eventually, type Person, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(leadService)
})
afterAll(() => world.stop())

async function imports(person: Person, csv: string) {
  const caller = service.as(person)
  const { id } = await caller.does(startImport, { query: { kind: 'leads' }, body: csv })
  return eventually(async () => {
    const found = await caller.does(getImport, { params: { id } })
    return found.status === 'done' || found.status === 'failed' ? found : undefined
  })
}

function row(n: number): string {
  return `site-${n},Works ${n} Ltd,li@works-${n}.example`
}

describe('importing leads', () => {
  it('adds each lead once, though its external id comes again in the same file or in another one', async () => {
    const { olga } = await world.company()
    const numbers = Array.from({ length: 2_200 }, (_, n) => n)
    const again = [3, 1_500, 2_199]
    const file = (of: number[]) => ['externalId,companyName,email', ...of.map(row)].join('\n')
    expect(await imports(olga, file([...numbers, ...again]))).toMatchObject({ status: 'done', rows: 2_203, added: 2_200, existing: 3 })
    expect(await imports(olga, file([...again, 2_200]))).toMatchObject({ status: 'done', rows: 4, added: 1, existing: 3 })
    const { data } = await service.as(olga).does(listLeads, { query: { externalId: 'site-1500' } })
    expect(data).toMatchObject([{ companyName: 'Works 1500 Ltd', email: 'li@works-1500.example' }])
  })

  it('compares each lead with what is there and with the rows before it', async () => {
    const { olga, ada } = await world.company()
    const file = [
      'companyName,contactName,email',
      'Siemens AG,Ann,',
      'Acme Ltd,,sales@acme.example',
      'Simens,Ann,',
      ',Bob,Sales@Acme.example',
    ].join('\n')
    expect(await imports(olga, file)).toMatchObject({ status: 'done', added: 4, rejected: 0 })
    const list = async () => (await service.as(olga).does(listLeads, { query: { sort: 'id' } })).data as Record<string, any>[]
    const [siemens, acme, simens, bob] = await list()
    expect(simens!['duplicateOf']).toEqual([{ leadId: siemens!['id'], score: 30, reasons: ['similar_company_and_contact'] }])
    expect(bob!['duplicateOf']).toEqual([{ leadId: acme!['id'], score: 60, reasons: ['email'] }])
    await service.as(ada).does(changeLeadSettings, { body: { duplicates: 'refuse' }, headers: { 'if-match': '"0"' } })
    const again = ['companyName,email', 'Acme Inc,sales@acme.example', 'New Ltd,new@new.example', 'Newer Ltd,new@new.example'].join('\n')
    const report = await imports(olga, again)
    expect(report).toMatchObject({ status: 'done', added: 1, rejected: 2 })
    const { text } = await service.as(olga).call(listRejections, { params: { id: report.id } })
    expect(text).toMatch(/^1,.*Acme Inc,.*There is an open lead like this/m)
    expect(text).toMatch(/^3,.*Newer Ltd,.*There is an open lead like this/m)
  })

  it('adds to leads that are there, and to rows before, where the company wants duplicates merged', async () => {
    const { olga, ada } = await world.company()
    await service.as(ada).does(changeLeadSettings, { body: { duplicates: 'merge' }, headers: { 'if-match': '"0"' } })
    const file = ['companyName,contactName,email', 'Merge Ltd,,m@merge.example', ',Ann,M@merge.example', 'Other Ltd,,o@other.example'].join(
      '\n',
    )
    expect(await imports(olga, file)).toMatchObject({ status: 'done', added: 2, existing: 1, rejected: 0 })
    const more = ['contactName,jobTitle,email', 'Bob,Buyer,m@merge.example', 'Otto,,o@other.example', 'Otto,CEO,o@other.example'].join('\n')
    expect(await imports(olga, more)).toMatchObject({ status: 'done', added: 0, existing: 3, rejected: 0 })
    expect((await service.as(olga).does(listLeads, { query: { sort: 'id' } })).data).toMatchObject([
      { companyName: 'Merge Ltd', contactName: 'Ann', jobTitle: 'Buyer' },
      { companyName: 'Other Ltd', contactName: 'Otto', jobTitle: 'CEO' },
    ])
  })

  it('fails at a broken line, and the mended file adds what is missing', async () => {
    const { olga } = await world.company()
    const file = (line: string) =>
      ['externalId,companyName,email', ...Array.from({ length: 3_000 }, (_, n) => row(n)), line, row(5_000)].join('\n')
    const broken = await imports(olga, file('"site-x"y,Broken,li@broken.example'))
    expect(broken).toMatchObject({ status: 'failed', problem: 'import.bad_csv', rows: broken.added })
    const mended = await imports(olga, file('site-x,Mended,li@broken.example'))
    expect(mended).toMatchObject({ status: 'done', added: 3_002 - broken.added, existing: broken.added, rejected: 0 })
  })
})

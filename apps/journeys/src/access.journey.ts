import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { completeItem, openAccount, operations, startImport } from '@millrace/contracts'
import { aWorld, type World } from '@millrace/testing'
import { accessMatrix, worthlessTokens } from './access.fixture.ts'
import { aCompany, doTheRest, park, walker, type Company, type Stage } from './company.fixture.ts'
import { send } from './hostile.fixture.ts'
import { wholePlatform } from './platform.fixture.ts'

let world: World
let stage: Stage
let stop: () => Promise<void>
let ours: Company
const succeeded = new Set<string>()

beforeAll(async () => {
  world = await aWorld()
  ;({ stage, stop } = await wholePlatform(world))
  ours = await aCompany(stage, 'Alpha', succeeded)
}, 120_000)
afterAll(() => stop?.())

it('each operation lets through whom the access table names, and nobody else, to the records that it names', async () => {
  const theirs = await aCompany(stage, 'Beta', succeeded)
  for (const company of [ours, theirs]) await park(stage, world.bus, company)
  await doTheRest(stage, ours, succeeded)
  const { cases, findings } = await accessMatrix(stage, ours, theirs, succeeded)
  expect(findings).toEqual([])
  expect(cases).toBeGreaterThan(operations.length * 30)
  // One that nobody ever succeeded with would say nothing of who may: it needs a case that gets through.
  expect(operations.map(({ id }) => id).filter((id) => !succeeded.has(id))).toEqual([])
}, 300_000)

it('no address that a caller names is ever called', async () => {
  const calls: string[] = []
  const trap = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`)
    response.end('{}')
  })
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
  const elsewhere = `http://127.0.0.1:${(trap.address() as AddressInfo).port}`
  try {
    const get = (path: string, headers: Record<string, string> = {}) => send(stage.url, { what: path, method: 'GET', path, headers })
    for (const [, authorization] of await worthlessTokens(stage, ours.ada, elsewhere))
      await get('/v1/leads', { ...(authorization && { authorization }), host: elsewhere.slice(7), 'x-forwarded-host': elsewhere.slice(7) })
    const wishes = {
      client_id: 'millrace-console',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: elsewhere,
      request_uri: elsewhere,
    }
    const known = {
      ...wishes,
      redirect_uri: 'http://127.0.0.1/callback',
      resource: elsewhere,
      logo_uri: elsewhere,
      sector_identifier_uri: elsewhere,
    }
    for (const wish of [wishes, known, { client_id: elsewhere }]) await get(`/oauth/authorize?${new URLSearchParams(wish).toString()}`)
    await get(`/oauth/end-session?${new URLSearchParams({ post_logout_redirect_uri: elsewhere, id_token_hint: elsewhere }).toString()}`)
    await get(`${elsewhere}/v1/leads`) // as to a proxy
    await get(`//${elsewhere.slice(7)}/v1/leads`)
    const does = walker(stage, ours.ada, new Set())
    await does(openAccount, { body: { name: 'Elsewhere', website: `${elsewhere}/website` } })
    await does(startImport, { query: { kind: 'accounts', name: elsewhere }, body: `name,website\nImported,${elsewhere}/imported\n` })
    const item = { item: 'x', value: { name: 'x', url: `${elsewhere}/file` } }
    await expect(does(completeItem, { params: { id: ours.records[0]!.open.get('opportunity')! }, body: item })).rejects.toThrow(
      'unknown_item',
    )
    await stage.quiet()
    expect(calls).toEqual([])
  } finally {
    trap.close()
  }
})

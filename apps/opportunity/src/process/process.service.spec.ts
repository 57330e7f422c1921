import {
  changeProcess,
  draftProcess,
  getProcess,
  listProcesses,
  listProcessTemplates,
  makeDefaultProcess,
  newProcessVersion,
  publishProcess,
  retireProcess,
  TenantCreated,
} from '@millrace/contracts'
import { aWorld, houseRules, type Company, type TestService, type World } from '@millrace/testing'
import { opportunityService } from '../opportunity.module.js'

houseRules(opportunityService, `${import.meta.dirname}/..`)

let world: World
let service: TestService
let company: Company

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(opportunityService)
  company = await world.company()
})
afterAll(() => world.stop())

/** The process of a hardware company, as its sales-ops would write it. */
const hardware = {
  name: 'Hardware sales',
  stages: [
    {
      key: 'prospecting',
      name: { en: 'Prospecting', 'zh-CN': '寻找客户' },
      probability: '20',
      items: [{ key: 'contacted', name: 'Contacted', weight: '20' }],
    },
    { key: 'engaging', name: 'Engaging', probability: '60', items: [{ key: 'engaged', name: 'Engaged', required: true, weight: '40' }] },
  ],
}
const begin = async ({ tenantId }: Company) => {
  await world.publish(tenantId, TenantCreated, tenantId, {
    tenantId,
    name: 'Hardware Ltd',
    currency: 'USD',
    zone: 'America/New_York',
  } as never)
  await service.settled()
}
const processEvents = async ({ tenantId }: Company) => (await world.events(tenantId)).filter(({ name }) => name.startsWith('process.'))

describe('a company that begins', () => {
  it('has the first template published as its default, once', async () => {
    const fresh = await world.company()
    await begin(fresh)
    await begin(fresh)
    const { data } = await service.as(fresh.amy).does(listProcesses)
    expect(data).toHaveLength(1)
    expect(data[0]).toMatchObject({ family: 'five-stages', number: 1, status: 'published', isDefault: true })
    expect(await processEvents(fresh)).toEqual([
      expect.objectContaining({
        name: 'process.published',
        subject: data[0].id,
        payload: expect.objectContaining({ family: 'five-stages', number: 1, names: { en: 'Five stages', 'zh-CN': '五阶段销售流程' } }),
      }),
    ])
  })

  it('keeps a default it chose itself', async () => {
    const fresh = await world.company()
    const own = await service.as(fresh.ada).does(draftProcess, { body: hardware })
    await service.as(fresh.ada).does(publishProcess, { params: { id: own.id } })
    await begin(fresh)
    const { data } = await service.as(fresh.amy).does(listProcesses)
    expect(data.map(({ id, isDefault }: { id: string; isDefault: boolean }) => ({ id, isDefault }))).toEqual([
      { id: own.id, isDefault: true },
    ])
  })
})

describe('writing a process', () => {
  it('takes a short definition and fills in the rest', async () => {
    const { olga } = await world.company()
    const answer = await service.as(olga).call(draftProcess, { body: hardware })
    expect(answer.status).toBe(201)
    expect(answer.body).toMatchObject({ status: 'draft', family: 'hardware-sales', number: 1, isDefault: false, version: 1 })
    expect(answer.body.name).toEqual({ en: 'Hardware sales', 'zh-CN': 'Hardware sales' })
    expect(answer.body.stages[0]).toMatchObject({
      name: { en: 'Prospecting', 'zh-CN': '寻找客户' },
      gate: 'block',
      outcome: 'open',
      items: [{ key: 'contacted', kind: 'tick', required: false, weight: '20' }],
    })
  })

  it('takes each of the templates, ready to publish', async () => {
    const { olga } = await world.company()
    const { data } = await service.as(olga).does(listProcessTemplates)
    expect(data.map(({ key }: { key: string }) => key)).toEqual(['five-stages', 'value-selling', 'eight-stages', 'deal-control', 'simple'])
    for (const { key, stages } of data) {
      const draft = await service.as(olga).does(draftProcess, { body: { template: key } })
      expect(draft.stages).toEqual(stages)
      expect(await service.as(olga).does(publishProcess, { params: { id: draft.id } })).toMatchObject({ status: 'published' })
    }
  })

  it('refuses nonsense with every field that is wrong', async () => {
    const errors = async (body: object) =>
      ((await service.as(company.olga).call(draftProcess, { body })).body.errors as { pointer: string; code: string }[]).map(
        ({ pointer, code }) => `${pointer} ${code}`,
      )
    const [stage] = hardware.stages
    expect(await errors({})).toEqual(['/ process.template_or_stages'])
    expect(await errors({ template: 'simple', stages: hardware.stages })).toEqual(['/ process.template_or_stages'])
    expect(await errors({ name: 'x', stages: [] })).toEqual(['/stages field.too_small'])
    expect(await errors({ name: 'x', stages: [stage, stage] })).toEqual(['/stages process.doubled_stage', '/stages process.doubled_item'])
    expect(await errors({ name: 'x', stages: [{ ...stage, key: 'Big Key', probability: '101', colour: 'red' }] })).toEqual([
      '/stages/0/key process.malformed_key',
      '/stages/0/probability process.malformed_percent',
      '/stages/0/colour field.unrecognized_keys',
    ])
    const choice = { key: 'c', name: 'c', kind: 'choice' }
    expect(await errors({ name: 'x', stages: [{ ...stage, items: [choice] }] })).toEqual(['/stages/0/items/0/options process.options'])
    expect(await errors({ name: 'x'.repeat(101), stages: hardware.stages })).toHaveLength(1)
  })

  it('changes drafts only, at the version that was read', async () => {
    const { olga } = await world.company()
    const draft = await service.as(olga).does(draftProcess, { body: hardware })
    const params = { id: draft.id }
    const change = (version: number) =>
      service.as(olga).call(changeProcess, { params, body: { name: 'Renamed' }, headers: { 'if-match': `"${version}"` } })
    expect((await service.as(olga).call(changeProcess, { params, body: {} })).status).toBe(428)
    expect((await change(1)).body).toMatchObject({ name: { en: 'Renamed' }, version: 2, stages: draft.stages })
    expect((await change(1)).body).toMatchObject({ status: 412, code: 'version.stale' })
    await service.as(olga).does(publishProcess, { params })
    expect((await change(3)).body).toMatchObject({ status: 409, code: 'process.not_draft' })
  })

  it('refuses a family that is taken, and lets one of two drafts at once through', async () => {
    const { olga } = await world.company()
    const answers = await Promise.all([1, 2, 3, 4].map(() => service.as(olga).call(draftProcess, { body: hardware })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'process.family_taken', family: 'hardware-sales' })
    expect((await service.as(olga).call(draftProcess, { body: { ...hardware, family: 'second' } })).status).toBe(201)
  })
})

describe('publishing a process', () => {
  it('is refused while weights do not add up, naming stage, sum and expected value', async () => {
    const fresh = await world.company()
    const stages = [hardware.stages[0], { ...hardware.stages[1], items: [{ key: 'engaged', name: 'Engaged', weight: '39.5' }] }]
    const draft = await service.as(fresh.olga).does(draftProcess, { body: { name: 'Off', stages } })
    const answer = await service.as(fresh.olga).call(publishProcess, { params: { id: draft.id }, headers: { 'accept-language': 'zh-CN' } })
    expect(answer.body).toMatchObject({ status: 422, code: 'process.weights', stage: 'engaging', sum: '39.5', expected: '40' })
    expect(answer.body.detail).toContain('合计 39.5 %,应为 40 %')
    expect((await service.as(fresh.olga).does(getProcess, { params: { id: draft.id } })).status).toBe('draft')
    expect(await processEvents(fresh)).toEqual([])
  })

  it('retires the version before it and takes over as the default', async () => {
    const fresh = await world.company()
    const olga = service.as(fresh.olga)
    const first = await olga.does(draftProcess, { body: hardware })
    expect(await olga.does(publishProcess, { params: { id: first.id } })).toMatchObject({ isDefault: true, status: 'published' })
    const second = await olga.does(newProcessVersion, { params: { id: first.id } })
    expect(second).toMatchObject({ status: 'draft', family: first.family, number: 2, stages: first.stages })
    expect((await olga.call(newProcessVersion, { params: { id: first.id } })).body).toMatchObject({
      status: 409,
      code: 'process.draft_exists',
      draftId: second.id,
    })
    expect(await olga.does(publishProcess, { params: { id: second.id } })).toMatchObject({ isDefault: true })
    expect(await olga.does(getProcess, { params: { id: first.id } })).toMatchObject({ status: 'retired', isDefault: false })
    expect((await processEvents(fresh)).map(({ name, subject, payload }) => [name, subject, payload['number']]).sort()).toEqual(
      [
        ['process.published', first.id, 1],
        ['process.published', second.id, 2],
        ['process.retired', first.id, undefined],
      ].sort(),
    )
  })

  it('has one default a company, however many want to be it at once', async () => {
    const { olga } = await world.company()
    const drafts = await Promise.all(
      ['a', 'b', 'c'].map((family) => service.as(olga).does(draftProcess, { body: { ...hardware, family } })),
    )
    await Promise.all(drafts.map(({ id }) => service.as(olga).does(publishProcess, { params: { id }, body: { isDefault: true } })))
    const defaults = async () => (await service.as(olga).does(listProcesses, { query: { isDefault: 'true', status: 'published' } })).data
    expect(await defaults()).toHaveLength(1)
    await Promise.all(drafts.map(({ id }) => service.as(olga).does(makeDefaultProcess, { params: { id } })))
    const [last] = await defaults()
    expect(await defaults()).toHaveLength(1)
    expect((await service.as(olga).call(retireProcess, { params: { id: last.id } })).body).toMatchObject({
      status: 409,
      code: 'process.is_default',
    })
  })

  it('is told once when it is retired; a draft goes in silence', async () => {
    const fresh = await world.company()
    const olga = service.as(fresh.olga)
    await begin(fresh)
    const draft = await olga.does(draftProcess, { body: hardware })
    expect(await olga.does(retireProcess, { params: { id: draft.id } })).toMatchObject({ status: 'retired' })
    const used = await olga.does(draftProcess, { body: { ...hardware, family: 'used' } })
    await olga.does(publishProcess, { params: { id: used.id } })
    await olga.does(retireProcess, { params: { id: used.id } })
    await olga.does(retireProcess, { params: { id: used.id } })
    const told = (await processEvents(fresh)).filter(({ name }) => name === 'process.retired')
    expect(told.map(({ subject }) => subject)).toEqual([used.id])
  })
})

describe('who may write a process', () => {
  it('is sales-ops and administrators; everybody of the company reads it, nobody else', async () => {
    const draft = await service.as(company.olga).does(draftProcess, { body: { ...hardware, family: 'mine' } })
    const params = { id: draft.id }
    for (const person of [company.amy, company.mona, company.fred]) {
      expect((await service.as(person).call(getProcess, { params })).status).toBe(200)
      expect((await service.as(person).call(publishProcess, { params })).body).toMatchObject({ status: 403, permission: 'process.write' })
    }
    const stranger = await world.company()
    expect((await service.as(stranger.ada).call(getProcess, { params })).status).toBe(404)
    expect((await service.as(stranger.ada).call(publishProcess, { params })).status).toBe(404)
  })
})

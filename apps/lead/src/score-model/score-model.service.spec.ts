import { captureLead, explainScore, getScoreModel, listScoreModels, trainScoreModel, useScoreModel } from '@millrace/contracts'
import { aWorld, eventually, type Company, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'

let world: World
let leads: TestService

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
afterAll(() => world.stop())

/** Leads that ended: of 400 from a fair three of four well, of 400 from the web one of four. */
async function withHistory(): Promise<Company> {
  const company = await world.company()
  await leads.database.pool.query(`BEGIN; SET LOCAL millrace.tenant = '${company.tenantId}';
    INSERT INTO lead (id, version, journey_id, created_at, updated_at, status, source, owner_id, duplicate_of)
    SELECT 'lead_' || lpad(n::text, 26, '0'), 1, 'j', now(), now(), CASE WHEN (n % 4 = 0) = (n % 8 < 4) THEN 'converted' ELSE 'disqualified' END,
      CASE WHEN n % 8 < 4 THEN 'web' ELSE 'fair' END, '${company.amy.id}', '[]' FROM generate_series(1, 800) AS n; COMMIT`)
  return company
}
const trained = async ({ olga }: Company, body: object = {}) => {
  const { id } = await leads.as(olga).does(trainScoreModel, { body })
  const read = () => leads.as(olga).does(getScoreModel, { params: { id } })
  await eventually(async () => (await read()).status !== 'training')
  return read()
}

describe('a model that is learnt', () => {
  it('says how good it is on leads it had not seen and what drives it, and explains a lead’s chance beside the rules', async () => {
    const company = await withHistory()
    const { amy, olga } = company
    const model = await trained(company)
    expect(model).toMatchObject({ status: 'trained', problem: null, training: { leads: 800, successes: 400 } })
    const { heldOut, drivers } = model.training
    expect(Number(heldOut.auc)).toBeGreaterThan(0.65)
    expect(Number(heldOut.auc)).toBeLessThan(0.85)
    expect(heldOut.calibration.reduce((sum: number, { leads }: { leads: number }) => sum + leads, 0)).toBe(heldOut.leads)
    expect(
      drivers
        .slice(0, 2)
        .map(({ field, value }: { field: string; value: string }) => [field, value])
        .sort(),
    ).toEqual([
      ['lead.source', 'fair'],
      ['lead.source', 'web'],
    ])
    const lead = await leads.as(amy).does(captureLead, { body: { companyName: 'Fair Ltd', source: 'fair' } })
    const explained = () => leads.as(amy).does(explainScore, { params: { id: lead.id } })
    expect((await explained()).learnt).toBeNull()
    expect(await leads.as(olga).does(useScoreModel, { params: { id: model.id } })).toMatchObject({ status: 'used' })
    const { learnt } = await explained()
    expect(learnt).toMatchObject({ modelId: model.id })
    expect(Number(learnt.chance)).toBeGreaterThan(0.6)
    expect(learnt.drivers[0]).toMatchObject({ field: 'lead.source', value: 'fair' })
  })

  it('learns what it is told is a success, from the fields it is told', async () => {
    const company = await withHistory()
    const model = await trained(company, { success: 'lead.source == "web"', fields: ['lead.source'] })
    expect(model.training.drivers).toHaveLength(2)
    expect(model.training.heldOut.auc).toBe('1.0000')
  })

  it('is put aside when another one is used', async () => {
    const company = await withHistory()
    const [first, second] = [await trained(company), await trained(company)]
    for (const { id } of [first, second]) await leads.as(company.olga).does(useScoreModel, { params: { id } })
    const { data } = await leads.as(company.olga).does(listScoreModels, { query: { sort: 'id' } })
    expect(data.map(({ status }: { status: string }) => status)).toEqual(['trained', 'used'])
  })

  it('fails where there is too little to learn from, and cannot be used', async () => {
    const company = await world.company()
    const model = await trained(company)
    expect(model).toMatchObject({ status: 'failed', problem: 'score_model.too_few', training: null })
    expect((await leads.as(company.olga).call(useScoreModel, { params: { id: model.id } })).body.code).toBe('score_model.not_trained')
  })

  it('refuses conditions and fields that nobody knows, and reps', async () => {
    const { olga, amy } = await world.company()
    const refused = async (body: object) => (await leads.as(olga).call(trainScoreModel, { body })).body as unknown
    expect(await refused({ success: 'lead.won' })).toMatchObject({ code: 'expression.malformed', position: 5 })
    expect(await refused({ fields: ['wealth'] })).toMatchObject({ code: 'reference.unknown', value: 'wealth' })
    expect((await leads.as(amy).call(trainScoreModel, { body: {} })).status).toBe(403)
  })
})

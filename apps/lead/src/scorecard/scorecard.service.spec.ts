import {
  activateScorecard,
  captureLead,
  changeLead,
  changeScorecard,
  disqualifyLead,
  draftScorecard,
  explainScore,
  getLead,
  getScorecard,
  listLeads,
  listScorecards,
  listScoringFields,
  previewScorecard,
  readAudit,
} from '@millrace/contracts'
import { aWorld, eventually, type Company, type TestService, type World } from '@millrace/testing'
import { leadService } from '../lead.module.js'

let world: World
let leads: TestService

beforeAll(async () => {
  world = await aWorld()
  leads = await world.start(leadService)
})
afterAll(() => world.stop())

const rules = [
  { name: 'From a fair', condition: 'lead.source == "fair"', points: 40 },
  { name: 'Can be reached', condition: 'lead.email != "" || lead.phone != ""', points: 20 },
  { name: 'Decides', condition: 'lead.jobTitle.lowerAscii() in ["ceo", "总经理"]', points: 30 },
  { name: 'Free mail', condition: 'lead.email.endsWith("@qq.com")', points: -15 },
]
const draft = (company: Company, body: object = {}) =>
  leads.as(company.olga).does(draftScorecard, { body: { name: 'Rules', rules, ...body } })
const activate = async (company: Company, id: string) => {
  await leads.as(company.olga).does(activateScorecard, { params: { id } })
  await eventually(async () => (await leads.as(company.olga).does(getScorecard, { params: { id } })).rescoring === null)
}
const capture = (company: Company, body: object) => leads.as(company.amy).does(captureLead, { body })

describe('scoring', () => {
  it('gives a new lead its score and grade, shows what they are made of, and tells others', async () => {
    const company = await world.company()
    await activate(company, (await draft(company)).id)
    const lead = await capture(company, { companyName: '云图', source: 'fair', jobTitle: 'CEO', email: 'li@qq.com', tags: ['vip', 'vip'] })
    expect(lead).toMatchObject({ score: 75, grade: 'A', tags: ['vip'] })
    expect(await leads.as(company.amy).does(explainScore, { params: { id: lead.id } })).toMatchObject({
      score: 75,
      parts: [
        { name: 'From a fair', points: 40 },
        { name: 'Can be reached', points: 20 },
        { name: 'Decides', points: 30 },
        { name: 'Free mail', points: -15 },
      ],
      sum: 75,
    })
    const [captured] = (await world.events(company.tenantId)).filter(({ subject }) => subject === lead.id)
    expect(captured).toMatchObject({ name: 'lead.captured', payload: { score: 75, grade: 'A', tags: ['vip'] } })
    expect((await leads.as(company.bob).call(explainScore, { params: { id: lead.id } })).status).toBe(404)
  })

  it('follows a lead that changes', async () => {
    const company = await world.company()
    await activate(company, (await draft(company)).id)
    const lead = await capture(company, { companyName: 'Acme', email: 'a@acme.example' })
    expect(lead).toMatchObject({ score: 20, grade: 'D' })
    const changed = await leads.as(company.amy).does(changeLead, {
      ...{ params: { id: lead.id }, body: { source: 'fair' }, headers: { 'if-match': `"${lead.version}"` } },
    })
    expect(changed).toMatchObject({ score: 60, grade: 'B' })
  })

  it('sorts and filters the list, and a lead without a scorecard has none', async () => {
    const company = await world.company()
    const before = await capture(company, { companyName: 'Before Ltd' })
    expect(before).toMatchObject({ score: null, grade: null, scorecardId: null })
    await activate(company, (await draft(company)).id)
    await capture(company, { companyName: 'Best Ltd', source: 'fair', email: 'x@best.example', tags: ['hot'] })
    await capture(company, { companyName: 'Fair Ltd', source: 'fair', tags: ['cold', 'fair'] })
    const names = async (query: object) =>
      (await leads.as(company.olga).does(listLeads, { query: { ...query } })).data.map(
        ({ companyName }: { companyName: string }) => companyName,
      )
    expect(await names({ sort: '-score' })).toEqual(['Best Ltd', 'Fair Ltd', 'Before Ltd'])
    expect(await names({ grade: ['B', 'A'] })).toEqual(['Best Ltd'])
    expect(await names({ 'score.gte': 40 })).toEqual(['Fair Ltd', 'Best Ltd'])
    expect(await names({ 'score.gt': '40.5' })).toEqual(['Best Ltd'])
    expect(await names({ score: ['12.5', '40'], 'score.lt': '99999999999' })).toEqual(['Fair Ltd'])
    expect(await names({ tags: 'fair' })).toEqual(['Fair Ltd'])
    expect(await names({ tags: ['hot', 'cold'] })).toEqual(['Fair Ltd', 'Best Ltd'])
  })
})

describe('another scorecard', () => {
  it('scores the open leads anew in the background, tells of each whose score is another, and leaves closed ones', async () => {
    const company = await world.company()
    const { olga, amy, tenantId } = company
    await activate(company, (await draft(company)).id)
    const [fair, web, closed] = [
      await capture(company, { companyName: 'Fair Ltd', source: 'fair' }),
      await capture(company, { companyName: 'Web Ltd', source: 'web' }),
      await capture(company, { companyName: 'Closed Ltd', source: 'fair' }),
    ]
    await leads.as(amy).does(disqualifyLead, { params: { id: closed.id }, body: { reason: 'spam' } })
    const second = await draft(company, { rules: [{ name: 'Fair', condition: 'lead.source == "fair"', points: 80 }] })
    await activate(company, second.id)
    const read = (id: string) => leads.as(olga).does(getLead, { params: { id } })
    expect(await read(fair.id)).toMatchObject({ score: 80, grade: 'A', scorecardId: second.id, version: 2 })
    expect(await read(web.id)).toMatchObject({ score: 0, grade: 'D', scorecardId: second.id, version: 1 })
    expect(await read(closed.id)).toMatchObject({ score: 40, grade: 'C' })
    const scored = (await world.events(tenantId)).filter(({ name }) => name === 'lead.scored')
    expect(scored.map(({ payload }) => payload)).toEqual([{ leadId: fair.id, score: 80, grade: 'A', scorecardId: second.id }])
    const { data } = await leads.as(olga).does(listScorecards, { query: { sort: 'id' } })
    expect(data.map(({ status }: { status: string }) => status)).toEqual(['retired', 'active'])
    const { data: trail } = await leads.as(olga).does(readAudit, { params: { id: fair.id } })
    expect(trail.at(-1)).toMatchObject({ action: 'update', change: { score: { from: 40, to: 80 }, grade: { from: 'C', to: 'A' } } })
  })

  it('goes through more leads than one transaction takes', async () => {
    const company = await world.company()
    const { tenantId, olga } = company
    await activate(company, (await draft(company)).id)
    await Promise.all(Array.from({ length: 30 }, (_, n) => capture(company, { companyName: `Many ${n} Ltd`, source: 'fair' })))
    const { database } = leads
    await database.pool.query(`BEGIN; SET LOCAL millrace.tenant = '${tenantId}';
      INSERT INTO lead (id, version, journey_id, created_at, updated_at, status, source, duplicate_of)
      SELECT 'lead_' || lpad(n::text, 26, '0'), 1, 'j', now(), now(), 'new', 'fair', '[]' FROM generate_series(1, 1200) AS n; COMMIT`)
    const second = await draft(company, { rules: [{ name: 'Fair', condition: 'lead.source == "fair"', points: 80 }] })
    await activate(company, second.id)
    const { data } = await leads.as(olga).does(listLeads, { query: { grade: 'A', limit: 200, sort: 'id' } })
    expect(data).toHaveLength(200)
    const rest = await leads.as(olga).does(listLeads, { query: { grade: ['B', 'C', 'D'] } })
    expect(rest.data).toEqual([])
  })

  it('is one of two that are activated at the same moment', async () => {
    const company = await world.company()
    const cards = await Promise.all([draft(company), draft(company), draft(company)])
    await Promise.all(cards.map(({ id }) => leads.as(company.olga).call(activateScorecard, { params: { id } })))
    const { data } = await leads.as(company.olga).does(listScorecards, { query: { status: 'active' } })
    expect(data).toHaveLength(1)
  })

  it('is not changed once it counted, and cannot come back', async () => {
    const company = await world.company()
    const [first, second] = [await draft(company), await draft(company)]
    await activate(company, first.id)
    const change = await leads.as(company.olga).call(changeScorecard, {
      ...{ params: { id: first.id }, body: { name: 'x' }, headers: { 'if-match': '"2"' } },
    })
    expect(change.body).toMatchObject({ status: 409, code: 'scorecard.not_draft' })
    await activate(company, second.id)
    expect((await leads.as(company.olga).call(activateScorecard, { params: { id: first.id } })).body.code).toBe('scorecard.illegal_move')
  })
})

describe('drafting a scorecard', () => {
  it('refuses a rule that cannot be used, with rule and place', async () => {
    const company = await world.company()
    const answer = await leads.as(company.olga).call(draftScorecard, {
      body: { name: 'x', rules: [rules[0], { name: 'Typo', condition: 'lead.sorce == "fair"', points: 1 }] },
    })
    expect(answer.body).toMatchObject({
      ...{ status: 422, code: 'scorecard.rule', name: 'Typo', pointer: '/rules/1/condition', position: 5 },
    })
  })

  it('refuses grades that do not go down, and reps', async () => {
    const company = await world.company()
    const answer = await leads.as(company.olga).call(draftScorecard, { body: { name: 'x', rules, grades: { a: 50, b: 50, c: 10 } } })
    expect(answer.body.errors).toMatchObject([{ pointer: '/grades', code: 'scorecard.grades_descend' }])
    expect((await leads.as(company.amy).call(draftScorecard, { body: { name: 'x', rules } })).status).toBe(403)
  })

  it('tells which fields there are', async () => {
    const { data } = await leads.as((await world.company()).amy).does(listScoringFields)
    expect(data).toContainEqual({ field: 'lead.tags', kind: 'texts' })
  })
})

describe('a preview', () => {
  it('says how many grades would be others, how often each rule holds or lacks what it asks for, and changes nothing', async () => {
    const company = await world.company()
    await activate(company, (await draft(company)).id)
    const fair = await capture(company, { companyName: 'Fair Ltd', source: 'fair', email: 'a@fair.example' })
    await capture(company, { companyName: 'Web Ltd', source: 'web' })
    const preview = await leads.as(company.olga).does(previewScorecard, {
      body: { rules: [...rules, { name: 'Fair again', condition: 'lead.source == "fair"', points: 20 }] },
    })
    expect(preview).toMatchObject({
      ...{ leads: 2, changed: 1, ungraded: 0 },
      grades: [
        { grade: 'A', now: 0, then: 1 },
        { grade: 'B', now: 1, then: 0 },
        { grade: 'C', now: 0, then: 0 },
        { grade: 'D', now: 1, then: 1 },
      ],
      examples: [{ leadId: fair.id, from: { score: 60, grade: 'B' }, to: { score: 80, grade: 'A' } }],
    })
    expect(preview.rules).toContainEqual({ name: 'From a fair', holds: 1, unknown: 0 })
    expect(await leads.as(company.olga).does(getLead, { params: { id: fair.id } })).toMatchObject({ score: 60, version: fair.version })
  })
})

import {
  activateAccountScorecard,
  changeAccount,
  changeAccountScorecard,
  draftAccountScorecard,
  explainAccountScore,
  getAccount,
  getAccountScorecard,
  listAccounts,
  listAccountScorecards,
  listAccountScoringFields,
  logActivity,
  mergeAccount,
  openAccount,
  OrderPlaced,
  previewAccountScorecard,
  TenantChanged,
} from '@millrace/contracts'
import { Money, newId, type Id } from '@millrace/domain'
import { Jobs } from '@millrace/service'
import { aWorld, eventually, type Company, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())
beforeEach(() => service.clock.set(new Date('2026-11-20T04:00:00Z')))

const parts = {
  fit: {
    most: 40,
    rules: [
      { name: 'Our industry', condition: 'account.industry == "Machines"', points: 30 },
      { name: 'Large', condition: 'account.employees >= 500', points: 30 },
    ],
  },
  value: { most: 40, rules: [{ name: 'Ordered', condition: 'account.orderedAmount >= 1000', points: 35 }] },
  behaviour: {
    most: 20,
    rules: [
      { name: 'In contact', condition: 'account.daysSinceActivity <= 30', points: 20 },
      { name: 'Out of sight', condition: 'account.daysSinceActivity > 60', points: -10 },
    ],
  },
}

async function aCompany(): Promise<Company> {
  const company = await world.company()
  const { tenantId } = company
  await world.publish(tenantId, TenantChanged, tenantId, {
    tenantId,
    name: 'We',
    currency: 'CNY',
    zone: 'Asia/Shanghai',
    language: 'zh-CN',
  })
  return company
}
const draft = ({ olga }: Company, body: object = {}) =>
  service.as(olga).does(draftAccountScorecard, { body: { name: 'Rules', parts, ...body } })
const open = ({ amy }: Company, body: object) => service.as(amy).does(openAccount, { body: { name: '云图', ...body } })
const read = ({ amy }: Company, id: string) => service.as(amy).does(getAccount, { params: { id } })
const explain = ({ amy }: Company, id: string, query: object = {}) =>
  service.as(amy).does(explainAccountScore, { params: { id }, query: { ...query } })

async function activate(company: Company, id: string): Promise<void> {
  await service.as(company.olga).does(activateAccountScorecard, { params: { id } })
  await eventually(async () => (await service.as(company.olga).does(getAccountScorecard, { params: { id } })).rescoring === null)
}

/** Until nothing that was noted waits to be scored. */
async function scored({ tenantId }: Company): Promise<void> {
  await service.settled()
  await service.app.get(Jobs).turn('score accounts')
  await eventually(async () => {
    const { rows } = await service.database.pool.query(
      `SELECT set_config('millrace.tenant', '${tenantId}', false), (SELECT count(1)::int FROM account_to_score) AS waiting`,
    )
    return rows[0].waiting === 0
  })
}

const order = ({ tenantId }: Company, accountId: Id<'account'>, amount: string) => {
  const orderId = newId('order')
  const total = Money.parse(amount, 'CNY')
  const placed = { orderId, number: 'O-1', contractId: newId('contract'), accountId, ownerId: null, total, lines: [] }
  return world.publish(tenantId, OrderPlaced, orderId, placed)
}
const told = async ({ tenantId }: Company) =>
  (await world.events(tenantId)).filter(({ name }) => name === 'account.scored').map(({ payload }) => payload)

describe('the score of an account', () => {
  it('follows what happens to it, says what it is made of, and keeps how it changed', async () => {
    const company = await aCompany()
    const scorecard = await draft(company)
    await activate(company, scorecard.id)
    const { id, version } = await open(company, { industry: 'Machines', employees: 800 })
    await scored(company)
    expect(await read(company, id)).toMatchObject({ score: 40, grade: 'C', version })

    await order(company, id, '1000.00')
    await scored(company)
    expect(await read(company, id)).toMatchObject({ score: 75, grade: 'A', version })

    await service.as(company.amy).does(logActivity, { body: { accountId: id, kind: 'call', subject: 'Call' } })
    await scored(company)
    expect(await explain(company, id)).toMatchObject({
      ...{ accountId: id, score: 95, grade: 'A', scorecardId: scorecard.id, scoredAt: expect.stringContaining('2026-11-20T04:00') },
      parts: [
        { part: 'fit', points: 40, most: 40, rules: parts.fit.rules.map(({ name, points }) => ({ name, points })) },
        { part: 'value', points: 35, most: 40, rules: [{ name: 'Ordered', points: 35 }] },
        { part: 'behaviour', points: 20, most: 20, rules: [{ name: 'In contact', points: 20 }] },
      ],
      history: {
        data: [
          { from: { score: 75, grade: 'A' }, to: { score: 95, grade: 'A' }, scorecardId: scorecard.id },
          { from: { score: 40, grade: 'C' }, to: { score: 75, grade: 'A' } },
          {
            from: null,
            to: { score: 40, grade: 'C' },
            parts: [
              { part: 'fit', points: 40 },
              { part: 'value', points: 0 },
              { part: 'behaviour', points: 0 },
            ],
          },
        ],
        next: null,
      },
    })
    const from = { accountId: id, ownerId: company.amy.id, scorecardId: scorecard.id }
    expect(await told(company)).toEqual([
      { ...from, score: 40, grade: 'C', before: null, because: 'first' },
      { ...from, score: 75, grade: 'A', before: { score: 40, grade: 'C' }, because: 'grade' },
      { ...from, score: 95, grade: 'A', before: { score: 75, grade: 'A' }, because: 'score' },
    ])
    const first = await explain(company, id, { limit: 2 })
    expect(first.history.data).toHaveLength(2)
    expect((await explain(company, id, { limit: 2, cursor: first.history.next })).history).toMatchObject({
      data: [{ from: null }],
      next: null,
    })
    expect((await service.as(company.bob).call(explainAccountScore, { params: { id } })).status).toBe(404)
  })

  it('that has hardly changed is not told, until it has gone far enough together', async () => {
    const company = await aCompany()
    const step = (points: number) => ({ name: 'Size', condition: 'account.employees >= ' + String(points), points: 6 })
    const rules = {
      fit: { most: 100, rules: [step(1), step(2), step(3)] },
      value: { most: 0, rules: [] },
      behaviour: { most: 0, rules: [] },
    }
    await activate(company, (await draft(company, { parts: rules })).id)
    let account = await open(company, { employees: 0 })
    await scored(company)
    for (const employees of [1, 2]) {
      const headers = { 'if-match': `"${account.version}"` }
      account = await service.as(company.amy).does(changeAccount, { params: { id: account.id }, body: { employees }, headers })
      await scored(company)
    }
    expect(account.version).toBe(3)
    expect((await told(company)).map(({ score, because }) => [score, because])).toEqual([
      [0, 'first'],
      [12, 'score'],
    ])
    expect((await explain(company, account.id)).history.data.map(({ to }: any) => to.score)).toEqual([12, 6, 0])
  })

  it('changes by night where days count, and only then', async () => {
    const company = await aCompany()
    await activate(company, (await draft(company)).id)
    const { id } = await open(company, { industry: 'Machines' })
    await service.as(company.amy).does(logActivity, { body: { accountId: id, kind: 'call', subject: 'Call' } })
    await scored(company)
    expect(await read(company, id)).toMatchObject({ score: 50 })
    service.clock.set(new Date('2026-12-21T15:00:00Z')) // still the 21st in Shanghai
    await scored(company)
    expect(await read(company, id)).toMatchObject({ score: 30, grade: 'C' })
    service.clock.set(new Date('2026-12-21T15:59:00Z'))
    await scored(company)
    const { history } = await explain(company, id)
    expect(history.data).toMatchObject([{ at: expect.stringContaining('2026-12-21T15:00'), to: { score: 30 } }, { to: { score: 50 } }])
  })

  it('takes in what an account brings that becomes part of it', async () => {
    const company = await aCompany()
    await activate(company, (await draft(company)).id)
    const [one, two] = [await open(company, { name: 'One' }), await open(company, { name: 'Two' })]
    await order(company, two.id, '2000.00')
    await scored(company)
    expect(await read(company, one.id)).toMatchObject({ score: 0 })
    await service.as(company.olga).does(mergeAccount, { params: { id: one.id }, body: { accountId: two.id } })
    await scored(company)
    expect(await read(company, one.id)).toMatchObject({ score: 35 })
    await order(company, two.id, '1.00') // of before, as whoever ordered still knows it
    await scored(company)
    expect(await explain(company, two.id)).toMatchObject({ accountId: one.id, score: 35 })
  })

  it('is that of the last change, though it came while the one before was being looked at', async () => {
    const company = await aCompany()
    await activate(company, (await draft(company)).id)
    const { id } = await open(company, { industry: 'Machines' })
    const client = await service.database.pool.connect()
    try {
      await client.query(`BEGIN; SET LOCAL millrace.tenant = '${company.tenantId}'; SELECT id FROM account WHERE id = '${id}' FOR UPDATE`)
      const turn = service.app.get(Jobs).turn('score accounts')
      // It has seen the account as it is, and waits to write what it found.
      await eventually(async () => {
        const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FROM account WHERE%'`
        return (await service.database.pool.query(waiting)).rowCount === 1
      })
      await client.query(`UPDATE account SET employees = 900 WHERE id = '${id}';
        INSERT INTO account_to_score (account_id, mark) VALUES ('${id}', pg_current_xact_id()::text)
        ON CONFLICT (tenant_id, account_id) DO UPDATE SET mark = excluded.mark; COMMIT`)
      await turn
    } finally {
      client.release()
    }
    await scored(company)
    expect((await explain(company, id)).history.data.map(({ to }: any) => to.score)).toEqual([40, 30])
  })

  it('filters and sorts the list, and one without a scorecard has none', async () => {
    const company = await aCompany()
    const [large, small] = [
      await open(company, { name: 'Large', industry: 'Machines', employees: 900 }),
      await open(company, { name: 'Small' }),
    ]
    const names = async (query: object) =>
      (await service.as(company.amy).does(listAccounts, { query: { ...query } })).data.map(({ name }: { name: string }) => name)
    expect(await read(company, large.id)).toMatchObject({ score: null, grade: null })
    expect(await names({ sort: '-score', grade: 'C' })).toEqual([])
    await activate(company, (await draft(company)).id)
    expect(await read(company, small.id)).toMatchObject({ score: 0, grade: 'D' })
    expect(await names({ sort: '-score' })).toEqual(['Large', 'Small'])
    expect(await names({ sort: 'score' })).toEqual(['Small', 'Large'])
    expect(await names({ grade: ['A', 'C'] })).toEqual(['Large'])
    expect(await names({ 'score.lt': 10 })).toEqual(['Small'])
    const { text } = await service
      .as(company.olga)
      .call(listAccounts, { query: { format: 'csv', fields: 'name,score,grade', sort: 'name' } })
    expect(text).toContain('Large,40,C')
  })
})

describe('another scorecard of accounts', () => {
  it('scores all accounts anew, more than one transaction takes, and retires the one before', async () => {
    const company = await aCompany()
    const first = await draft(company)
    await activate(company, first.id)
    await service.database.pool.query(`BEGIN; SET LOCAL millrace.tenant = '${company.tenantId}';
      INSERT INTO account (id, version, journey_id, created_at, updated_at, name, name_key, industry)
      SELECT 'account_' || lpad(n::text, 26, '0'), 1, 'journey_01kajqpbcaf5xv0rvmwbxmw3dg', now(), now(), 'Many ' || n, 'many' || n, 'Machines'
      FROM generate_series(1, 1100) AS n; COMMIT`)
    const second = await draft(company, { name: 'Second', grades: { a: 30, b: 20, c: 10 } })
    await activate(company, second.id)
    const { data } = await service.as(company.olga).does(listAccounts, { query: { grade: 'A', limit: 200 } })
    expect(data).toHaveLength(200)
    expect((await service.as(company.olga).does(listAccounts, { query: { grade: ['B', 'C', 'D'] } })).data).toEqual([])
    const { data: cards } = await service.as(company.olga).does(listAccountScorecards, { query: { sort: 'id' } })
    expect(cards.map(({ status }: { status: string }) => status)).toEqual(['retired', 'active'])
    const change = await service.as(company.olga).call(changeAccountScorecard, {
      ...{ params: { id: first.id }, body: { name: 'x' }, headers: { 'if-match': '"3"' } },
    })
    expect(change.body.code).toBe('scorecard.not_draft')
  })

  it('is one of several that are activated at the same moment', async () => {
    const company = await aCompany()
    const cards = await Promise.all([draft(company), draft(company), draft(company)])
    await Promise.all(cards.map(({ id }) => service.as(company.olga).call(activateAccountScorecard, { params: { id } })))
    const { data } = await service.as(company.olga).does(listAccountScorecards, { query: { status: 'active' } })
    expect(data).toHaveLength(1)
  })

  it('is refused with the place where a rule is wrong, costs too much or gives more than 100 points', async () => {
    const company = await aCompany()
    const refused = async (value: object) => {
      const answer = await service.as(company.olga).call(draftAccountScorecard, { body: { name: 'x', parts: { ...parts, value } } })
      return [answer.status, answer.body.code, answer.body.errors?.[0]?.code, answer.body.pointer ?? answer.body.errors?.[0]?.pointer]
    }
    const rule = (condition: string) => ({ most: 40, rules: [{ name: 'Wrong', condition, points: 1 }] })
    expect(await refused(rule('account.turnover > 3'))).toEqual([422, 'scorecard.rule', undefined, '/parts/value/rules/0/condition'])
    const long = Array.from({ length: 4 }, () => '["a","b"].all(x, ["c"].all(y, ["d"].all(z, x != y && y != z)))').join(' && ')
    expect((await refused(rule(long)))[1]).toBe('scorecard.rule')
    expect((await refused({ most: 41, rules: [] }))[2]).toBe('account_scorecard.too_many_points')
  })

  it('is tried out first: how many grades would be others, how often each rule holds; nothing changes', async () => {
    const company = await aCompany()
    await activate(company, (await draft(company)).id)
    const large = await open(company, { name: 'Large', industry: 'Machines', employees: 900 })
    await open(company, { name: 'Small' })
    await scored(company)
    const value = { most: 40, rules: [{ name: 'Machines', condition: 'account.industry == "Machines"', points: 35 }] }
    const preview = await service.as(company.olga).does(previewAccountScorecard, { body: { parts: { ...parts, value } } })
    expect(preview).toMatchObject({
      ...{ accounts: 2, changed: 1, ungraded: 0 },
      grades: [
        { grade: 'A', now: 0, then: 1 },
        { grade: 'B', now: 0, then: 0 },
        { grade: 'C', now: 1, then: 0 },
        { grade: 'D', now: 1, then: 1 },
      ],
      examples: [{ accountId: large.id, name: 'Large', from: { score: 40, grade: 'C' }, to: { score: 75, grade: 'A' } }],
    })
    expect(preview.rules).toContainEqual({ name: 'In contact', holds: 0, unknown: 2 })
    expect(await read(company, large.id)).toMatchObject({ score: 40 })
    const { data } = await service.as(company.olga).does(listAccountScoringFields)
    expect(data).toContainEqual({ field: 'account.overdueAmount', kind: 'number' })
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { captureLead, createTenant, LeadCaptured, LeadWorked, workLead, type ServiceName } from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { leadService } from '@millrace/lead'
import { asSuperuser, aWorld, caller, eventually, postgresUrl, type World } from '@millrace/testing'
import { verify, type Installation, type Verdict, type VerifyOptions, type Violation } from '../../../tools/verify/verify.ts'
import { aCompany, doTheRest, operator, walker, type Company } from './company.fixture.ts'
import { wholePlatform, type WholePlatform } from './platform.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-verify-spec-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const as = (database: string) => new URL(`/${database}`, postgresUrl()).toString()
const nameOf = (url: string) => new URL(url).pathname.slice(1)
const found = (verdicts: readonly Verdict[], invariant: string) => verdicts.find((verdict) => verdict.invariant === invariant)!.violations
const records = (violations: readonly Violation[]) => violations.map(({ record }) => record)
const says = (violations: readonly Violation[]) => violations.map((violation) => violation.says)
const saying = (text: string) => expect.stringContaining(text) as unknown

describe('npm run verify', () => {
  let world: World
  let platform: WholePlatform
  let ours: Company
  /** Another company, with nobody but its administrator. */
  let theirs: { tenantId: Id<'tenant'>; root: Id<'user'> }
  let installation: Installation
  /** Our records, from lead to receipt. */
  let done: Record<'lead' | 'account' | 'opportunity' | 'quote' | 'contract' | 'order' | 'invoice', string>

  beforeAll(async () => {
    world = await aWorld()
    platform = await wholePlatform(world)
    const succeeded = new Set<string>()
    ours = await aCompany(platform.stage, 'Cloudmap', succeeded)
    const administrator = { name: 'Root', email: 'root@northfold.example', password: 'correct horse battery' }
    const body = { name: 'Northfold', currency: 'EUR', zone: 'Europe/Berlin', language: 'en', administrator }
    const { id, administratorId } = await walker(platform.stage, operator, succeeded)(createTenant, { body })
    theirs = { tenantId: id, root: administratorId }
    await doTheRest(platform.stage, ours, succeeded)
    await platform.stage.quiet()
    done = Object.fromEntries(ours.records[0]!.done) as typeof done
    installation = {
      databases: Object.fromEntries([...platform.running].map(([name, { database }]) => [name, as(nameOf(database.url))])),
      bus: world.busUrl,
      superuser: postgresUrl(),
    }
  })
  afterAll(() => platform?.stop())

  const databaseOf = (service: ServiceName | 'bus') =>
    nameOf(service === 'bus' ? world.busUrl : platform.running.get(service)!.database.url)
  /** Runs statements as somebody does who repairs by hand: no trigger stops it. */
  const sql = (service: ServiceName | 'bus', ...statements: string[]) =>
    asSuperuser(async (client) => {
      await client.query('SET session_replication_role = replica')
      for (const statement of statements) await client.query(statement)
    }, databaseOf(service))
  const rows = <Row extends object>(service: ServiceName | 'bus', query: string) =>
    asSuperuser(async (client) => (await client.query<Row>(query)).rows, databaseOf(service))

  const only = (...names: ServiceName[]) => ({
    ...installation,
    databases: Object.fromEntries(names.map((name) => [name, installation.databases[name]!])),
  })
  const check = (ids: string[], options: Partial<VerifyOptions> = {}, where: Installation = installation) =>
    verify(where, { only: ids, settleSeconds: 0, ...options })

  /** Databases and roles that a run has left, by the prefix that it told. */
  const left = (lines: string[]) => {
    const prefix = /millrace_verify_\d+_/.exec(lines.join('\n'))![0]
    return rows(
      'bus',
      `SELECT FROM pg_database WHERE starts_with(datname, '${prefix}') UNION ALL SELECT FROM pg_roles WHERE starts_with(rolname, '${prefix}')`,
    )
  }

  /** Plants something, verifies, and takes it back. */
  async function planted(
    service: ServiceName | 'bus',
    plant: string,
    undo: string,
    id: string,
    where = installation,
  ): Promise<Violation[]> {
    await sql(service, plant)
    try {
      return found(await check([id], {}, where), id)
    } finally {
      await sql(service, undo)
    }
  }
  /** The same, by adding to a number. */
  const added = (service: ServiceName, table: string, column: string, where: string, id: string, by = 1) => {
    const change = (much: number) => `UPDATE ${table} SET ${column} = ${column} + ${much} WHERE ${where}`
    return planted(service, change(by), change(-by), id, only('cpq', 'billing', 'account'))
  }

  it('finds nothing on a healthy platform on which every operation was done', async () => {
    await eventually(async () => (await rows('lead', 'SELECT 1 FROM audit_sealing')).length === 1)
    const verdicts = await verify(installation, { settleSeconds: 20 })
    expect(verdicts.flatMap(({ violations }) => violations)).toEqual([])
    expect(verdicts.flatMap(({ unchecked = [] }) => unchecked)).toEqual([])
    expect(verdicts.map(({ invariant }) => invariant)).toEqual(['I1', 'I2', 'I3', 'I4', 'I6', 'I7', 'I8', 'I10', 'I11', 'I12', 'I14'])
    for (const { invariant, checked } of verdicts) if (invariant !== 'I1') expect(checked).toBeGreaterThan(0)
  })

  it('needs no more than a role that can read', async () => {
    const role = `verify_${newId('x').slice(-8)}`
    await sql('bus', `CREATE ROLE ${role} LOGIN BYPASSRLS PASSWORD 'test'; GRANT pg_read_all_data TO ${role}`)
    try {
      const reading = (url: string) => Object.assign(new URL(url), { username: role, password: 'test' }).toString()
      const { lead, billing } = installation.databases
      const where = { databases: { lead: reading(lead!), billing: reading(billing!) }, bus: reading(installation.bus) }
      const verdicts = await verify(where, { settleSeconds: 0 })
      expect(verdicts.flatMap(({ violations }) => violations)).toEqual([])
      const without = (id: string) => verdicts.find(({ invariant }) => invariant === id)!
      expect(without('I3').note).toContain('a superuser is needed')
      expect(without('I7').unchecked).toBe('the database of cpq is not given')
      expect(without('I8').note).toContain('the role may not act as millrace_lead_app in lead')
      expect(verdicts.filter(({ unchecked }) => unchecked).map(({ invariant }) => invariant)).toEqual(['I7'])
    } finally {
      await sql('bus', `DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })

  it('looks at one company when it is named', async () => {
    const [all] = await check(['I10'])
    const [one] = await check(['I10'], { tenant: 'northfold' })
    expect(one!.checked).toBeLessThan(all!.checked)
    expect(one!.checked).toBeGreaterThan(0)
  })

  describe('I1', () => {
    const file = join(folder, 'writes.jsonl')
    const log = (...lines: object[]) =>
      writeFileSync(file, lines.map((line) => `${JSON.stringify({ tenantId: ours.tenantId, ...line })}\n`).join(''))

    it('misses an acknowledged write, version or answer that is not there', async () => {
      const idempotencyKey = crypto.randomUUID()
      const answer = await caller(platform.stage.url, () => platform.stage.token(ours.ada)).does(captureLead, {
        body: { companyName: 'Acknowledged' },
        headers: { 'idempotency-key': idempotencyKey },
      })
      const write = { operation: 'captureLead', idempotencyKey, id: answer.id, version: 1, answer }
      log(write)
      expect(await check(['I1'], { acknowledged: file })).toMatchObject([{ checked: 1, violations: [] }])

      const gone = newId('lead')
      const promised = newId('opportunity')
      log(
        write,
        { ...write, idempotencyKey: null, version: 7 },
        { operation: 'captureLead', id: gone, version: 1 },
        { operation: 'convertLead', id: answer.id, version: 1, answer: { opportunityId: promised } },
        { ...write, answer: { ...answer, companyName: 'Another' } },
      )
      const [verdict] = await check(['I1'], { acknowledged: file })
      expect(new Set(records(verdict!.violations))).toEqual(new Set([answer.id, gone, promised]))
      expect(says(verdict!.violations)).toEqual(
        expect.arrayContaining([saying('version 7 of the record is not there'), saying('is not kept by lead')]),
      )
      expect(verdict!.violations.find(({ record }) => record === answer.id)!.timeline).toBe(`/v1/journeys/${answer.journeyId}`)
    })

    it('says what is wrong with the log', async () => {
      writeFileSync(file, 'not json\n')
      expect(await check(['I1'], { acknowledged: file })).toMatchObject([{ unchecked: saying('line 1') }])
      expect(await check(['I1'], { acknowledged: join(folder, 'none') })).toMatchObject([{ unchecked: saying('no file') }])
      expect(await check(['I1'])).toMatchObject([{ unchecked: saying('--acknowledged') }])
    })
  })

  it('I4: an event that is missing in between or at the end, and one that comes late', async () => {
    const told = await rows<{ id: string; sequence: string }>(
      'bus',
      `SELECT headers ->> 'ce_id' AS id, headers ->> 'ce_sequence' AS sequence FROM log WHERE key = '${done.lead}' ORDER BY "offset"`,
    )
    const [middle, last] = [told.find(({ sequence }) => sequence === '2')!, told.at(-1)!]
    for (const { id, sequence } of [middle, last]) {
      const where = `headers ->> 'ce_id' = '${id}'`
      const missing = await planted(
        'bus',
        `CREATE TABLE aside AS SELECT * FROM log WHERE ${where}; DELETE FROM log WHERE ${where}`,
        'INSERT INTO log SELECT * FROM aside; DROP TABLE aside',
        'I4',
      )
      expect(missing).toMatchObject([{ record: done.lead, says: saying(`version ${sequence} of the lead has no event on the bus`) }])
    }
    const sequence = (to: string) =>
      `UPDATE log SET headers = jsonb_set(headers::jsonb, '{ce_sequence}', '"${to}"')::json WHERE headers ->> 'ce_id' = '${last.id}'`
    const back = await planted('bus', sequence('1'), sequence(last.sequence), 'I4')
    expect(says(back)).toContainEqual(saying('of version 1 comes after one of version'))
    expect(new Set(records(back))).toEqual(new Set([done.lead]))
  })

  it('I4: an event that was published while another was applied and never came', async () => {
    const opened = `headers ->> 'ce_type' = 'millrace.opportunity.opened.v1' AND key = '${done.opportunity}'`
    const [event] = await rows<{ id: string }>('bus', `SELECT headers ->> 'ce_id' AS id FROM log WHERE ${opened}`)
    const renamed = (from: string, to: string) =>
      `UPDATE log SET headers = replace(headers::text, '${from}', '${to}')::json WHERE key = '${done.opportunity}'`
    const other = newId('event')
    const missing = await planted('bus', renamed(event!.id, other), renamed(other, event!.id), 'I4', only('opportunity'))
    expect(missing).toMatchObject([{ record: event!.id, says: saying('opportunity.opened, published when event_') }])
  })

  it('I6: an entry that does not balance, a ledger that can be rewritten, an invoice that its lines do not make', async () => {
    const [posting] = await rows<{ id: string; entry_id: string }>('billing', 'SELECT id, entry_id FROM posting ORDER BY id LIMIT 1')
    expect(records(await added('billing', 'posting', 'amount_minor', `id = '${posting!.id}'`, 'I6'))).toContain(posting!.entry_id)

    const grant = 'UPDATE ON posting'
    const may = await planted('billing', `GRANT ${grant} TO millrace_billing_app`, `REVOKE ${grant} FROM millrace_billing_app`, 'I6')
    expect(says(may)).toEqual([saying('may UPDATE on posting')])
    const trigger = (what: string) => `ALTER TABLE posting ${what} TRIGGER posting_stays`
    expect(says(await planted('billing', trigger('DISABLE'), trigger('ENABLE'), 'I6'))).toEqual([saying('posting_stays is off')])

    const [line] = await rows<{ id: string }>('billing', `SELECT id FROM invoice_line WHERE invoice_id = '${done.invoice}' LIMIT 1`)
    const change = (by: string) =>
      `UPDATE invoice_line SET gross_minor = gross_minor ${by}, net_minor = net_minor ${by} WHERE id = '${line!.id}'`
    const wrong = await planted('billing', change('- 1'), change('+ 1'), 'I6')
    expect(wrong).toMatchObject([
      { record: done.invoice, tenantId: ours.tenantId, timeline: expect.stringMatching(/^\/v1\/journeys\/journey_/) },
    ])
  })

  it('I7: an order, a discount, a plan and a credit that do not fit', async () => {
    const [line] = await rows<{ id: string }>('cpq', `SELECT id FROM order_line WHERE order_id = '${done.order}' LIMIT 1`)
    const change = (by: string) =>
      `UPDATE order_line SET gross_minor = gross_minor ${by}, net_minor = net_minor ${by} WHERE id = '${line!.id}'`
    expect(records(await planted('cpq', change('+ 1'), change('- 1'), 'I7'))).toEqual([done.order])

    const order = await added('cpq', 'sales_order', 'total_minor', `id = '${done.order}'`, 'I7')
    expect(new Set(records(order))).toEqual(new Set([done.order, done.contract]))
    const where = `quote_id = '${done.quote}' AND status = 'accepted'`
    expect(await added('cpq', 'quote_version', 'header_discount_minor', where, 'I7')).toMatchObject([{ record: saying('quote_version_') }])
    const [plan] = await rows<{ id: string }>('billing', `SELECT id FROM collection_plan WHERE contract_id = '${done.contract}'`)
    const laidOut = await added('billing', 'collection_plan', 'total_minor', `id = '${plan!.id}'`, 'I7')
    expect(new Set(records(laidOut))).toEqual(new Set([plan!.id, done.contract]))
    const [credited] = await rows<{ id: string }>('billing', 'SELECT id FROM invoice WHERE credited_minor > 0 LIMIT 1')
    expect(records(await added('billing', 'invoice', 'credited_minor', `id = '${credited!.id}'`, 'I7', -1))).toEqual([credited!.id])
  })

  it('I8: a table without lock, a policy that lets all pass, a reference to another company', async () => {
    const force = (no: string) => `ALTER TABLE lead ${no} FORCE ROW LEVEL SECURITY`
    expect(says(await planted('lead', force('NO'), force(''), 'I8', only('lead')))).toEqual([
      'row-level security of lead.lead is not forced',
    ])

    const rule = 'tenant_id = (SELECT current_tenant())'
    const policy = (using: string) => `ALTER POLICY tenant ON quote USING (${using})`
    const seen = await planted('cpq', policy(`true OR ${rule}`), policy(rule), 'I8', only('cpq'))
    expect(seen).toMatchObject([{ record: saying('quote_'), tenantId: ours.tenantId, says: saying('sees this row of cpq.quote') }])

    const [lead] = await rows<{ owner_id: string }>('lead', `SELECT owner_id FROM lead WHERE id = '${done.lead}'`)
    const owner = (id: string) => `UPDATE lead SET owner_id = '${id}' WHERE id = '${done.lead}'`
    const crossing = await planted('lead', owner(theirs.root), owner(lead!.owner_id), 'I8', only('lead', 'identity'))
    expect(crossing).toMatchObject([{ record: done.lead, tenantId: ours.tenantId, says: saying(`belongs to ${theirs.tenantId}`) }])
  })

  it('I10: a state that nobody moved to, a move that is not legal, a change beside the trail', async () => {
    const status = (is: string) => `UPDATE lead SET status = '${is}' WHERE id = '${done.lead}'`
    const byHand = await planted('lead', status('working'), status('converted'), 'I10')
    expect(byHand).toMatchObject([{ record: done.lead, says: saying('the lead is working, its audit trail left it converted') }])

    const move = (from: string, to: string) =>
      `UPDATE audit SET change = jsonb_set(change, '{status,to}', '"${to}"')
       WHERE aggregate_id = '${done.contract}' AND change -> 'status' @> '{"from": "draft", "to": "${from}"}'`
    const moved = await planted('cpq', move('in_approval', 'signed'), move('signed', 'in_approval'), 'I10')
    expect(says(moved)).toContainEqual(saying('from draft to signed, which is no legal move'))
    expect(new Set(records(moved))).toEqual(new Set([done.contract]))

    expect(records(await added('account', 'account', 'version', `id = '${done.account}'`, 'I10'))).toEqual([done.account])
  })

  it('I11: a number that is missing and one that does not fit its series', async () => {
    const [series] = await rows<{ entity: string; series: string }>(
      'billing',
      'SELECT legal_entity_id AS entity, series FROM invoice GROUP BY 1, 2 HAVING count(*) > 2 LIMIT 1',
    )
    const those = `legal_entity_id = '${series!.entity}' AND series = '${series!.series}'`
    const [next] = await rows<{ id: string }>('billing', `SELECT id FROM invoice WHERE ${those} AND sequence = 3`)
    const place = (from: number, to: number) => `UPDATE invoice SET sequence = ${to} WHERE ${those} AND sequence = ${from}`
    expect(records(await planted('billing', place(2, -2), place(-2, 2), 'I11'))).toContain(next!.id)
    const misnamed = await planted(
      'billing',
      `UPDATE invoice SET number = number || 'x' WHERE id = '${next!.id}'`,
      `UPDATE invoice SET number = rtrim(number, 'x') WHERE id = '${next!.id}'`,
      'I11',
    )
    expect(misnamed).toMatchObject([{ record: next!.id, says: saying('does not name its series') }])
    expect(records(await added('billing', 'invoice_series', 'last', those, 'I11'))).toEqual([series!.entity])
  })

  it('I14: a row of the audit trail that is changed, taken out or put in after it was sealed', async () => {
    const sealedRow = () =>
      rows<{ seq: string; aggregate_id: string }>('lead', 'SELECT seq, aggregate_id FROM audit ORDER BY txid, seq OFFSET 3 LIMIT 1')
    await eventually(async () => (await rows('lead', 'SELECT 1 FROM audit_sealing WHERE upto_seq > 10')).length === 1)
    const [row] = await sealedRow()
    const change = (to: string) => `UPDATE audit SET actor_id = ${to} WHERE seq = ${row!.seq}`
    const was = await rows<{ actor_id: string | null }>('lead', `SELECT actor_id FROM audit WHERE seq = ${row!.seq}`)
    const changed = await planted(
      'lead',
      change(`'somebody else'`),
      change(was[0]!.actor_id === null ? 'NULL' : `'${was[0]!.actor_id}'`),
      'I14',
    )
    expect(changed).toMatchObject([{ record: row!.aggregate_id, says: saying('is not the one that was sealed') }])
    const columns = 'seq, tenant_id, aggregate, aggregate_id, version, action, actor_id, change, trace_id, at, channel, address, txid'
    const gone = await planted(
      'lead',
      `CREATE TABLE taken AS SELECT * FROM audit WHERE seq = ${row!.seq}; DELETE FROM audit WHERE seq = ${row!.seq}`,
      `INSERT INTO audit (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM taken; DROP TABLE taken`,
      'I14',
    )
    expect(gone).toHaveLength(1)
    const added = await planted(
      'lead',
      `INSERT INTO audit (tenant_id, aggregate, aggregate_id, version, action, change, trace_id, txid)
       SELECT tenant_id, aggregate, aggregate_id, 99, 'update', '{}', 'put in', txid FROM audit WHERE seq = ${row!.seq}`,
      `DELETE FROM audit WHERE trace_id = 'put in'`,
      'I14',
    )
    expect(added).toMatchObject([{ says: saying('is not the one that was sealed') }])
  })

  it('I3: a projection that differs, lacks a row or has one too many; and a record opened twice', async () => {
    const product = newId('product')
    await sql(
      'insight',
      `CREATE TABLE aside AS SELECT * FROM known_account WHERE id = '${done.account}'; DELETE FROM known_account WHERE id = '${done.account}'`,
      `UPDATE deal SET stage_name = stage_name || '!' WHERE id = '${done.opportunity}'`,
      `INSERT INTO known_product (tenant_id, id, name, sequence) VALUES ('${ours.tenantId}', '${product}', 'nobody told', 1)`,
    )
    const begun = `'${ours.tenantId}', 'opportunity', '${done.opportunity}', 1, 'insert', '{"status": "open"}', 'twice'`
    await sql('opportunity', `INSERT INTO audit (tenant_id, aggregate, aggregate_id, version, action, change, trace_id) VALUES (${begun})`)
    const lines: string[] = []
    const report = (line: string) => void lines.push(line)
    const violations = found(await check(['I3'], { report }, only('insight', 'opportunity')), 'I3')
    await sql(
      'insight',
      'INSERT INTO known_account SELECT * FROM aside; DROP TABLE aside',
      `UPDATE deal SET stage_name = rtrim(stage_name, '!')`,
      `DELETE FROM known_product WHERE id = '${product}'`,
    )
    await sql('opportunity', `DELETE FROM audit WHERE trace_id = 'twice'`)

    const of = (id: string) => says(violations.filter(({ record }) => record === id))
    expect(of(done.account)).toEqual([`insight.known_account ${done.account} is missing, the log has it`])
    expect(of(product)).toEqual([`insight.known_product ${product} is there, the log knows nothing of it`])
    expect(of(done.opportunity)).toEqual([expect.stringMatching(/^insight\.deal .* has stage_name ".*!", the log says ".*"$/)])
    expect(of(done.lead)).toEqual([saying('begun 2 times')])
    expect(violations).toHaveLength(4)
    expect(violations.find(({ record }) => record === done.opportunity)!.timeline).toMatch(/^\/v1\/journeys\//)
    expect(await left(lines)).toEqual([])
  })

  it('I2, I8: an event of a record that does not exist, of a version that is to come, and under another company', async () => {
    const stray = newId('lead')
    const [lead] = await rows<{ version: number }>('lead', `SELECT version FROM lead WHERE id = '${done.lead}'`)
    const work = { leadId: done.lead as Id<'lead'>, ownerId: ours.people.sales_rep.id }
    await world.publish(ours.tenantId, LeadCaptured, stray, nothing(stray))
    await world.publish(ours.tenantId, LeadWorked, done.lead, work, { sequence: 90 })
    await world.publish(theirs.tenantId, LeadWorked, done.lead, work)
    const verdicts = await check(['I2', 'I8'], {}, only('lead'))
    const seen = found(verdicts, 'I2').map((each) => `${each.tenantId} ${each.record} ${each.says.replace(/event_\w+/, 'event')}`)
    expect(seen.sort()).toEqual(
      [
        `${ours.tenantId} ${stray} lead.captured event tells of version 1 of a record that does not exist in this company`,
        `${ours.tenantId} ${done.lead} lead.worked event tells of version 90, the record has version ${lead!.version}`,
        `${theirs.tenantId} ${done.lead} lead.worked event tells of version 1 of a record that does not exist in this company`,
      ].sort(),
    )
    expect(says(found(verdicts, 'I8'))).toEqual(
      expect.arrayContaining([saying('are on the bus for'), saying(`its record belongs to ${ours.tenantId}`)]),
    )
  })

  it('I12: events that stay in the outbox, that nobody applies, and that are parked without a word', async () => {
    const parked = newId('lead_parked')
    const park = `INSERT INTO parked (tenant_id, id, event_id, type, topic, key, headers, payload, stream, position, code, reason, blocks)
      VALUES ('${ours.tenantId}', '${parked}', '${newId('event')}', 'millrace.user.changed.v1', 't', 'user_x', '{}', '', 's', '1', '', '', true)`
    await sql('lead', park)
    expect(records(found(await check(['I12'], { settleSeconds: 20 }), 'I12'))).toEqual(['user_x'])
    await sql('lead', `DELETE FROM parked WHERE id = '${parked}'`)

    await platform.running.get('lead')!.stop()
    await platform.running.get('insight')!.stop()
    const waiting = newId('lead')
    const row = `'${ours.tenantId}', '${newId('event')}', 't', '${waiting}', '{"ce_type": "millrace.lead.captured.v1", "ce_sequence": "1"}', '{}'`
    await sql('lead', `INSERT INTO outbox (tenant_id, event_id, topic, key, headers, payload) VALUES (${row})`)
    await world.publish(ours.tenantId, LeadCaptured, waiting, nothing(waiting))
    const [verdict] = await check(['I12'], { settleSeconds: 1 }, only('lead', 'insight'))
    expect(verdict!.violations.map(({ record, says }) => [record, says])).toEqual([
      [waiting, '1 events stay in the outbox of lead; the first is about this record'],
      [null, 'insight has not applied 1 events that are on the bus'],
    ])
  })

  it('does not say that I3 holds where the log has lost its beginning', async () => {
    await sql('bus', `DELETE FROM log WHERE (slot, "offset") IN (SELECT slot, min("offset") FROM log GROUP BY slot)`)
    const [verdict] = await check(['I3'], {}, only('billing'))
    expect(verdict!.unchecked).toContain('the log does not reach back to the beginning of')
  })

  describe('bad input', () => {
    it('is refused, with what there is instead', async () => {
      const lead = (url: string) => ({ ...installation, databases: { lead: url } })
      const nowhere = 'postgres://nobody@127.0.0.1:9/none'
      await expect(check(['I99'])).rejects.toThrow(/No invariant I99; there are I1 /)
      await expect(check(['I10'], { tenant: 'Nobody Ltd' })).rejects.toThrow(
        /There is no company Nobody Ltd; there are Cloudmap .*, Northfold/,
      )
      await expect(check(['I10'], {}, only())).rejects.toThrow('No database is given')
      const other = 'The database of lead cannot be verified: it is not one of Millrace’s lead service'
      await expect(check(['I10'], {}, lead(installation.databases.cpq!))).rejects.toThrow(other)
      await expect(check(['I10'], {}, lead(as('postgres')))).rejects.toThrow(other)
      await expect(check(['I10'], {}, lead(platform.running.get('lead')!.database.url))).rejects.toThrow('does not see all rows')
      await expect(check(['I10'], {}, lead(nowhere))).rejects.toThrow(/The database of lead cannot be verified: .*ECONNREFUSED/)
      await expect(check(['I10'], {}, { ...installation, bus: installation.databases.lead! })).rejects.toThrow(
        'The bus cannot be verified: this database holds no event bus',
      )
      for (const bus of [nowhere, 'kafka://127.0.0.1:9'])
        await expect(check(['I10'], {}, { ...installation, bus })).rejects.toThrow(/The bus cannot be verified: .*ECONNREFUSED/)
    })

    it('an interrupted run leaves nothing behind', async () => {
      const halt = new AbortController()
      const lines: string[] = []
      const report = (line: string) => void (lines.push(line) && line.includes('again') && halt.abort(new Error('stopped')))
      const where = { ...only('insight'), superuser: postgresUrl() }
      await sql('bus', 'UPDATE slot SET next_offset = 0; TRUNCATE log') // else I3 would not begin, its beginning being gone
      await expect(check(['I3'], { halt: halt.signal, report }, where)).rejects.toThrow('stopped')
      expect(await left(lines)).toEqual([])
    })
  })
})

const kafka = process.env['TEST_KAFKA_BROKERS']
;(kafka ? it : it.skip)(
  `I2, I4 and I12 hold on Kafka, and see there what is planted${kafka ? '' : ' (skipped: TEST_KAFKA_BROKERS is not set)'}`,
  async () => {
    const world = await aWorld({ kafka: kafka! })
    try {
      const service = await world.start(leadService)
      const company = await world.company()
      const amy = service.as(company.amy)
      const lead = await amy.does(captureLead, { body: { companyName: 'Kafka' } })
      await amy.does(workLead, { params: { id: lead.id } })
      await service.settled()
      const installation = { databases: { lead: as(nameOf(service.database.url)) }, bus: world.busUrl }
      const check = (settleSeconds: number) => verify(installation, { only: ['I2', 'I4', 'I12'], tenant: company.tenantId, settleSeconds })
      const healthy = await check(20)
      expect(healthy.map(({ violations, unchecked }) => ({ violations, unchecked }))).toEqual(
        healthy.map(() => ({ violations: [], unchecked: undefined })),
      )
      expect(healthy.map(({ checked }) => checked > 0)).toEqual([true, true, true])

      const stray = newId('lead')
      await world.publish(company.tenantId, LeadCaptured, stray, nothing(stray))
      await world.publish(company.tenantId, LeadWorked, lead.id, { leadId: lead.id, ownerId: company.amy.id }, { sequence: 5 })
      const verdicts = await eventually(() => check(0))
      expect(new Set(records(found(verdicts, 'I2')))).toEqual(new Set([stray, lead.id]))
      expect(says(found(verdicts, 'I4'))).toEqual([
        saying('version 3 of the lead has no event'),
        saying('version 4 of the lead has no event'),
      ])
    } finally {
      await world.stop()
    }
  },
)

function nothing(leadId: Id<'lead'>) {
  return { leadId, companyName: 'x', contactName: null, ownerId: null, source: null, channel: null, campaign: null }
}

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLog } from '@millrace/service'
import { services, type ServiceName } from '@millrace/contracts'
import { eventually } from '@millrace/testing'
import { startCollector } from '../../../tools/drill/collector.ts'
import { startPlatform, type Platform } from '../../../tools/parts/platform.ts'
import { leaksIn, leaksInAnswers, leaksInEvents, leaksInLogs, leaksInMetrics, plant, type Aviary, type Planted } from './canary.fixture.ts'

// Real processes that say as much as they ever do: every request traced, every level logged.

const home = mkdtempSync(join(tmpdir(), 'millrace-canary-'))
let collector: Awaited<ReturnType<typeof startCollector>>
let platform: Platform
let aviary: Aviary
let planted: Planted

beforeAll(async () => {
  collector = await startCollector()
  platform = await startPlatform({
    home,
    port: 0,
    seed: false,
    throwaway: true,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER_ARG: '1',
      LOG_LEVEL: 'trace',
      METRICS: 'on',
      RATE_LIMIT: '100000',
    },
  })
  const addressOf = (app: string) => `http://127.0.0.1:${platform.environmentOf(app)['PORT']}`
  const [password, port] = ['password', 'port'].map((file) => readFileSync(join(home, 'postgres', file), 'utf8').trim())
  aviary = {
    url: platform.url,
    operator: platform.operator,
    addressOf,
    databaseOf: (service) => `postgres://postgres:${password}@127.0.0.1:${port}/millrace_${service}`,
    quiet: () =>
      eventually(async () => {
        for (const app of Object.keys(services)) {
          const text = await (await fetch(`${addressOf(app)}/metrics`)).text()
          if (/^millrace_(outbox_depth|consumer_lag)\S* [1-9]/m.test(text)) return false
        }
        return true
      }),
  }
  planted = await plant(aviary)
})
afterAll(async () => {
  await platform?.stop()
  await collector?.stop()
  rmSync(home, { recursive: true, force: true })
})

it('what was planted is where it belongs, or there would be nothing to find', async () => {
  const faults = planted.answers.filter(({ status }) => status === 500)
  expect(faults.map(({ request }) => request)).toEqual(['POST /v1/leads', 'POST /v1/contacts'])
  for (const request of ['POST /v1/users', 'POST /v1/leads', 'POST /v1/contacts', 'POST /v1/receipts', 'POST /v1/imports'])
    expect(planted.answers).toContainEqual(expect.objectContaining({ request, told: true, status: 201 }))
  for (const service of ['lead', 'account'] as ServiceName[]) expect(logOf(service)).toMatch(/"msg":"fault"/)
  expect(logOf('account')).toMatch(/"msg":"event parked"/)
  expect(logOf('lead')).toMatch(/"job":"import"|"job":"imports"/)
  await eventually(
    () =>
      collector.bodies.some((body) => body.includes('POST /v1/leads')) &&
      collector.bodies.some((body) => body.includes('process millrace.')),
  )
})

it('no answer says a secret, and no refusal tells others of a person', () => {
  expect(leaksInAnswers(planted)).toEqual([])
})

it('no metric holds anything of it', async () => {
  expect(await leaksInMetrics(aviary, planted)).toEqual([])
})

it('an event holds no secret, and of a person what its fields named email and phone are for', async () => {
  const log = await openLog(readFileSync(join(home, 'bus.url'), 'utf8'), 'canary')
  try {
    const { leaks, fields } = await leaksInEvents(log, planted)
    expect(leaks).toEqual([])
    expect([...fields].sort()).toEqual([
      'millrace.contact.added.v1 email',
      'millrace.contact.added.v1 phone',
      'millrace.lead.converted.v1 contact.email',
      'millrace.lead.converted.v1 contact.phone',
      'millrace.user.created.v1 email',
    ])
  } finally {
    await log.close()
  }
})

it('no log and no trace holds anything of it, up to the last line', async () => {
  await platform.stop()
  expect(leaksInLogs(join(home, 'logs'), planted)).toEqual([])
  expect(collector.bodies.flatMap((body, n) => leaksIn(`what was sent to the collector (${n})`, body.toString('latin1'), planted))).toEqual(
    [],
  )
})

const logOf = (app: string) => readFileSync(join(home, 'logs', `${app}.log`), 'utf8')

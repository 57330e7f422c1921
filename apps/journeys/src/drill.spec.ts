import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { drills } from '../../../tools/drill/all.ts'
import { interleaved } from '../../../tools/drill/deliveries.ts'
import { tableOf } from '../../../tools/drill/d2.ts'
import { choose, moments, passing, stepOf, steps, type Aim } from '../../../tools/drill/fault-points.ts'
import { drillsPage, passed, type Drilled } from '../../../tools/drill/page.ts'
import { Random } from '../../../tools/drill/random.ts'

// What a drill is made of. Whole drills start the whole platform and take a minute or more each: `npm run drill` runs them.

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')

describe('chance', () => {
  it('repeats with the seed, and parts of a drill do not disturb each other', () => {
    const choices = (seed: number) => {
      const random = new Random(seed)
      const load = random.apart('load')
      return [random.whole(1, 1_000), random.shuffled([1, 2, 3, 4, 5]), random.pick('abcdef'.split('')), load.next(), random.chance(0.5)]
    }
    expect(choices(7)).toEqual(choices(7))
    expect(choices(7)).not.toEqual(choices(8))
  })

  it('stays within its bounds and reaches both', () => {
    const random = new Random(1)
    const drawn = Array.from({ length: 500 }, () => random.whole(1, 5))
    expect([...new Set(drawn)].sort()).toEqual([1, 2, 3, 4, 5])
  })
})

describe('kill points', () => {
  const read = (...statements: string[]) => {
    const work = { events: false, writes: false }
    return statements.map((statement) => stepOf(statement, work))
  }

  it('tells the steps of a request, of an event batch and of the relay from their statements', () => {
    expect(
      read(
        `BEGIN; SET LOCAL millrace.tenant = '*'`,
        'SELECT id FROM lead WHERE id = $1 FOR UPDATE',
        'WITH write0 AS (INSERT INTO outbox (tenant_id) VALUES ($1)) INSERT INTO audit (tenant_id) VALUES ($2)',
        'COMMIT',
      ),
    ).toEqual(['BEGIN', 'statement of a use case', 'events and audit written', 'COMMIT of a request'])
    expect(read('BEGIN', 'INSERT INTO inbox (tenant_id, event_id) SELECT 1', 'INSERT INTO account (id) VALUES ($1)', 'COMMIT')).toEqual([
      'BEGIN',
      'inbox',
      'statement of a handler',
      'COMMIT of events',
    ])
    expect(read('SELECT seq FROM outbox WHERE seq <> ALL($2) ORDER BY seq LIMIT $1', 'DELETE FROM outbox WHERE seq = ANY($1)')).toEqual([
      'outbox read',
      'outbox deleted',
    ])
  })

  it('takes no reading for a step worth dying at', () => {
    expect(read('BEGIN', 'SELECT id FROM lead', 'COMMIT', 'SELECT 1')).toEqual(['BEGIN', undefined, undefined, undefined])
  })

  it('counts the boundaries it aims at and dies at the nth, in the moment it was told', async () => {
    for (const moment of moments) {
      const aim: Aim = { step: 'produce', moment, nth: 3 }
      const happened: string[] = []
      const pass = passing(
        () => aim,
        () => undefined,
        () => void happened.push('died'),
      )
      for (let n = 1; n <= 4; n += 1) {
        pass('BEGIN', (answered) => answered())
        pass('produce', (answered) => {
          happened.push(`sent ${n}`)
          answered()
        })
        await new Promise(setImmediate)
      }
      const before = moment === 'before' ? ['died', 'sent 3'] : ['sent 3', 'died']
      expect({ moment, happened }).toEqual({ moment, happened: ['sent 1', 'sent 2', ...before, 'sent 4'] })
    }
  })

  it('gives every kind its turn before it takes one again', () => {
    const random = new Random(3)
    const killed: Aim[] = []
    for (let n = 0; n < steps.length * moments.length; n += 1) killed.push(choose(random, killed, {}))
    expect(new Set(killed.map(({ step, moment }) => `${moment} ${step}`)).size).toBe(killed.length)
    expect(choose(random, killed, Object.fromEntries(steps.slice(1).map((step) => [step, 1]))).step).toBe(steps[0])
  })

  it('counts kills by kind', () => {
    const kill = { at: '', app: 'lead', life: 1, step: 'produce', moment: 'sent', nth: 1 } as const
    expect(tableOf([kill, kill]).find(([step]) => step === 'produce')).toEqual(['produce', '0', '2', '0'])
  })
})

describe('deliveries out of turn', () => {
  it('mix the events of different records and keep the order of each', () => {
    const batch = Array.from({ length: 60 }, (_, n) => ({ key: `record ${n % 3}`, n }))
    const mixed = interleaved(batch, new Random(5))
    expect(mixed).not.toEqual(batch)
    expect([...mixed].sort((a, b) => a.n - b.n)).toEqual(batch)
    for (const key of ['record 0', 'record 1', 'record 2']) {
      const own = mixed.filter((event) => event.key === key).map(({ n }) => n)
      expect(own).toEqual([...own].sort((a, b) => a - b))
    }
  })
})

describe('the page', () => {
  const drilled: Drilled = {
    id: 'D1',
    bus: 'embedded',
    date: '2026-11-23T03:00:00.000Z',
    commit: 'abc1234',
    machine: { cores: 2, memoryGb: 24, platform: 'linux x64', node: '24.0.0' },
    seed: 42,
    short: false,
    seconds: 90,
    acknowledged: 1234,
    done: ['lead killed twice'],
    saw: ['9 answers: 9 × 201'],
    broken: [],
    recoverySeconds: 2.25,
    verdicts: [{ invariant: 'I1', title: 'no write lost', checked: 1234, violations: [], more: 0, seconds: 1 }],
  }
  const violation = { invariant: 'I1', tenantId: null, record: 'lead_1', says: 'lead_1 is gone', timeline: null }

  it('shows the newest result of each drill and bus, and how to repeat one', () => {
    const page = drillsPage(drills, [{ ...drilled, date: '2026-11-22T03:00:00.000Z', acknowledged: 1 }, drilled])
    expect(page).toContain('| D1 | the embedded bus | lead killed twice | 1234 | I1 hold | 2.3 s | passed |')
    expect(page).not.toContain('| 1 | I1')
    expect(page).toContain('seed 42')
    for (const { id, title } of drills) expect(page).toContain(`### ${id} · ${title}`)
  })

  it('says what did not hold', () => {
    const failed = { ...drilled, verdicts: [{ ...drilled.verdicts[0]!, violations: [violation], more: 2 }] }
    expect([passed(drilled), passed(failed), passed({ ...drilled, broken: ['a journey went wrong'] })]).toEqual([true, false, false])
    expect(passed({ ...drilled, verdicts: [{ ...drilled.verdicts[0]!, unchecked: 'no database' }] })).toBe(false)
    const page = drillsPage(drills, [failed])
    expect(page).toContain('**failed**')
    expect(page).toContain('I1: lead_1 is gone (3 in all)')
  })
})

describe('npm run drill', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-drill-spec-'))
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  it.each([
    [['D99'], 'No drill D99; there are D1 (kill -9 each service in turn)'],
    [['D1', '--seed', 'seven'], '--seed takes a whole number from 1 to 2147483647'],
    [['D1', '--bus', 'rabbit'], '--bus is embedded or kafka'],
    [['D4', '--bus', 'embedded'], 'D4 is drilled on kafka only'],
    [['--repeat', 'nowhere'], 'nowhere is no history of a drill'],
  ])('refuses %j with a clear word', async (args, said) => {
    const failure = await run(process.execPath, [join(root, 'tools/drill.ts'), ...args], {
      env: { ...process.env, MILLRACE_HOME: home },
    }).then(
      () => undefined,
      (error: { code: number; stderr: string }) => error,
    )
    expect(failure?.code).toBe(1)
    expect(failure?.stderr).toContain(said)
  })
})

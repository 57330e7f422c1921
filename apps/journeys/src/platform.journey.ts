import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { eventually } from '@millrace/testing'

// What a user does with the two commands, on real processes: start, look, demo, kill, start again.

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../..')
const home = mkdtempSync(join(tmpdir(), 'millrace-journey-'))
let launcher: ChildProcess | undefined
let url = ''

/** Starts the platform as `npm start` does, on a free port; resolves when it says "ready". */
async function start(): Promise<string> {
  const started = spawn(process.execPath, [join(root, 'tools/start.ts')], {
    cwd: root,
    env: { ...process.env, MILLRACE_HOME: home, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  launcher = started
  let output = ''
  started.stdout.on('data', (text: Buffer) => (output += text.toString()))
  started.stderr.on('data', (text: Buffer) => (output += text.toString()))
  const ready = await eventually(() => {
    if (started.exitCode !== null) throw new Error(`it stopped:\n${output}`)
    return /^ready (http:\/\/127\.0\.0\.1:\d+)$/m.exec(output)
  }, 540_000).catch((error: Error) => {
    throw new Error(`${error.message}\n${output}`)
  })
  return ready[1]!
}

async function stopped(signal: NodeJS.Signals): Promise<number | null> {
  const child = launcher!
  if (child.exitCode !== null || child.signalCode !== null)
    throw new Error(`the launcher had ended before: ${child.exitCode ?? child.signalCode}`)
  const end = new Promise<number | null>((resolve) => child.once('exit', resolve))
  child.kill(signal)
  return end
}

/** Processes that were started for this home: their command line or environment names it. */
async function leftOver(): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'pid,args', 'e'], { maxBuffer: 10_000_000 })
  return stdout.split('\n').filter((row) => row.includes(home) && !row.includes('ps -eo') && !row.includes('jest'))
}

const environment = () => ({ ...process.env, MILLRACE_HOME: home, MILLRACE_URL: url })
const demo = (...args: string[]) =>
  run(process.execPath, [join(root, 'tools/demo.ts'), ...args], { cwd: root, env: environment(), maxBuffer: 10_000_000 })

interface Demo {
  tenants: {
    name: string
    users: { email: string; password: string; roles: string[] }[]
    clients: { clientId: string; clientSecret: string; roles: string[] }[]
  }[]
}

async function get(tenant: string, path: string): Promise<any> {
  const { clientId, clientSecret } = (JSON.parse(readFileSync(join(home, 'demo.json'), 'utf8')) as Demo).tenants.find(
    ({ name }) => name === tenant,
  )!.clients[0]!
  const token = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }),
  })
  const { access_token } = (await token.json()) as { access_token: string }
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${access_token}`, prefer: 'wait=30' } })
  return answer.json()
}

const ridgeway = {
  deals: 8800,
  won: 4238,
  lost: 2473,
  open: 2089,
  winRatePct: '63.15',
  revenue: [{ amount: '10005534.00', currency: 'USD' }],
}

afterAll(async () => {
  if (launcher && launcher.exitCode === null && launcher.signalCode === null) await stopped('SIGTERM')
  rmSync(home, { recursive: true, force: true })
})

describe('npm start', () => {
  it('runs the platform with the history of two companies in it', async () => {
    url = await start()
    const { tenants } = JSON.parse(readFileSync(join(home, 'demo.json'), 'utf8')) as Demo
    expect(tenants.map(({ name }) => name)).toEqual(['Ridgeway', 'Northfold'])
    expect(tenants[0]!.users.filter(({ roles }) => roles.includes('sales_rep'))).toHaveLength(35)
    if (process.platform !== 'win32') expect(statSync(join(home, 'demo.json')).mode & 0o777).toBe(0o600)
    const { data: leads } = await get('Northfold', '/v1/imports?kind=leads')
    expect(leads).toMatchObject([{ status: 'done', rows: 9240, added: 9240, rejected: 0 }])
  })

  it('answers Ridgeway’s figures, in total and adding up by rep, region and product', async () => {
    const total = await eventually(async () => {
      const { total } = await get('Ridgeway', '/v1/sales-figures?groupBy=none')
      expect(total).toMatchObject(ridgeway)
      return total as { openByStage: { key: string; deals: number }[] }
    }, 300_000)
    expect(Object.fromEntries(total.openByStage.map(({ key, deals }) => [key, deals]))).toEqual({ prospecting: 500, engaging: 1589 })
    for (const [groupBy, groups] of [
      ['owner', 30],
      ['region', 3],
      ['product', 7],
    ] as const) {
      const { data } = await get('Ridgeway', `/v1/sales-figures?groupBy=${groupBy}&limit=200`)
      const sum = (field: 'won' | 'lost' | 'open') => (data as Record<string, number>[]).reduce((all, group) => all + group[field]!, 0)
      expect({ groupBy, groups: data.length, won: sum('won'), lost: sum('lost'), open: sum('open') }).toEqual({
        groupBy,
        groups,
        won: 4238,
        lost: 2473,
        open: 2089,
      })
    }
  })

  it('counts in the reports what each rule did to the dirty data', async () => {
    const { data } = await get('Ridgeway', '/v1/imports?kind=opportunities')
    const rules = (data[0].rules as { field: string; from: string | null; to: string; rows: number }[]).map(({ field, from, to, rows }) => [
      field,
      from,
      to,
      rows,
    ])
    expect(rules).toEqual(
      expect.arrayContaining([
        ['product', 'GTXPro', 'GTX Pro', 1480],
        ['account', null, '(no account recorded)', 1425],
        ['createdAt', null, '2016-10-20', 500],
      ]),
    )
  })
})

describe('npm run demo', () => {
  it('prints one lead’s road to cash as JSON', async () => {
    const { stdout } = await demo('--json')
    const journey = JSON.parse(stdout) as { steps: { event: string }[]; ledger: { balanced: boolean } }
    expect(journey.ledger.balanced).toBe(true)
    expect(journey.steps.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['lead.converted', 'contract.signed', 'order.placed', 'invoice.issued', 'receipt.settled', 'opportunity.won']),
    )
  })

  it('finishes every journey, with nothing doubled, while each service in turn is killed', async () => {
    const many = demo('--many', '40')
    for (const service of ['lead', 'cpq', 'billing', 'insight', 'gateway', 'identity', 'opportunity', 'account']) {
      await delay(1_500) // the journeys go on meanwhile; there is nothing to wait for but time
      const { pid } = JSON.parse(readFileSync(join(home, 'run', `${service}.pid`), 'utf8')) as { pid: number }
      process.kill(pid, 'SIGKILL')
    }
    const { stdout } = await many
    expect(stdout).toMatch(/40 journeys finished in .* nothing doubled; the ledger balances/)
  })
})

describe('stopping and starting again', () => {
  it('leaves no process behind and keeps the data', async () => {
    expect(await stopped('SIGTERM')).toBe(0)
    expect(await leftOver()).toEqual([])
    url = await start()
    expect((await get('Ridgeway', '/v1/ledger/check')).balanced).toBe(true)
    const { data } = await get('Ridgeway', '/v1/imports?kind=opportunities')
    expect(data).toHaveLength(1) // the seed ran once
  })

  it('recovers when the launcher itself was killed', async () => {
    await stopped('SIGKILL')
    url = await start()
    expect((await get('Ridgeway', '/v1/ledger/check')).balanced).toBe(true)
    expect(await stopped('SIGTERM')).toBe(0)
    expect(await leftOver()).toEqual([])
  })
})

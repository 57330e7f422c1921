import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Operation } from '@millrace/contracts'
import type { Bus, EventLog } from '@millrace/service'
import type { Somebody, Stage } from '../../apps/journeys/src/company.fixture.ts'
import { freePort } from '../parts/processes.ts'
import { root } from '../parts/platform.ts'
import { startCollector } from './collector.ts'
import type { Drill, DrillRun } from './drill.ts'

/** How much is asked: in the usual drill, and in the long one. */
const effort = { usual: { runs: 60, fuzzerSeconds: 120 }, long: { runs: 600, fuzzerSeconds: 900 } }

/** The fuzzer that others maintain; a later minor version may find more. */
const fuzzerPackage = 'schemathesis>=4.32,<5'
const fuzzerChecks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'ignored_auth',
]

/** Hostile callers, and data that may not leak. */
export const d21: Drill = {
  id: 'D21',
  title: 'hostile callers: access, input, secrets',
  buses: ['embedded', 'kafka'],
  does:
    'Every operation of the OpenAPI document is asked with every credential (none, expired, of another audience, issuer or key, `alg` none, tampered, of another company, of each role) ' +
    'about records of oneself, a mate, the team below, another team and another company; the answer has to be the one that the access table says. A refusal has to have exactly the status and the ' +
    'code that are expected; let through is the operation’s own status, or a 409 or 422 that only comes after the access check. Then each operation’s input is attacked: a fixed list made from its declaration, ' +
    'requests made by chance (fast-check, from the seed), fields that it does not take, and Schemathesis where Python is there. No answer may be a 5xx, have a stack, a statement or a secret in it, or a problem code without text. ' +
    'At last canaries are planted as password, token, client secret, e-mail, phone and bank account, in requests that are in order, refused and malformed and in statements and handlers that fail (I13): ' +
    'they may be in no log, trace, metric or answer to somebody else, and in events only in fields declared for them. Until then two callers walk journeys.',
  async run(run) {
    const port = await freePort()
    const issuer = await startIssuer()
    run.defer(issuer.stop)
    const collector = await startCollector()
    run.defer(collector.stop)
    const url = `http://127.0.0.1:${port}`
    const ground = await run.ground({
      port,
      env: {
        OIDC_ISSUER: `${url},${issuer.url}`,
        OIDC_JWKS_URL: `${url}/oauth/jwks,${issuer.url}/jwks`,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_TRACES_SAMPLER_ARG: '1',
        LOG_LEVEL: 'trace',
        METRICS: 'on',
      },
    })
    // What these import is built by now.
    const { plant, ...leaks } = await import('../../apps/journeys/src/canary.fixture.ts')
    const { aCompany, doTheRest, knownOf, operator, park } = await import('../../apps/journeys/src/company.fixture.ts')
    const { accessMatrix } = await import('../../apps/journeys/src/access.fixture.ts')
    const { attacksOn, attacksOnSignIn, curlOf, inParallel, send } = await import('../../apps/journeys/src/hostile.fixture.ts')
    const { faultsOf, fuzz, massAssignment, tellsTooMuch } = await import('../../apps/journeys/src/fuzz.fixture.ts')
    const { operations } = await import('@millrace/contracts')
    const { openBus, openLog } = (await import(pathToFileURL(join(root, 'libs/service/dist/bus/index.js')).href)) as {
      openBus(url: string, clientId: string): Promise<Bus>
      openLog(url: string, clientId: string): Promise<EventLog>
    }

    const broken: string[] = []
    const rows: string[][] = [['Part', 'Asked', 'Found', 'Seconds']]
    const part = async (name: string, work: () => Promise<{ asked: number; findings: readonly string[] }>) => {
      run.halt.throwIfAborted()
      const since = performance.now()
      const { asked, findings } = await work()
      const seconds = ((performance.now() - since) / 1_000).toFixed(0)
      rows.push([name, String(asked), String(findings.length), seconds])
      run.report(`${name}: ${asked} asked, ${findings.length} found, ${seconds} s`)
      for (const finding of findings) run.note('finding', { part: name, finding })
      broken.push(...findings.slice(0, 10).map((finding) => `${name}: ${finding}`))
      if (findings.length > 10) broken.push(`${name}: ${findings.length - 10} more, see history.jsonl`)
    }

    const stage: Stage = { url, token: issuer.token, quiet: () => ground.quiet() }
    const succeeded = new Set<string>()
    const [ours, theirs] = [await aCompany(stage, 'Alpha', succeeded), await aCompany(stage, 'Beta', succeeded)]
    await doTheRest(stage, ours, succeeded)
    const bus = await openBus(ground.installation.bus, 'millrace-drill')
    run.defer(() => bus.close())
    for (const company of [ours, theirs]) await park(stage, bus, company)
    const load = ground.load(2)

    await part('access matrix', async () => {
      const { cases, findings } = await accessMatrix(stage, ours, theirs, succeeded)
      const never = operations.filter(({ id }) => !succeeded.has(id)).map(({ id }) => `${id} was never done, so nothing is said of who may`)
      return { asked: cases, findings: [...findings, ...never] }
    })
    const known = knownOf(ours)
    const token = ({ callers }: Operation) => issuer.token(callers === 'operator' ? operator : ours.ada)
    await part('attacks on operations', async () => {
      let asked = 0
      const findings: string[] = []
      for (const operation of operations)
        await inParallel(attacksOn(operation, await token(operation), known), async (attack) => {
          run.halt.throwIfAborted()
          asked += 1
          for (const fault of faultsOf(await send(url, attack)))
            findings.push(`${operation.id}, ${attack.what}: ${fault}\n    ${curlOf(attack)}`)
        })
      return { asked, findings }
    })
    await part('attacks on the sign-in', async () => {
      let asked = 0
      const findings: string[] = []
      await inParallel(attacksOnSignIn(await issuer.token(ours.ada)), async (attack) => {
        asked += 1
        const { status, text } = await send(url, attack)
        if (status >= 500 || tellsTooMuch(text)) findings.push(`${attack.what}: ${status} ${text.slice(0, 300)}\n    ${curlOf(attack)}`)
      })
      return { asked, findings }
    })
    await part('fields that are not taken', async () => {
      const { requests, findings } = await massAssignment(url, token, known)
      return { asked: requests, findings }
    })
    const { runs, fuzzerSeconds } = run.long ? effort.long : effort.usual
    await part('requests made by chance', async () => {
      const { requests, findings } = await fuzz(url, token, known, { seed: run.seed, runs, halt: run.halt })
      return { asked: requests, findings }
    })
    const saw: string[] = []
    const fuzzer = await schemathesis(run)
    if (typeof fuzzer === 'string') await part('Schemathesis', () => fuzzed(run, fuzzer, url, issuer.token(ours.ada), fuzzerSeconds))
    else saw.push(`Schemathesis did not run: ${fuzzer.why}`)

    // What is looked for has to have arrived everywhere: beside journeys that go on, services on Kafka are never all at rest.
    const recoverySeconds = await ground.rest(load)
    await part('canaries (I13)', async () => {
      const { platform, installation } = ground
      const aviary = {
        url,
        operator: platform.operator,
        addressOf: (app: string) => `http://127.0.0.1:${platform.environmentOf(app)['PORT']}`,
        databaseOf: (service: keyof typeof installation.databases) => installation.databases[service]!,
        quiet: () => ground.quiet(),
      }
      const planted = await plant(aviary)
      await ground.quiet()
      const log = await openLog(installation.bus, 'millrace-drill')
      try {
        const inEvents = await leaks.leaksInEvents(log, planted)
        const found = [
          ...leaks.leaksInAnswers(planted),
          ...(await leaks.leaksInMetrics(aviary, planted)),
          ...inEvents.leaks,
          ...leaks.leaksInLogs(join(platform.home, 'logs'), planted),
          ...collector.bodies.flatMap((body) => leaks.leaksIn('a trace', body.toString('latin1'), planted)),
        ]
        saw.push(`of a person, events held what these fields are for: ${[...inEvents.fields].sort().join(', ')}`)
        return { asked: planted.answers.length, findings: [...new Set(found)] }
      } finally {
        await log.close()
      }
    })
    return {
      done: [
        `${operations.length} operations, ${rows.slice(1).reduce((sum, [, asked]) => sum + Number(asked), 0)} requests`,
        `${load.finished} journeys finished`,
      ],
      saw,
      broken: [...broken, ...load.broken],
      recoverySeconds,
      table: rows,
    }
  },
}

/** An issuer that the platform trusts beside its own, so that tokens can be made as hostile as they come. */
async function startIssuer(): Promise<{ url: string; token: Stage['token']; stop(): Promise<void> }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'drill', alg: 'ES256', use: 'sig' }]
  const server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kept = new Map<string, string>()
  return {
    url,
    async token({ id, tenantId, roles }: Somebody, claims?: Record<string, unknown>) {
      const known = kept.get(id)
      if (known && !claims) return known
      const now = Math.floor(Date.now() / 1_000)
      const said = { iss: url, aud: 'millrace', sub: id, tenant: tenantId, roles, iat: now, exp: now + 86_400, ...claims }
      const token = await new SignJWT(said).setProtectedHeader({ alg: 'ES256', kid: 'drill' }).sign(privateKey)
      if (!claims) kept.set(id, token)
      return token
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** The command that runs Schemathesis: the one on PATH, or one installed beside the drill's platform; why there is none. */
async function schemathesis(run: DrillRun): Promise<string | { why: string }> {
  if ((await ended(run, 'schemathesis', ['--version'])).code === 0) return 'schemathesis'
  const folder = join(dirname(run.home), 'schemathesis')
  const bin = join(folder, process.platform === 'win32' ? 'Scripts' : 'bin')
  const command = join(bin, 'schemathesis')
  if (existsSync(command) && (await ended(run, command, ['--version'])).code === 0) return command
  run.report('Schemathesis is installed …')
  const steps = [
    [process.platform === 'win32' ? 'python' : 'python3', '-m', 'venv', '--clear', folder],
    [join(bin, 'python'), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', fuzzerPackage],
  ] as const
  for (const [program, ...args] of steps) {
    const { code, output } = await ended(run, program, args, 300)
    if (code !== 0) return { why: `${[program, ...args].join(' ')} ended with ${code}: ${output.trim().split('\n').at(-1) ?? ''}` }
  }
  return command
}

/**
 * The OpenAPI document without the headers that make an answer wait for an event (one that was made up never comes), and with classes of characters
 * spelt out that Python’s expressions do not know by name. Answers the file.
 */
async function documentFor(run: DrillRun, url: string): Promise<string> {
  const document = (await (await fetch(`${url}/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters: { $ref?: string }[] }>>
  }
  for (const path of Object.values(document.paths))
    for (const operation of Object.values(path))
      operation.parameters = operation.parameters.filter(({ $ref = '' }) => !/(Causality|Prefer)$/.test($ref))
  const file = join(run.folder, 'openapi.json')
  const controls = '\\\\u0000-\\\\u001f\\\\u007f-\\\\u009f'
  writeFileSync(
    file,
    JSON.stringify(document).replaceAll('\\\\p{Cc}', controls).replaceAll('\\\\p{Cs}', '').replaceAll('[^\\\\0]', '[^\\\\u0000]'),
  )
  return file
}

/** Lets Schemathesis ask as long as it may; each of its findings comes with a curl line of its own. */
async function fuzzed(run: DrillRun, command: string, url: string, token: Promise<string>, seconds: number) {
  const report = join(run.folder, 'schemathesis')
  const args = ['run', await documentFor(run, url), '--url', url, '-H', `Authorization: Bearer ${await token}`]
  args.push(
    '--checks',
    fuzzerChecks.join(),
    '--phases',
    'examples,coverage,fuzzing',
    '--max-time',
    String(seconds),
    '--seed',
    String(run.seed),
  )
  args.push('--workers', '1', '--request-timeout', '30', '--suppress-health-check', 'all', '--generation-database', 'none', '--no-color')
  args.push('--continue-on-failure', '--report', 'junit', '--report-dir', report)
  const { code, output } = await ended(run, command, args, seconds + 240)
  writeFileSync(join(run.folder, 'schemathesis.txt'), output)
  const asked = Number(/(\d+) generated/.exec(output)?.[1] ?? 0)
  const xml = existsSync(report) ? readdirSync(report).filter((name) => name.endsWith('.xml')) : []
  const text = xml.map((name) => readFileSync(join(report, name), 'utf8')).join('')
  const cases = [...text.matchAll(/<testcase name="([^"]*)"[^>/]*>([\s\S]*?)<\/testcase>/g)]
  const textOf = (inside: string) => plain(inside.replace(/<[^>]*>/g, ' ')).trim()
  const told = (sign: string) =>
    cases
      .filter(([, , inside]) => inside!.includes(`<${sign}`))
      .map(([, name, inside]) => `${plain(name!)}: ${textOf(inside!).slice(0, 2_000)}`)
  const findings = told('failure')
  for (const error of told('error')) run.note('Schemathesis could not make requests', { error })
  if (told('error').length) run.report(`Schemathesis could not make requests to ${told('error').length} operations, see history.jsonl`)
  if (!text.includes('<testcase') || (code !== 0 && !cases.length)) findings.push(`it ended with ${code}: ${output.slice(-1_500)}`)
  return { asked, findings }
}

const plain = (text: string) =>
  text
    .replace(/&#10;|&#xA;/g, '\n')
    .replace(/&(quot|lt|gt|apos|amp);/g, (_, name: string) => ({ quot: '"', lt: '<', gt: '>', apos: "'", amp: '&' })[name]!)

/** Runs a program to its end and answers its output; ends it when the drill is halted or it takes longer than it may. */
function ended(run: DrillRun, program: string, args: readonly string[], seconds = 60): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(program, args, {
      signal: AbortSignal.any([run.halt, AbortSignal.timeout(seconds * 1_000)]),
      env: { ...process.env, NO_COLOR: '1' },
    })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()))
    child.on('error', (error) => resolve({ code: null, output: `${output}${error.message}` }))
    child.on('close', (code) => resolve({ code, output }))
  })
}

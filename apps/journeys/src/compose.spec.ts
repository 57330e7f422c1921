import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { accountService } from '@millrace/account'
import { billingService } from '@millrace/billing'
import { services as known, type ServiceName } from '@millrace/contracts'
import { cpqService } from '@millrace/cpq'
import { identityService } from '@millrace/identity'
import { insightService } from '@millrace/insight'
import { leadService } from '@millrace/lead'
import { opportunityService } from '@millrace/opportunity'
import { readConfig, serviceConfig } from '@millrace/service'
import type { z } from 'zod'
import { readCompose, type ComposeService } from '../../../tools/parts/compose.ts'
import { standInSecrets } from '../../../tools/parts/kafka.ts'

const root = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
/** Files that are no part of what their library or app gives to others. */
const load = async (path: string): Promise<unknown> => import(join(root, path))

const definitions = [leadService, accountService, opportunityService, cpqService, billingService, insightService, identityService]
const names = Object.keys(known) as ServiceName[]

/** What `npm run compose:env` writes into an empty folder. */
const folder = mkdtempSync(join(tmpdir(), 'millrace-compose-'))
const envFile = join(folder, '.env')
const writeEnv = () => spawnSync(process.execPath, [join(root, 'tools/compose-env.mjs'), envFile], { encoding: 'utf8' })
const { stdout: said } = writeEnv()
const written = parseEnv(readFileSync(envFile, 'utf8')) as Record<string, string>
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const { services, volumes } = readCompose(written)
const environment = (name: string) => services[name]?.environment ?? {}
const isOurs = ({ image }: ComposeService) => image === 'millrace'
const isJob = (name: string) =>
  Object.values(services).some(({ depends_on }) => depends_on?.[name]?.condition === 'service_completed_successfully')
const required = [...new Set([...read('docker-compose.yml').matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!))]

describe('The environment in docker-compose.yml', () => {
  it('satisfies the configuration of every service', () => {
    expect(definitions.map(({ name }) => name).sort()).toEqual([...names].sort())
    for (const { name, config } of definitions) readConfig(config ?? serviceConfig, environment(name))
  })

  it('satisfies the configuration of the gateway, of every migration and of the topics job', async () => {
    const { gatewayConfig } = (await load('apps/gateway/src/config.ts')) as { gatewayConfig: z.ZodObject }
    const { topicsConfig } = (await load('libs/service/src/config.ts')) as { topicsConfig: z.ZodObject }
    expect(readConfig(gatewayConfig, environment('gateway'))).toMatchObject({ PORT: 8080, PUBLIC_URL: 'http://127.0.0.1:8080' })
    expect(readConfig(topicsConfig, environment('topics'))).toMatchObject({ TOPIC_PARTITIONS: 6, TOPIC_REPLICAS: 1 })
    for (const name of names) readConfig(serviceConfig.pick({ DATABASE_URL: true }), environment(`migrate-${name}`))
  })

  it('names no variable that the program does not read', async () => {
    const { gatewayConfig } = (await load('apps/gateway/src/config.ts')) as { gatewayConfig: z.ZodObject }
    const { topicsConfig } = (await load('libs/service/src/config.ts')) as { topicsConfig: z.ZodObject }
    const unread = (name: string, { shape }: { shape: object }) => Object.keys(environment(name)).filter((variable) => !(variable in shape))
    for (const { name, config } of definitions) expect([name, unread(name, config ?? serviceConfig)]).toEqual([name, []])
    expect(unread('topics', topicsConfig)).toEqual([])
    // One environment for all has the bus in it, which the gateway does not need.
    expect(unread('gateway', gatewayConfig)).toEqual(['BUS_URL'])
  })

  it('makes identity the issuer whose tokens all accept, at the address that people use', () => {
    for (const name of [...names, 'gateway']) {
      expect(environment(name)['OIDC_ISSUER']).toBe('http://127.0.0.1:8080')
      expect(environment(name)['OIDC_JWKS_URL']).toBe('http://identity:8080/oauth/jwks')
    }
    const { services: moved } = readCompose({ ...written, PUBLIC_URL: 'https://crm.example.com' })
    for (const name of [...names, 'gateway']) expect(moved[name]?.environment?.['OIDC_ISSUER']).toBe('https://crm.example.com')
    for (const name of ['identity', 'gateway']) expect(moved[name]?.environment?.['PUBLIC_URL']).toBe('https://crm.example.com')
  })
})

describe('The containers of docker-compose.yml', () => {
  it('are Postgres, Kafka, the topics job, the gateway, and for every service its migration and itself', () => {
    const expected = ['postgres', 'kafka', 'topics', 'gateway', ...names, ...names.map((name) => `migrate-${name}`)]
    expect(Object.keys(services).sort()).toEqual(expected.sort())
  })

  it('start programs that exist', () => {
    for (const [name, { command }] of Object.entries(services).filter(([, service]) => isOurs(service))) {
      const [program, file = '', ...args] = command ?? []
      expect([program, existsSync(join(root, file.replace('/dist/', '/src/').replace('.js', '.ts')))]).toEqual(['node', true])
      const service = name.replace('migrate-', '')
      if (name !== 'topics') expect([file, args]).toEqual([`apps/${service}/dist/main.js`, service === name ? [] : ['migrate']])
    }
  })

  it('are built from one image, by one of them alone', () => {
    const ours = Object.values(services).filter(isOurs)
    expect(ours.filter(({ build }) => build).length).toBe(1)
    expect(ours.every(({ pull_policy }) => pull_policy === 'never')).toBe(true)
    expect(Object.entries(services).flatMap(([name, service]) => (isOurs(service) ? [] : [name]))).toEqual(['postgres', 'kafka'])
  })

  it('find each other: every host and port in an address is one that listens', () => {
    const listening = new Map<string, string[]>([
      ['postgres', ['5432']],
      ['kafka', listeners().map(({ port }) => port)],
      ...[...names, 'gateway'].map((name): [string, string[]] => [name, [environment(name)['PORT']!]]),
    ])
    const addresses = Object.entries(services).flatMap(([name, service]) =>
      Object.entries(service.environment ?? {})
        // The public address is that of the host.
        .filter(([variable, value]) => /^(kafka|postgres|http):\/\//.test(value) && !['PUBLIC_URL', 'OIDC_ISSUER'].includes(variable))
        .map(([variable, value]) => ({ from: `${name} ${variable}`, url: new URL(value) })),
    )
    expect(addresses.length).toBe(2 * names.length + 2 * (names.length + 1) + 1 + names.length)
    for (const { from, url } of addresses) expect([from, listening.get(url.hostname)]).toEqual([from, expect.arrayContaining([url.port])])
    for (const name of names) expect(environment('gateway')[`SERVICE_${name.toUpperCase()}_URL`]).toBe(`http://${name}:8080`)
  })

  it('reach Kafka by a name that it gives out for itself', () => {
    const advertised = (environment('kafka')['KAFKA_ADVERTISED_LISTENERS'] ?? '').split(',').map((text) => new URL(text))
    const kept = listeners().filter(({ name }) => name !== environment('kafka')['KAFKA_CONTROLLER_LISTENER_NAMES'])
    expect(advertised.map(({ protocol, port }) => [protocol, port])).toEqual(kept.map(({ name, port }) => [`${name.toLowerCase()}:`, port]))
    const bus = new Set(Object.values(services).flatMap((service) => service.environment?.['BUS_URL'] ?? []))
    expect([...bus]).toEqual([`kafka://${advertised.find(({ hostname }) => hostname === 'kafka')!.host}`])
    // `npm run start:kafka` comes from outside.
    expect(services['kafka']!.ports).toEqual([`${advertised.find(({ hostname }) => hostname === '127.0.0.1')!.host}:9092`])
    expect(Object.keys(mapOf('KAFKA_LISTENER_SECURITY_PROTOCOL_MAP')).sort()).toEqual(
      listeners()
        .map(({ name }) => name)
        .sort(),
    )
  })

  it('wait for what they need and for nothing that is not there, and never for each other', () => {
    for (const [name, { depends_on = {} }] of Object.entries(services)) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        const job = services[needed]?.restart === undefined
        expect([name, needed, needed in services, condition]).toEqual([
          name,
          needed,
          true,
          job ? 'service_completed_successfully' : 'service_healthy',
        ])
      }
      expect([name, allNeededBy(name).includes(name)]).toEqual([name, false])
    }
    for (const name of names) {
      expect(Object.keys(services[name]!.depends_on!)).toEqual([`migrate-${name}`, 'topics'])
      expect(allNeededBy(name).sort()).toEqual([`migrate-${name}`, 'kafka', 'postgres', 'topics'].sort())
    }
    expect(Object.keys(services['gateway']!.depends_on!).sort()).toEqual([...names].sort())
  })

  it('have a health check and come back after a crash, unless they are jobs', () => {
    for (const [name, { healthcheck, restart }] of Object.entries(services)) {
      const lasting = isJob(name) ? { test: false, restart: undefined } : { test: true, restart: 'unless-stopped' }
      expect({ name, test: Boolean(healthcheck?.test.length), restart }).toEqual({ name, ...lasting })
    }
    for (const name of [...names, 'gateway'])
      expect(services[name]!.healthcheck!.test.join(' ')).toContain(`http://127.0.0.1:${environment(name)['PORT']}/readyz`)
  })

  it('show two ports outside: the gateway to everyone, Kafka to this machine', () => {
    const { services: moved } = readCompose({ ...written, PORT: '9000' })
    const shown = Object.entries(moved).flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`))
    expect(shown).toEqual(['kafka 127.0.0.1:9092:9092', 'gateway 9000:8080'])
  })

  it('keep data in named volumes and read files that exist', () => {
    const mounts = Object.values(services).flatMap((service) => service.volumes ?? [])
    const sources = mounts.map((mount) => mount.split(':')[0]!)
    expect(sources.filter((source) => source.startsWith('.') && !existsSync(join(root, source)))).toEqual([])
    expect(sources.filter((source) => !source.startsWith('.')).sort()).toEqual(Object.keys(volumes).sort())
  })
})

describe('The databases', () => {
  const roleOf = (name: string) => new URL(environment(name)['DATABASE_URL']!)

  it('are opened by a migration as the owner and by its service as the application, each with a password of its own', () => {
    for (const name of names) {
      const upper = name.toUpperCase()
      for (const [container, kind] of [
        [`migrate-${name}`, 'owner'],
        [name, 'app'],
      ] as const) {
        const { username, password, pathname } = roleOf(container)
        expect([username, pathname]).toEqual([`millrace_${name}_${kind}`, `/millrace_${name}`])
        expect(password).toBe(written[`${upper}_${kind.toUpperCase()}_PASSWORD`])
      }
    }
    const passwords = [...names, ...names.map((name) => `migrate-${name}`)].map((name) => roleOf(name).password)
    expect(new Set(passwords).size).toBe(2 * names.length)
  })

  it('are made by databases.sh from the passwords that Postgres is given', () => {
    const made = Object.keys(environment('postgres')).flatMap(
      (variable) => /^(\w+)_OWNER_PASSWORD$/.exec(variable)?.[1]?.toLowerCase() ?? [],
    )
    expect(made.sort()).toEqual([...names].sort())
    for (const name of names) expect(environment('postgres')[`${name.toUpperCase()}_APP_PASSWORD`]).toBe(roleOf(name).password)
    const script = 'deploy/compose/databases.sh'
    expect(services['postgres']!.volumes).toContain(`./${script}:/docker-entrypoint-initdb.d/databases.sh:ro`)
    // A file that may not be executed is read into Postgres' own start script, `set -u` and all.
    if (process.platform !== 'win32') expect(statSync(join(root, script)).mode & 0o111).toBe(0o111)
    expect(read(script)).not.toContain('\r')
  })
})

describe('Secrets', () => {
  it('are asked for, one and all: without .env Compose refuses each', () => {
    expect(() => readCompose({})).toThrow('run npm run compose:env')
    for (const name of required) {
      const { [name]: _, ...others } = written
      expect(() => readCompose(others)).toThrow(`${name} is missing: run npm run compose:env`)
    }
    const secret = /PASSWORD|SECRET|TOKEN/
    const lines = read('docker-compose.yml').split('\n')
    expect(lines.filter((line) => secret.test(line.split(':')[0]!) && !/: \$\{\w+:\?[^}]+\}$/.test(line))).toEqual([])
    expect(lines.filter((line) => /:\/\/[^/\s]*@/.test(line) && !/:\/\/\w+:\$\{\w+:\?[^}]+\}@/.test(line))).toEqual([])
  })

  it('are in no file', () => {
    const files = [
      'docker-compose.yml',
      'Dockerfile',
      'tools/compose-env.mjs',
      ...readdirSync(join(root, 'deploy/compose')).map((name) => `deploy/compose/${name}`),
    ]
    for (const file of files) {
      const text = read(file).replaceAll(/\$\{[^}]*\}/g, '$')
      const literals = [
        /(password|secret|token)\w*["']?(?::[ \t]+|[ \t]*=[ \t]*)["']?[\w+/-]{3,}/i,
        /PASSWORD '/,
        /:\/\/[^\s/:'"]+:[^\s/@'"$]+@/,
      ]
      expect([file, literals.flatMap((literal) => literal.exec(text)?.[0] ?? [])]).toEqual([file, []])
    }
    expect(read('.gitignore').split('\n')).toContain('.env')
    expect(read('.dockerignore').split('\n')).toContain('.env')
  })

  it('are written by compose:env for their owner alone, long, all different, fit for an address', () => {
    expect(said).toContain(`${required.length} secrets were added`)
    expect(Object.keys(written).sort()).toEqual([...required, 'PORT', 'PUBLIC_URL'].sort())
    const secrets = required.map((name) => written[name]!)
    expect(secrets.filter((secret) => !/^[\w-]{43}$/.test(secret))).toEqual([])
    expect(new Set(secrets).size).toBe(required.length)
    if (process.platform !== 'win32') expect(statSync(envFile).mode & 0o777).toBe(0o600)
  })

  it('stay when compose:env is run again; only what is missing is added', () => {
    expect(writeEnv().stdout).toContain('nothing was changed')
    const lacking = readFileSync(envFile, 'utf8')
      .replace(/^CPQ_APP_PASSWORD=.*\n/m, '')
      .replace(/^IDENTITY_SECRET=.*$/m, 'IDENTITY_SECRET=')
      .trimEnd()
    writeFileSync(envFile, lacking)
    expect(writeEnv().stdout).toContain('2 secrets were added')
    const { CPQ_APP_PASSWORD, IDENTITY_SECRET, ...others } = parseEnv(readFileSync(envFile, 'utf8')) as Record<string, string>
    expect(written).toMatchObject(others)
    expect([CPQ_APP_PASSWORD, IDENTITY_SECRET]).toEqual([expect.stringMatching(/^[\w-]{43}$/), expect.stringMatching(/^[\w-]{43}$/)])
  })

  it('have a stand-in each when Kafka alone is started from docker-compose.yml', () => {
    expect(Object.keys(standInSecrets()).sort()).toEqual([...required].sort())
    expect(readCompose(standInSecrets()).services['kafka']).toEqual(services['kafka'])
    expect(allNeededBy('kafka')).toEqual([])
  })
})

describe('The image', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const shipped = ['apps', 'libs'].flatMap((group) =>
    readdirSync(join(root, group))
      .filter((name) => !['journeys', 'testing'].includes(name))
      .flatMap((name) =>
        readdirSync(join(root, group, name, 'src'), { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.ts') && !/\.(spec|fixture|journey)\.ts$/.test(file))
          .map((file) => join(group, name, 'src', file)),
      ),
  )
  const importedBy = (pattern: RegExp) =>
    new Set(
      shipped.flatMap((file) =>
        [...read(file).matchAll(pattern)]
          .map(([, name]) => name!)
          .filter((name) => !/^(node:|@millrace\/)/.test(name))
          .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/')),
      ),
    )
  const needed = importedBy(/(?:^(?:import|export) (?!type )(?:[^'();=]*? from )?|\bimport\()'([^'.][^']*)'/gm)
  const typed = importedBy(/^import type [^'();=]*? from '([^'.][^']*)'/gm)

  it('holds every package that a service imports: none of them is a dev dependency', () => {
    expect(needed.size).toBeGreaterThan(15)
    expect([...needed].filter((name) => !(name in dependencies))).toEqual([])
  })

  it('holds no package for tools and tests alone', () => {
    expect(Object.keys(dependencies).filter((name) => !needed.has(name) && !typed.has(name))).toEqual([])
  })
})

function listeners() {
  return (environment('kafka')['KAFKA_LISTENERS'] ?? '').split(',').map((text) => {
    const [, name = '', port = ''] = /^(\w+):\/\/:(\d+)$/.exec(text) ?? []
    return { name, port }
  })
}

function mapOf(variable: string): Record<string, string> {
  return Object.fromEntries((environment('kafka')[variable] ?? '').split(',').map((pair) => pair.split(':')))
}

/** Everything that is waited for before a container starts; ends in a cycle too. */
function allNeededBy(name: string): string[] {
  const seen = new Set<string>()
  const visit = (next: string) => {
    for (const needed of Object.keys(services[next]?.depends_on ?? {}))
      if (!seen.has(needed)) {
        seen.add(needed)
        visit(needed)
      }
  }
  visit(name)
  return [...seen]
}

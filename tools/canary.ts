/**
 * The canary: breaks each rule of eslint.config.mjs once and expects exactly that rule to fire. A boundary that
 * nobody saw fail is no boundary: without its project graph the Nx rule, for one, passes everything.
 *
 *   npm test -- canary
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyOfRepository } from './parts/copy.ts'
import { root } from './parts/platform.ts'

type Project = { name: string; root: string; tags: string[]; targets: Record<string, unknown> }
/** What is written, where (a tag or a project, and a file name), and the rules that must fire: none for a permitted line. */
type Row = { in: Project; file: string; code: string; fires: string[] }

const boundary = '@nx/enforce-module-boundaries'
const imports = 'no-restricted-imports'
const syntax = 'no-restricted-syntax'

/** Every project of the workspace, as its package.json says. */
export const projects: Project[] = ['apps', 'libs'].flatMap((folder) =>
  (existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [])
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(root, path, 'package.json')))
    .map((path) => {
      const { name, nx } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'))
      return { name, root: path, tags: nx?.tags ?? [], targets: nx?.targets ?? {} }
    }),
)
const tagged = (tag: string) => projects.filter(({ tags }) => tags.includes(tag))

/** Has nx write the project graph of a copy, or of the repository itself: the boundary rule reads it. */
export async function projectGraph(folder = root, halt?: AbortSignal): Promise<void> {
  const { code, said } = await node(folder, ['node_modules/nx/dist/bin/nx.js', 'show', 'projects'], halt)
  if (code !== 0) throw new Error(`nx made no project graph: ${said}`)
}

/** The table. Rows exist for the projects that exist. */
function rows(): Row[] {
  const [domain, contracts, service, testing] = ['domain', 'contracts', 'service', 'testing'].map((lib) => tagged(`lib:${lib}`)[0])
  if (!domain || !contracts || !service || !testing) throw new Error('The four libraries carry the tags lib:domain, lib:contracts, …')
  const services = tagged('type:service')
  const doors = [...services, ...tagged('type:gateway')]
  const bus = "import 'kafkajs'"
  const late = "export const bus = import('kafkajs')"
  const now = 'export const at = new Date()'
  const tool = '../../../../tools/parts/copy.ts'

  return [
    { in: domain, file: 'a.ts', code: "import '@millrace/contracts'", fires: [boundary, imports] },
    { in: domain, file: 'a.spec.ts', code: "import '@millrace/contracts'", fires: [boundary] },
    { in: domain, file: 'b.ts', code: "import 'zod'", fires: [boundary, imports] },
    { in: domain, file: 'c.ts', code: "import 'node:fs'", fires: [imports] },
    { in: domain, file: 'd.ts', code: now, fires: [syntax] },
    { in: domain, file: 'e.ts', code: "export const rate = parseFloat('1.1')", fires: ['no-restricted-globals'] },
    { in: domain, file: 'f.ts', code: "export const rate = Number.parseFloat('1.1')", fires: ['no-restricted-properties'] },
    { in: domain, file: 'g.spec.ts', code: `import 'fast-check'\n${now}`, fires: [] },

    { in: contracts, file: 'a.ts', code: "import '@millrace/service'", fires: [boundary] },
    { in: contracts, file: 'b.ts', code: "import 'pg'", fires: [boundary] },
    { in: contracts, file: 'c.ts', code: "import '../../../domain/src/index.js'", fires: [boundary] },
    { in: contracts, file: 'd.ts', code: "import '@millrace/domain'\nimport 'zod'", fires: [] },

    { in: service, file: 'a.ts', code: "import '@millrace/testing'", fires: [boundary] },
    { in: service, file: 'b.ts', code: bus, fires: [imports] },
    { in: service, file: 'c.ts', code: late, fires: [syntax] },
    { in: service, file: 'd.ts', code: 'export const at = Date.now()', fires: [syntax] },
    {
      in: service,
      file: 'e.ts',
      code: 'export const put = (repository: Set<string> & { save(): string }) => repository.save()',
      fires: [syntax],
    },
    { in: service, file: 'f.ts', code: 'export const put = (tx: { manager: { save(): string } }) => tx.manager.save()', fires: [syntax] },
    { in: service, file: 'g.ts', code: "import '@millrace/domain'\nimport '@millrace/contracts'\nimport 'typeorm'", fires: [] },

    { in: testing, file: 'a.ts', code: bus, fires: [imports] },
    { in: testing, file: 'b.ts', code: `import '@millrace/service'\n${now}`, fires: [] },
    { in: testing, file: 'c.spec.ts', code: `import '${tool}'`, fires: [boundary] },

    ...[domain, ...services.slice(0, 1)].flatMap((project): Row[] => [
      { in: project, file: 'h.ts', code: 'export const same = (a: string, b: string) => a == b', fires: ['eqeqeq'] },
      { in: project, file: 'i.ts', code: 'const unused = 1\nexport {}', fires: ['@typescript-eslint/no-unused-vars'] },
      {
        in: project,
        file: 'j.ts',
        code: "import { A } from './k.js'\nexport type B = A",
        fires: ['@typescript-eslint/consistent-type-imports'],
      },
      {
        in: project,
        file: 'k.ts',
        code: 'export type A = string\nexport async function later() {}\nlater()',
        fires: ['@typescript-eslint/no-floating-promises'],
      },
    ]),

    ...[service, testing].flatMap((lib) =>
      services.slice(0, 1).map((app): Row => ({ in: lib, file: 'l.ts', code: `import '${app.name}'`, fires: [boundary] })),
    ),
    ...doors.flatMap((app, i): Row[] => [
      ...(doors.length > 1
        ? [{ in: app, file: 'l.service.ts', code: `import '${doors[(i + 1) % doors.length]!.name}'`, fires: [boundary] }]
        : []),
      { in: app, file: 'm.service.ts', code: "import '@millrace/testing'", fires: [boundary] },
      { in: app, file: 'm.service.spec.ts', code: `import '@millrace/testing'\n${now}`, fires: [] },
      { in: app, file: 'n.service.ts', code: bus, fires: [imports] },
      { in: app, file: 'o.service.ts', code: late, fires: [syntax] },
      { in: app, file: 'p.service.ts', code: now, fires: [syntax] },
      { in: app, file: 'q.service.ts', code: "export const rate = parseFloat('1.1')", fires: ['no-restricted-globals'] },
      {
        in: app,
        file: 'r.service.ts',
        code: "import '@millrace/domain'\nimport '@millrace/contracts'\nimport '@millrace/service'",
        fires: [],
      },
      ...['./s.service.js', '../s.js', '@millrace/service', 'typeorm', 'kafkajs'].map((from, n) => ({
        in: app,
        file: `s${n}.ts`,
        code: `import '${from}'`,
        fires: [imports],
      })),
      { in: app, file: 't.ts', code: "export const late = import('./s.service.js')", fires: [syntax] },
      { in: app, file: 'u.ts', code: "import '@millrace/domain'\nimport './t.js'\nimport './t-scoring.js'", fires: [] },
    ]),
    ...tagged('type:journeys').flatMap((app) =>
      services.slice(0, 1).map((other): Row => ({
        in: app,
        file: 'a.journey.ts',
        code: `import '${other.name}'\nimport '@millrace/testing'\nimport '${tool}'`,
        fires: [],
      })),
    ),
  ]
}

/** Writes the rows into a copy of the repository and lints them once. Each row is one test, and so are the tags of the projects. */
export async function canary(halt?: AbortSignal): Promise<{ passed: number; failed: number }> {
  const { folder, remove } = copyOfRepository()
  process.once('exit', remove)
  try {
    // Before the rows are there, so that it knows none of the forbidden edges.
    await projectGraph(folder, halt)
    const table = rows()
    const canaryOf = (project: Project) => join(folder, project.root, 'src', 'canary')
    for (const row of table) {
      mkdirSync(canaryOf(row.in), { recursive: true })
      writeFileSync(join(canaryOf(row.in), row.file), `${row.code}\n`)
    }
    const found = await lint(folder, [...new Set(table.map((row) => canaryOf(row.in)))], halt)

    let failed = 0
    for (const row of table) {
      const fired = found.get(join(canaryOf(row.in), row.file)) ?? ['not linted']
      if (fired.toSorted().join() === row.fires.toSorted().join()) continue
      failed++
      console.log(`canary: ${row.in.root}/src/canary/${row.file}: ${row.code.replaceAll('\n', ' ⏎ ')}`)
      console.log(`        expected ${row.fires.join(' and ') || 'nothing'}, got ${fired.join(' and ') || 'nothing'}`)
    }
    for (const { root, tags, targets } of projects) {
      if (tags.some((tag) => /^(lib|type):/.test(tag)) && 'lint' in targets) continue
      failed++
      console.log(`canary: ${root}/package.json lacks nx.tags (lib:… or type:…) or nx.targets.lint`)
    }
    return { passed: table.length + projects.length - failed, failed }
  } finally {
    remove()
    process.off('exit', remove)
  }
}

/** Rules that fired, per file. */
async function lint(folder: string, folders: string[], halt?: AbortSignal): Promise<Map<string, string[]>> {
  const { said } = await node(folder, ['node_modules/eslint/bin/eslint.js', '--format', 'json', ...folders], halt)
  if (!said.includes('[{')) throw new Error('eslint gave no results')
  const results: { filePath: string; messages: { ruleId: string | null; message: string }[] }[] = JSON.parse(said.slice(said.indexOf('[{')))
  return new Map(
    results.map(({ filePath, messages }) => [filePath, [...new Set(messages.map(({ ruleId, message }) => ruleId ?? message))]]),
  )
}

/** Runs a program of a folder's packages; answers its exit code and what it said. */
async function node(folder: string, [program = '', ...args]: string[], halt?: AbortSignal): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [join(folder, program), ...args], {
    cwd: folder,
    env: { ...process.env, NX_DAEMON: 'false' },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(halt && { signal: halt }),
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said }
}

if (import.meta.main) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  const { passed, failed } = await canary()
  console.log(`canary: ${passed} passed, ${failed} failed`)
  process.exitCode = failed ? 1 : 0
}

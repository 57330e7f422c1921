/**
 * Starts a new noun: an aggregate with its files, events, operations and migration, and tests that pass.
 *
 *   npm run aggregate -- opportunity visit-plan
 *
 * What it writes is in tools/aggregate, file by file. When something fails, all is as it was before.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as prettier from 'prettier'
import { services } from '../libs/contracts/src/services.ts'
import { insertExports, insertImports, insertInList, insertMigration, lastMigration } from './aggregate/edits.ts'
import { capital, mustBeNoKeyword, namesOf, type Names } from './aggregate/names.ts'

const root = join(import.meta.dirname, '..')
const usage = `npm run aggregate -- <service> <noun>    for example: opportunity visit-plan
  service   ${Object.keys(services).join(', ')}
  noun      one thing in the singular: small letters, words joined by -`

const contracts = 'libs/contracts/src'
/** What `npm run docs` writes. */
const generated = ['docs/generated', 'libs/contracts/golden/events']
const templates = 'tools/aggregate'
const roles = ['schema', 'service', 'queries', 'controller', 'fixture', 'spec', 'service.spec']
const wiring = { controllers: ['Controller'], providers: ['Service', 'Queries'], schemas: ['Schema'] }

const halt = new AbortController()
const stop = () => halt.abort(new Error('Stopped; all is as it was before.'))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, stop)
// Listening to the bootstrap must not keep this alive.
process.channel?.unref()
let undo = () => {}

try {
  const [service, noun, ...more] = process.argv.slice(2)
  if (service === undefined || noun === undefined || more.length) throw new Error(usage)
  const names = namesOf(service, noun)
  mustBeFree(names)
  mustBeNoKeyword(names)
  const fresh = freshFiles(names)
  mustBeUnambiguous(names, fresh)
  const files = await formatted({ ...fresh, ...changedFiles(names) })
  halt.signal.throwIfAborted()
  write(files)
  await writeDocs()
  for (const file of Object.keys(files)) console.log(`wrote ${file}`)
  console.log(nextSteps(names))
} catch (error) {
  undo()
  console.error((error as Error).message)
  process.exitCode = halt.signal.aborted ? 130 : 1
}

/** Refuses an unknown service, and a noun that is there. */
function mustBeFree({ service, noun_id, 'noun-file': noun }: Names): void {
  if (!Object.hasOwn(services, service))
    throw new Error(`There is no service ${JSON.stringify(service)}; there are ${Object.keys(services).join(', ')}.`)
  for (const [name, { aggregates }] of Object.entries(services))
    if ((aggregates as readonly string[]).includes(noun_id)) throw new Error(`${noun} is a noun already, of the ${name} service.`)
  for (const path of [`apps/${service}/src/${noun}`, `${contracts}/${noun}.events.ts`, `${contracts}/${noun}.operations.ts`])
    if (existsSync(join(root, path))) throw new Error(`${path} is there already; choose another word for the noun.`)
}

/** Refuses a word that means something else already: such code might compile, but not be understood. */
function mustBeUnambiguous(names: Names, fresh: Record<string, string>): void {
  const { service, noun, nouns, Noun, noun_id, 'nouns-path': path } = names
  const refuse = (file: string, what: string) => {
    throw new Error(`${file} has ${what} already; choose another word for the noun.`)
  }
  const tables = read(migrationsOf(names)) + read('libs/service/src/base.migration.ts')
  if (new RegExp(`CREATE TABLE "?${noun_id}\\b`).test(tables)) refuse(`The ${service} service`, `a table ${noun_id}`)
  for (const kind of Object.values(wiring).flat())
    if (new RegExp(`\\b${Noun}${kind}\\b`).test(read(moduleOf(names)))) refuse(moduleOf(names), `a ${Noun}${kind}`)
  for (const file of filesIn(templates).filter((each) => each.endsWith('.ts.txt')))
    for (const word of wordsOf(read(file)))
      if (word === noun || word === nouns || word === Noun)
        throw new Error(`${word} means something in the code of every noun; choose another word.`)

  const own = new Set(Object.values(fresh).flatMap(exportsOf))
  for (const lib of ['domain', 'contracts', 'service'])
    for (const file of filesIn(`libs/${lib}/src`).filter((each) => each.endsWith('.ts') && !each.endsWith('.spec.ts'))) {
      const text = read(file)
      for (const name of exportsOf(text)) if (own.has(name)) refuse(file, `a ${name}`)
      if (lib !== 'contracts') continue
      if (text.includes(`'${noun_id}.`)) refuse(file, `names that begin with ${noun_id}.`)
      if (new RegExp(`'/v1/${path}['/]`).test(text)) refuse(file, `/v1/${path}`)
    }
}

/** The files of the noun. */
function freshFiles(names: Names): Record<string, string> {
  const { service, 'noun-file': noun } = names
  const fixture = `apps/${service}/src/${service}.fixture.ts`
  // A service that needs more than the usual environment says in its fixture how tests start it.
  const start = existsSync(join(root, fixture)) ? exportsOf(read(fixture)).find((name) => name === `start${capital(service)}`) : undefined
  const words: Record<string, string> = {
    ...names,
    'import start': start
      ? `import { ${start} } from '../${service}.fixture.js'`
      : `import { ${service}Service } from '../${service}.module.js'`,
    start: start ? `${start}(world)` : `world.start(${service}Service)`,
  }
  const folder = `apps/${service}/src/${noun}`
  return {
    [`${folder}/${noun}.ts`]: filled('noun.ts.txt', words),
    ...Object.fromEntries(roles.map((role) => [`${folder}/${noun}.${role}.ts`, filled(`noun.${role}.ts.txt`, words)])),
    [`${contracts}/${noun}.events.ts`]: filled('noun.events.ts.txt', words),
    [`${contracts}/${noun}.operations.ts`]: filled('noun.operations.ts.txt', words),
  }
}

/** The files that have to know of the noun. */
function changedFiles(names: Names): Record<string, string> {
  const { service, Noun, noun_id, 'noun-file': noun } = names
  const [index, list, migrations, module] = [`${contracts}/index.ts`, `${contracts}/services.ts`, migrationsOf(names), moduleOf(names)]
  const kinds = Object.values(wiring).flat()
  let wired = insertImports(
    read(module),
    kinds.map((kind) => ({ name: `${Noun}${kind}`, from: `./${noun}/${noun}.${kind.toLowerCase()}.js` })),
  )
  for (const [property, each] of Object.entries(wiring))
    for (const kind of each) wired = insertInList(wired, module, `${property}:`, `${Noun}${kind}`)
  return {
    [index]: insertExports(read(index), [`./${noun}.events.js`, `./${noun}.operations.js`]),
    [list]: insertInList(read(list), list, `${service}: {[^}]*?aggregates:`, `'${noun_id}'`),
    [migrations]: insertMigration(read(migrations), migrations, noun, filled('noun.sql.txt', { ...names })),
    [module]: wired,
  }
}

/** A template with its words filled in. */
function filled(template: string, words: Record<string, string>): string {
  return read(`${templates}/${template}`).replace(/\{\{([\w -]+)\}\}/g, (_, word: string) => {
    if (words[word] === undefined) throw new Error(`${template} says {{${word}}}, which means nothing.`)
    return words[word]
  })
}

async function formatted(files: Record<string, string>): Promise<Record<string, string>> {
  const done: Record<string, string> = {}
  for (const [file, text] of Object.entries(files)) {
    const filepath = join(root, file)
    done[file] = await prettier.format(text, { ...(await prettier.resolveConfig(filepath)), filepath })
  }
  return done
}

/** Writes the files. From now on `undo` puts back what was there, generated documents included. */
function write(files: Record<string, string>): void {
  const before = new Map([...Object.keys(files), ...generated.flatMap(filesIn)].map((file) => [file, textOf(file)]))
  const folders = Object.keys(files)
    .map(dirname)
    .filter((folder) => !existsSync(join(root, folder)))
  undo = () => {
    for (const file of generated.flatMap(filesIn)) if (!before.has(file)) rmSync(join(root, file))
    for (const [file, text] of before) {
      if (text === undefined) rmSync(join(root, file), { force: true })
      else if (textOf(file) !== text) writeFileSync(join(root, file), text)
    }
    for (const folder of folders) rmSync(join(root, folder), { recursive: true, force: true })
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
}

async function writeDocs(): Promise<void> {
  console.log('writing the generated documents and golden schemas (npm run docs) …')
  const docs = spawn(process.execPath, [join(root, 'tools/docs.ts')], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [docs.stdout, docs.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  halt.signal.addEventListener('abort', () => docs.kill())
  const [code] = (await once(docs, 'close')) as [number | null]
  halt.signal.throwIfAborted()
  if (code !== 0) throw new Error(`${said}npm run docs failed, so all is as it was before.`)
}

function nextSteps(names: Names): string {
  const { service, noun, noun_id, 'noun-file': file } = names
  const number = String(lastMigration(read(migrationsOf(names)))).padStart(4, '0')
  return `
${file} is there, with a title, an owner and three states. See it green:

  npm test -- types lint docs ${service}

Then make it true:

  apps/${service}/src/${file}/${file}.ts
      its states and rules, each first as a sentence in ${file}.spec.ts
  ${contracts}/${file}.operations.ts
      what is asked of it, and by whom; the texts of its refusals, in Chinese with the Chinese word for it
  ${contracts}/${file}.events.ts
      what others are told; npm run docs after each change, with --accept-incompatible as long as nobody has received them
  ${migrationsOf(names)}
      its columns and indexes: in ${number}-${file} as long as no database has it, then in a migration of its own
  apps/insight/src/journey/step.ts
      '${noun_id}', if it is part of the road from lead to cash (events name it ${noun}Id)`
}

function moduleOf({ service }: Names): string {
  return `apps/${service}/src/${service}.module.ts`
}

function migrationsOf({ service }: Names): string {
  return `apps/${service}/src/migrations/index.ts`
}

function exportsOf(text: string): string[] {
  return [...text.matchAll(/^export (?:async )?(?:class|const|function|interface|type) (\w+)/gm)].map(([, name]) => name!)
}

/** The words of a program: no comments, no texts. */
function wordsOf(text: string): string[] {
  return text.replace(/\/\*.*?\*\/|\/\/.*$|'[^'\n]*'|\{\{[^}]*\}\}/gms, ' ').match(/\b[A-Za-z]\w*\b/g) ?? []
}

function filesIn(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${folder}${parentPath.slice(join(root, folder).length).replaceAll('\\', '/')}/${name}`)
}

function textOf(file: string): string | undefined {
  return existsSync(join(root, file)) ? read(file) : undefined
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

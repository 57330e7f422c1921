/**
 * Writes what the declarations say: docs/generated, and the golden schemas of events.
 *
 *   npm run docs
 *   npm run docs -- --check                  writes nothing; exits 1 and names what is out of date
 *   npm run docs -- --accept-incompatible    golden schemas too that former senders and receivers cannot live with
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import type { JsonSchema } from '@millrace/contracts'
import { accessPage, apiPage, configurationPage, eventsPage, problemsPage, statesPage, type Page } from './docs/pages.ts'
import { configurations, lifecycles } from './docs/sources.ts'
import { build, root } from './parts/platform.ts'

const { values: wish } = parseArgs({ options: { check: { type: 'boolean' }, 'accept-incompatible': { type: 'boolean' } } })

await build(process.env['MILLRACE_HOME'] ?? join(root, '.millrace'))
const { asyncApiDocument, events, goldenSchema, goldenText, incompatibilities, openApiDocument } = await import('@millrace/contracts')
const openApi = openApiDocument('http://127.0.0.1:8080')
const files: Page = {
  'docs/generated/openapi.json': json(openApi),
  'docs/generated/asyncapi.json': json(asyncApiDocument()),
  'docs/generated/api.md': await apiPage(openApi),
  'docs/generated/events.md': await eventsPage(),
  'docs/generated/access.md': await accessPage(),
  'docs/generated/problems.md': await problemsPage(),
  'docs/generated/states.md': statesPage(await lifecycles(root)),
  'docs/generated/configuration.md': configurationPage(await configurations(root)),
}

const golden = 'libs/contracts/golden/events'
const refused: string[] = []
for (const event of events) {
  const file = `${golden}/${event.type}.json`
  const kept = read(file)
  const broken = kept === undefined ? [] : incompatibilities(JSON.parse(kept) as JsonSchema, goldenSchema(event))
  if (broken.length && !wish['accept-incompatible']) refused.push(`${event.type} changed:`, ...broken.map((line) => `  ${line}`))
  else files[file] = goldenText(event)
}
const orphans = (existsSync(join(root, golden)) ? readdirSync(join(root, golden)) : []).filter(
  (file) => !events.some(({ type }) => file === `${type}.json`),
)
if (!wish['accept-incompatible']) refused.push(...orphans.map((file) => `${file.slice(0, -5)} is no longer declared`))

const outdated = Object.entries(files).filter(([file, text]) => read(file) !== text)
if (wish.check) {
  for (const [file] of outdated) console.log(`out of date: ${file}`)
  if (outdated.length) console.log('npm run docs writes them')
} else {
  for (const [file, text] of outdated) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
    console.log(`wrote ${file}`)
  }
  if (wish['accept-incompatible']) for (const file of orphans) rmSync(join(root, golden, file))
}
if (refused.length) {
  console.log('Receivers rely on these events as they were. Declare a new version and send it beside the old one;')
  console.log('only if nobody ever received the old one: npm run docs -- --accept-incompatible')
  for (const line of refused) console.log(`  ${line}`)
}
process.exitCode = refused.length || (wish.check && outdated.length) ? 1 : 0

function read(file: string): string | undefined {
  const path = join(root, file)
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

function json(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`
}

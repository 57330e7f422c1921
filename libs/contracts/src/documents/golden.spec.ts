import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { events, goldenSchema, goldenText, incompatibilities, type JsonSchema } from '../index.js'

const folder = join(import.meta.dirname, '../../golden/events')
const kept = existsSync(folder) ? readdirSync(folder).map((file) => file.replace(/\.json$/, '')) : []

describe('the golden schema of an event', () => {
  it.each(events.map((event) => [event.type, event] as const))('%s is what receivers rely on', (type, event) => {
    if (!kept.includes(type)) throw new Error(`${type} has no golden schema yet: npm run docs writes it`)
    const text = readFileSync(join(folder, `${type}.json`), 'utf8')
    const broken = incompatibilities(JSON.parse(text) as JsonSchema, goldenSchema(event))
    if (broken.length)
      throw new Error([`${type} changed incompatibly; declare a new version and send it beside this one:`, ...broken].join('\n  '))
    if (text !== goldenText(event)) throw new Error(`${type} changed compatibly: npm run docs writes it down`)
  })

  it('outlives no event: receivers rely on what was once declared', () => {
    expect(kept.filter((type) => !events.some((event) => event.type === type))).toEqual([])
  })
})

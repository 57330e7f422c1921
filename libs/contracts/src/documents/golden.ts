import type { EventType } from '../event.js'
import { Schemas, type JsonSchema } from './json-schema.js'

/** The payload of an event as receivers rely on it. It is kept in `golden/events/<type>.json`, and may only change compatibly. */
export function goldenSchema({ type, doc, payload }: EventType): JsonSchema {
  const schemas = new Schemas('#/$defs/')
  const schema = schemas.of(payload)
  const { named } = schemas
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: type,
    description: doc,
    ...schema,
    ...(Object.keys(named).length && { $defs: named }),
  }
}

/** The text of a golden file. */
export function goldenText(event: EventType): string {
  return `${JSON.stringify(goldenSchema(event), null, 2)}\n`
}

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'

const root = resolve(import.meta.dirname, '../..')

/** What docker-compose.yml says, as far as it is checked. */
export interface Compose {
  readonly services: Record<string, ComposeService>
  readonly volumes: Record<string, unknown>
}

/** A container, or several of one kind. */
export interface ComposeService {
  readonly image: string
  readonly build?: string
  readonly pull_policy?: string
  readonly command?: readonly string[]
  readonly environment?: Record<string, string>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Record<string, { condition: string }>
  readonly healthcheck?: { test: readonly string[] }
  readonly restart?: string
}

/** docker-compose.yml as Compose reads it: anchors merged, variables filled in. Throws on a variable that is required and missing. */
export function readCompose(variables: Record<string, string | undefined>): Compose {
  const text = readFileSync(resolve(root, 'docker-compose.yml'), 'utf8')
  return filled(parse(text, { merge: true }), variables) as Compose
}

function filled(value: unknown, variables: Record<string, string | undefined>): unknown {
  if (typeof value === 'string') return fill(value, variables)
  if (Array.isArray(value)) return value.map((item) => filled(item, variables))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, variables)]))
}

/** `${A}`, `${A:-default}` and `${A:?why}`; what else Compose knows is refused, so that it is not used unchecked. */
function fill(text: string, variables: Record<string, string | undefined>): string {
  return text.replace(/\$(?:\{(\w+)(?:(:[-?])([^{}]*))?\})?/g, (whole, name?: string, sign?: string, rest?: string) => {
    if (!name) throw new Error(`cannot read "${whole}" in "${text}"`)
    const value = variables[name]
    if (value) return value
    if (sign === ':?') throw new Error(`${name} is missing: ${rest}`)
    return rest ?? ''
  })
}

import { describeProblem, operations, problems } from '@millrace/contracts'
import type { ServiceDefinition } from '@millrace/service'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asSuperuser, freshDatabase } from './servers.js'

/** The rules of the house that hold for every service, as tests: call it once in a spec of the service. `sources` is its src folder. */
export function houseRules(definition: ServiceDefinition, sources: string): void {
  describe(`the house rules of ${definition.name}`, () => {
    let database: Awaited<ReturnType<typeof freshDatabase>>
    beforeAll(async () => void (database = await freshDatabase(definition)))
    afterAll(() => database.drop())

    it('gives every table a tenant column and a forced policy', async () => {
      const { rows } = await asSuperuser(
        (client) =>
          client.query<{ name: string }>(`
            SELECT c.relname AS name FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migration'
              AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.attnotnull)
                AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))`),
        database.name,
      )
      expect(rows).toEqual([])
    })

    it('lets the application own nothing', async () => {
      const { rows } = await asSuperuser(
        (client) =>
          client.query(
            `SELECT relname FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = 'millrace_${definition.name}_app')`,
          ),
        database.name,
      )
      expect(rows).toEqual([])
    })

    it('has texts in both languages for every refusal', () => {
      const codes = new Set<string>()
      for (const file of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
        if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue
        const text = readFileSync(join(sources, file), 'utf8')
        for (const [, code] of text.matchAll(/(?:new Refusal|Refusal\.(?:invalid|forbidden))\(\s*'([a-z_.]+)'/g)) codes.add(code!)
      }
      const missing = [...codes].filter((code) => !problems.has(code) && !problems.has(code.slice(code.lastIndexOf('.') + 1)))
      expect(missing).toEqual([])
      for (const code of codes) expect(describeProblem(code, {}, 'zh-CN').title).toMatch(/[\u4e00-\u9fff]/)
    })

    it('tells of every lifecycle, so that audit trails can be held against it', () => {
      const declared = readdirSync(sources, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
        .flatMap((file) => [...readFileSync(join(sources, file), 'utf8').matchAll(/ = lifecycle\('([a-z_]+)'/g)].map(([, noun]) => noun!))
      expect((definition.lifecycles ?? []).map(({ noun }) => noun).sort()).toEqual(declared.sort())
    })

    it('names who may call each of its operations', () => {
      const unguarded = operations.filter(({ service, rule }) => service === definition.name && !rule)
      expect(unguarded).toEqual([])
    })
  })
}

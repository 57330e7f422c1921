/**
 * Checks that the platform kept its promises, reading only.
 *
 *   npm run verify                                  everything, on what npm start runs (MILLRACE_HOME) or on what the environment names
 *   npm run verify -- I3 I6                         some of it
 *   npm run verify -- --tenant Ridgeway             one company, by name or id
 *   npm run verify -- --acknowledged writes.jsonl   also against a client's own log of what it was promised (I1)
 *   npm run verify -- --json                        the verdicts as JSON
 *
 * Leaves with 0 when all hold, 1 when one is violated, 2 when one could not be checked. docs/operations/verify.md says more.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { home } from './parts/demo-access.ts'
import { installationOf } from './parts/installation.ts'
import { build, root } from './parts/platform.ts'
import { runTool } from './parts/tool.ts'
import { verify, type Verdict } from './verify/verify.ts'

await runTool(async (halt) => {
  try {
    process.exitCode = await main(halt)
  } catch (error) {
    halt.throwIfAborted()
    console.error((error as Error).message)
    process.exitCode = 2
  }
  process.exit()
})

async function main(halt: AbortSignal): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tenant: { type: 'string' },
      acknowledged: { type: 'string' },
      settle: { type: 'string', default: '60' },
      json: { type: 'boolean', default: false },
    },
  })
  const settleSeconds = Number(values.settle)
  if (!(settleSeconds >= 0)) throw new Error('--settle takes seconds, e.g. --settle 10')
  const installation = await installationOf(home)
  if (!existsSync(join(root, 'apps/insight/dist'))) await build(home, halt)
  const verdicts = await verify(installation, {
    ...(values.tenant !== undefined && { tenant: values.tenant }),
    ...(values.acknowledged !== undefined && { acknowledged: values.acknowledged }),
    ...(positionals.length && { only: positionals }),
    settleSeconds,
    halt,
    ...(!values.json && { report: console.log }),
  })
  if (values.json) console.log(JSON.stringify(verdicts, null, 2))
  else for (const line of verdicts.flatMap((verdict) => linesOf(verdict, installation.url))) console.log(line)
  if (verdicts.some(({ violations }) => violations.length)) return 1
  return verdicts.some(({ unchecked }) => unchecked) ? 2 : 0
}

function linesOf({ invariant, title, checked, violations, more, seconds, note, unchecked }: Verdict, url = ''): string[] {
  const found = violations.length + more
  const outcome = found ? `VIOLATED ${found} times` : unchecked ? 'CANNOT BE CHECKED' : checked ? 'holds' : 'not checked'
  return [
    `${invariant.padEnd(4)} ${outcome}: ${title} (${checked} checked, ${seconds.toFixed(1)} s)`,
    ...violations.map(({ tenantId, record, says, timeline }) =>
      ['    ', record ?? '', `: ${says}`, tenantId ? ` [${tenantId}]` : '', timeline ? ` ${url}${timeline}` : ''].join(''),
    ),
    ...(more ? [`     … and ${more} more`] : []),
    ...(unchecked ? [`     not checked: ${unchecked}`] : []),
    ...(note ? [`     note: ${note}`] : []),
  ]
}

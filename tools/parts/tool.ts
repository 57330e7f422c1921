import { execFileSync } from 'node:child_process'
import { availableParallelism, totalmem } from 'node:os'
import * as prettier from 'prettier'
import { root } from './platform.ts'

/** Runs a tool until it is done, fails or is told to stop (Ctrl-C, or the death of who started it); the process then leaves with 0, 1 or 130. */
export async function runTool(main: (halt: AbortSignal) => Promise<void>): Promise<never> {
  const halt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) process.on(signal, () => halt.abort(new Error('stopped')))
  process.on('disconnect', () => halt.abort(new Error('stopped')))
  if (process.connected === false) halt.abort(new Error('stopped'))
  // Whoever read the output may be gone before us; stopping goes on all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  try {
    await main(halt.signal)
    process.exit(0)
  } catch (error) {
    console.error(halt.signal.aborted ? 'stopped' : (error as Error).message)
    process.exit(halt.signal.aborted ? 130 : 1)
  }
}

/** Works with steps to undo, which are undone when the work ends, fails or is halted; the last first. */
export async function undoing<T>(halt: AbortSignal, work: (defer: (step: () => unknown) => void) => Promise<T>): Promise<T> {
  const undo: (() => unknown)[] = []
  const undoAll = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await Promise.resolve(step()).catch(() => {})
  }
  const halted = new Promise<never>((_, reject) => {
    if (halt.aborted) reject(halt.reason as Error)
    halt.addEventListener('abort', () => reject(halt.reason as Error))
  })
  halted.catch(() => {})
  const working = work((step) => void undo.push(step))
  try {
    return await Promise.race([working, halted])
  } finally {
    await undoAll()
    // Broken off, it goes on until it meets what has ended; what it started meanwhile is undone as well.
    await working.catch(() => {})
    await undoAll()
  }
}

/** The machine, as results name it. */
export function machine(): { cores: number; memoryGb: number; platform: string; node: string } {
  const platform = `${process.platform} ${process.arch}`
  return { cores: availableParallelism(), memoryGb: Math.round(totalmem() / 1e9), platform, node: process.versions.node }
}

/** The commit that is tried; `-changed` when files differ from it. */
export function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'apps', 'libs') ? '-changed' : '')
  } catch {
    return 'unknown'
  }
}

/** Text as prettier wants it in this file. */
export async function formatted(text: string, file: string): Promise<string> {
  return prettier.format(text, { ...(await prettier.resolveConfig(file)), filepath: file })
}

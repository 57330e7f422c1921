import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { root } from './platform.ts'
import { isTaken } from './processes.ts'

const left = ['node_modules', 'dist', '.git', '.nx', '.millrace', 'coverage', 'data']

/** A copy of the repository in the temporary folder, to try things in: its sources are its own, its packages those of the original. */
export function copyOfRepository(): { readonly folder: string; remove(): void } {
  removeForgotten()
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `millrace-copy-${process.pid}-`)))
  cpSync(root, folder, { recursive: true, filter: (path) => path === root || !left.includes(basename(path)) })
  const [ours, theirs] = [join(folder, 'node_modules'), join(root, 'node_modules')]
  mkdirSync(join(ours, '@millrace'), { recursive: true })
  for (const name of readdirSync(theirs))
    if ((!name.startsWith('.') || name === '.bin') && name !== '@millrace') link(join(theirs, name), join(ours, name))
  for (const part of ['apps', 'libs'])
    for (const name of readdirSync(join(folder, part))) link(join(folder, part, name), join(ours, '@millrace', name))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** What a run that was killed left. */
function removeForgotten(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^millrace-copy-(\d+)-/.exec(name)?.[1]
    if (pid && !isTaken(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

function link(to: string, at: string): void {
  symlinkSync(to, at, 'junction')
}

/** Adds to files that people write, where they would have added it. Formatting is prettier's. */

/** Adds an item at the end of the one list that follows `label`, a regular expression. */
export function insertInList(text: string, file: string, label: string, item: string): string {
  const lists = [...text.matchAll(new RegExp(`\\b${label}\\s*\\[([^\\]]*)\\]`, 'gd'))]
  const [start, end] = lists[0]?.indices?.[1] ?? []
  if (lists.length !== 1 || start === undefined || end === undefined) throw strange(file, `one list after "${label}"`)
  const items = text.slice(start, end).trimEnd()
  const code = items.replace(/\/\/.*$/gm, '').trimEnd()
  const comma = code === '' || code.endsWith(',') ? '' : ','
  return `${text.slice(0, start)}${items}${comma}\n${item}\n${text.slice(end)}`
}

/** Adds imports of own files, sorted by path among the others. */
export function insertImports(text: string, imports: readonly { readonly name: string; readonly from: string }[]): string {
  return imports.reduce(
    (done, { name, from }) => insertSorted(done, /^import (?:[^']*? from )?'([^']+)'.*\n/gm, from, `import { ${name} } from '${from}'\n`),
    text,
  )
}

/** Adds export lines of contracts, sorted by path among those of the other nouns. */
export function insertExports(text: string, paths: readonly string[]): string {
  return paths.reduce(
    (done, path) => insertSorted(done, /^export \* from '(\.\/[^']+\.(?:events|operations)\.js)'\n/gm, path, `export * from '${path}'\n`),
    text,
  )
}

function insertSorted(text: string, pattern: RegExp, path: string, line: string): string {
  const found = [...text.matchAll(pattern)]
  const next = found.find(([, other]) => other!.startsWith('.') && other! > path)
  const last = found.at(-1)
  const at = next?.index ?? (last ? last.index + last[0].length : 0)
  return text.slice(0, at) + line + text.slice(at)
}

/** Adds a migration at the end, under the next number. */
export function insertMigration(text: string, file: string, name: string, sql: string): string {
  const end = text.lastIndexOf('\n]')
  if (end < 0 || !/^export const \w+Migrations\b.* = \[$/m.test(text)) throw strange(file, 'a list of migrations')
  const number = String(lastMigration(text) + 1).padStart(4, '0')
  return `${text.slice(0, end)}\nmigration('${number}-${name}', \`\n${sql}\`),${text.slice(end)}`
}

/** The number of the last migration; they begin with 100. */
export function lastMigration(text: string): number {
  return Math.max(99, ...[...text.matchAll(/^\s*(?:migration\()?'(\d{4})-/gm)].map(([, number]) => Number(number)))
}

function strange(file: string, wanted: string): Error {
  return new Error(`${file} has not ${wanted}, so nothing can be added to it; nothing was changed.`)
}

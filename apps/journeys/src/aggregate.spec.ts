import { execFile } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { copyOfRepository } from '../../../tools/parts/copy.ts'

// What `npm run aggregate` makes is where every new noun begins, so it has to be green as it comes. Tried in a copy of the repository.

const run = promisify(execFile)
const { folder: copy, remove } = copyOfRepository()

/** The environment without what says where this run keeps its results, and what nx says of itself. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NX_|MILLRACE_|npm_)/.test(name)))

/** Runs a program of the copy; answers its exit code and what it said. */
async function node(args: string[], folder = copy): Promise<{ code: number; said: string }> {
  const options = { cwd: folder, env: { ...environment, NX_DAEMON: 'false', NX_TUI: 'false' }, maxBuffer: 2 ** 26 }
  return run(process.execPath, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, said: stdout + stderr }),
  )
}

/** Runs a program that has to end well, and answers what it said. */
async function green(args: string[], folder = copy): Promise<string> {
  const { code, said } = await node(args, folder)
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${said}`)
  return said
}
const module = (path: string) => join(copy, 'node_modules', path)
const tool = join(copy, 'tools/aggregate.ts')

/** Every file of the copy that is not built, with its text. */
function everything(): Map<string, string> {
  const folders = ['apps', 'libs', 'docs'].map((folder) => join(copy, folder))
  return new Map(
    folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/[\\/]dist([\\/]|$)/.test(entry.parentPath))
        .map(({ parentPath, name }) => [relative(copy, join(parentPath, name)), readFileSync(join(parentPath, name), 'utf8')] as const),
    ),
  )
}

afterAll(remove)

describe('a new noun', () => {
  it('is not made of what is no noun, or is one already, and nothing changes', async () => {
    const before = everything()
    const refused = async (...args: string[]) => (await node([tool, ...args])).said
    expect(await refused('gateway', 'visit-plan')).toMatch(/^There is no service "gateway"/)
    expect(await refused('opportunity', 'Visit Plan')).toMatch(/^"Visit Plan" is not how a noun is written/)
    expect(await refused('lead', 'opportunity')).toMatch(/^opportunity is a noun already, of the opportunity service/)
    expect(await refused('opportunity', 'grant')).toMatch(/^grant is a word of SQL/)
    expect(await refused('opportunity', 'company')).toMatch(/^Company means something/)
    expect(await refused('opportunity', 'known-account')).toMatch(/has a table known_account already/)
    expect(await refused('opportunity')).toMatch(/^npm run aggregate -- <service> <noun>/)
    expect(everything()).toEqual(before)
  })

  it('leaves nothing behind when it fails half way', async () => {
    const broken = join(copy, 'libs/contracts/src/lead.events.ts')
    const whole = readFileSync(broken, 'utf8')
    appendFileSync(broken, 'const broken: =')
    const before = everything()
    const { code, said } = await node([tool, 'opportunity', 'visit-plan'])
    expect(code).toBe(1)
    expect(said).toMatch(/lead\.events\.ts[^]*all is as it was before/)
    expect(everything()).toEqual(before)
    writeFileSync(broken, whole)
  })

  describe('that was asked for', () => {
    beforeAll(async () => {
      await green([tool, 'opportunity', 'visit-plan'])
    })

    it('compiles', async () => {
      // The other projects know nothing of the noun, and reading their types takes long, here and in lint.
      const config = { extends: './tsconfig.base.json', include: ['apps/opportunity/src', 'libs/contracts/src', 'libs/*/src/**/*.d.ts'] }
      writeFileSync(join(copy, 'tsconfig.json'), JSON.stringify(config))
      expect(await green([module('typescript/bin/tsc'), '--project', join(copy, 'tsconfig.json')])).toBe('')
    })

    it('is formatted and keeps the rules of lint', async () => {
      await green([
        module('prettier/bin/prettier.cjs'),
        '--check',
        'apps/opportunity/src',
        'libs/contracts/src/{index,services,visit-plan.*}.ts',
      ])
      // Writes the project graph, without which the rule of boundaries says nothing.
      await green([module('nx/dist/bin/nx.js'), 'show', 'projects'])
      expect(await green([module('eslint/bin/eslint.js'), 'apps/opportunity/src/visit-plan', 'libs/contracts/src'])).toBe('')
    })

    it('passes its tests, on a real database', async () => {
      const jest = ['--experimental-vm-modules', module('jest/bin/jest.js'), '--config', '../../jest.preset.mjs', '--rootDir', '.']
      expect(stripVTControlCharacters(await green([...jest, 'visit-plan'], join(copy, 'apps/opportunity')))).toMatch(
        /Tests: +17 passed, 17 total/,
      )
    })

    it('is in the documents, and its events have golden schemas', async () => {
      expect(await green([join(copy, 'tools/docs.ts'), '--check'])).toBe('')
      expect(readFileSync(join(copy, 'docs/generated/events.md'), 'utf8')).toContain('visit_plan.activated')
      expect(readdirSync(join(copy, 'libs/contracts/golden/events')).filter((file) => file.includes('visit_plan'))).toHaveLength(4)
    })

    it('is not made twice', async () => {
      const before = everything()
      expect((await node([tool, 'lead', 'visit-plan'])).said).toBe('visit-plan is a noun already, of the opportunity service.\n')
      expect(everything()).toEqual(before)
    })
  })
})

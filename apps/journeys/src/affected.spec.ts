import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { copyOfRepository } from '../../../tools/parts/copy.ts'

// What `nx affected -t test` runs after a change. In a copy: nx keeps notes in the folder that it works in.

const run = promisify(execFile)
const { folder: copy, remove } = copyOfRepository()
afterAll(remove)

const services = ['account', 'billing', 'cpq', 'gateway', 'identity', 'insight', 'lead', 'opportunity']
const all = [...services, 'contracts', 'domain', 'journeys', 'service', 'testing']

it.each([
  ['libs/domain/src/money.ts', all],
  ['apps/lead/src/lead/lead.ts', ['journeys', 'lead']],
  ['tools/demo.ts', ['journeys']],
  ['docs/tour.md', []],
  ['jest.preset.mjs', all],
])('a change of %s runs the tests of what depends on it, and no others', async (file, expected) => {
  const nx = join(copy, 'node_modules/nx/dist/bin/nx.js')
  const { stdout } = await run(process.execPath, [nx, 'show', 'projects', '--affected', `--files=${file}`, '--withTarget=test', '--json'], {
    cwd: copy,
    env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false' },
  })
  const names = (JSON.parse(stdout) as string[]).map((name) => name.replace('@millrace/', ''))
  expect(names.toSorted()).toEqual(expected.toSorted())
})

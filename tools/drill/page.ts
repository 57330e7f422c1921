import type { Verdict } from '../verify/verify.ts'
import type { BusKind, Drill, Outcome } from './drill.ts'

/** What one drill on one bus came to, when and where. */
export interface Drilled extends Outcome {
  readonly id: string
  readonly bus: BusKind
  readonly date: string
  readonly commit: string
  readonly machine: { readonly cores: number; readonly memoryGb: number; readonly platform: string; readonly node: string }
  readonly seed: number
  readonly short: boolean
  readonly seconds: number
  readonly acknowledged: number
  readonly verdicts: readonly Verdict[]
}

/** One file of bench/drills. */
export interface Results {
  readonly drills: readonly Drilled[]
}

/** Whether all that the drill demands and all invariants held. */
export function passed({ broken, verdicts }: Pick<Drilled, 'broken' | 'verdicts'>): boolean {
  return !broken.length && verdicts.every(holds)
}

function holds({ violations, unchecked }: Verdict): boolean {
  return !violations.length && !unchecked
}

/** docs/operations/drills.md: what each drill does, and its newest result on each bus. */
export function drillsPage(drills: readonly Drill[], results: readonly Drilled[]): string {
  const newest = (drill: Drill, bus: BusKind) =>
    results.filter(({ id, bus: on }) => id === drill.id && on === bus).sort((a, b) => (a.date < b.date ? 1 : -1))[0]
  const shown = drills.flatMap((drill) => drill.buses.flatMap((bus) => newest(drill, bus) ?? []))
  const heading = ['Drill', 'Bus', 'What was done', 'Acknowledged writes', 'Invariants', 'At rest after', 'Verdict']
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const table = [
    row(heading),
    row(heading.map(() => '---')),
    ...shown.map((drilled) =>
      row([
        drilled.id,
        named(drilled.bus),
        drilled.done.join('; '),
        String(drilled.acknowledged),
        invariants(drilled),
        drilled.recoverySeconds === undefined ? '–' : `${drilled.recoverySeconds.toFixed(1)} s`,
        passed(drilled) ? 'passed' : '**failed**',
      ]),
    ),
  ]
  return [
    '<!-- Written by `npm run drill`. Change tools/drill, not this page. -->',
    '# Drills',
    'Faults under load, and whether every promise holds all the same. `npm run drill` starts a platform of its own for each drill, with two companies in it ' +
      'and journeys walking from lead to settled receipt; the client notes each write that was acknowledged. Then the drill does its damage, the load ' +
      'ends, and `npm run verify` has to find every invariant in order.',
    [
      '```sh',
      'npm run drill                      # all of them, on the embedded bus and on Kafka',
      'npm run drill -- D1 D5 --bus kafka # some, on one bus',
      'npm run drill -- D2 --seed 7       # with the choices of a former run',
      'npm run drill -- --repeat <folder> # as the history in .millrace/drills/<folder> says',
      '```',
    ].join('\n'),
    'The history of each drill is kept in `.millrace/drills/`: what was done when (`history.jsonl`), the acknowledged writes (`acknowledged.jsonl`), the ' +
      'outcome and the logs of the services. A drill of the same seed makes the same choices; what the machine does between two of them differs from run to run.',
    '## The last results',
    shown.length ? table.join('\n') : 'None yet.',
    '“At rest after”: from the end of the last fault until the journeys under way were finished and no event was left in an outbox or on the bus.',
    '## What each drill does',
    ...drills.flatMap((drill) => [
      `### ${drill.id} · ${drill.title}`,
      drill.does,
      ...drill.buses.flatMap((bus) => {
        const found = newest(drill, bus)
        return found ? section(found) : []
      }),
    ]),
  ].join('\n\n')
}

function section(drilled: Drilled): string[] {
  const { bus, date, commit, machine, seed, seconds, saw, broken, table } = drilled
  const [heading = [], ...rows] = table ?? []
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    `**On ${named(bus)}** (${date.slice(0, 10)}, commit ${commit}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform}, Node ${machine.node}; seed ${seed}; ${seconds} s):`,
    saw.map((line) => `- ${line}`).join('\n'),
    ...(table ? [[row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n')] : []),
    ...(passed(drilled) ? [] : [`**What did not hold**: ${[...broken, ...wrong(drilled)].join('; ')}`]),
  ]
}

function invariants({ verdicts }: Drilled): string {
  const held = verdicts.filter(holds).map(({ invariant }) => invariant)
  const others = verdicts.filter(({ invariant }) => !held.includes(invariant)).map(({ invariant }) => `**${invariant}**`)
  return [...(held.length ? [`${held.join(' ')} hold`] : []), ...(others.length ? [`${others.join(' ')} broken`] : [])].join(', ')
}

function wrong({ verdicts }: Drilled): string[] {
  return verdicts.flatMap(({ invariant, violations, more, unchecked }) => [
    ...(violations[0] ? [`${invariant}: ${violations[0].says} (${violations.length + more} in all)`] : []),
    ...(unchecked ? [`${invariant} could not be checked: ${unchecked}`] : []),
  ])
}

function named(bus: BusKind): string {
  return bus === 'kafka' ? 'Kafka' : 'the embedded bus'
}

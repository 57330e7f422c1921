import { heading, rowsOf, summed, type Benchmark, type Outcome } from './measure.ts'
import { notes } from './notes.ts'

/** What one benchmark came to, when and where. */
export interface Measured extends Outcome {
  readonly id: string
  readonly date: string
  readonly machine: {
    readonly cores: number
    readonly memoryGb: number
    readonly platform: string
    readonly node: string
    /** Load average when it began. */
    readonly load: number
  }
  readonly rounds: number
  readonly seconds: number
  readonly durable: boolean
}

/** One file of bench/results. */
export interface Result {
  readonly commit: string
  readonly benchmarks: readonly Measured[]
}

/** docs/performance.md: each benchmark with its newest result. */
export function performancePage(benchmarks: readonly Benchmark[], results: readonly Result[]): string {
  const newest = benchmarks.flatMap((benchmark) => {
    const all = results.flatMap(({ commit, benchmarks }) => benchmarks.map((measured) => ({ benchmark, commit, measured })))
    const own = all.filter(({ measured }) => measured.id === benchmark.id).sort((a, b) => (a.measured.date < b.measured.date ? 1 : -1))
    return own.slice(0, 1)
  })
  return [
    '<!-- Written by `npm run bench`. Change tools/bench, not this page. -->',
    '# How fast it is',
    'Written by `npm run bench`. Times on two machines say little about each other, so each figure stands beside a **yardstick** that was measured in the ' +
      'same run, in turn (ours, yardstick, ours, yardstick …). Ours, yardstick and ratio are medians over the rounds, the ratio is taken within each ' +
      'round; “worst” is the worst round. The verdict is about the medians.',
    '**Durability**: Postgres flushes every commit to disk (`fsync`, `synchronous_commit` and `full_page_writes` on, its defaults), on both sides: so it runs ' +
      'in production, and who is answered 201 shall find the lead after a power cut. `npm run bench -- --no-flush` leaves the disk out, to see what is work and what is waiting.',
    '| Command | What it does |\n| --- | --- |\n' +
      [
        [
          'npm run bench',
          `all of ${benchmarks
            .filter(({ alone }) => !alone)
            .map(({ id }) => id)
            .join(', ')}; keeps the result in \`bench/results\` and writes this page (about 25 minutes)`,
        ],
        ['npm run bench -- B1 B5', 'some of it'],
        ['npm run bench -- growth', 'how cost grows with what is stored (about a quarter of an hour, 30 GB of disk while it runs)'],
        [
          'npm run bench -- B9 search',
          'a page deep in a list of 10 million leads, and search among a million records (half an hour, 25 GB of disk)',
        ],
        [
          'npm run bench -- overview claims handover',
          'a customer’s page among a million accounts, a race for the leads of a pool, and a book of 100,000 records that changes hands (a quarter of an hour, 11 GB of disk)',
        ],
        ['npm run bench -- B1 --rounds 2 --seconds 3', 'shorter; this page stays as it is. `--no-kafka` leaves Kafka out'],
        [
          'npm run bench -- --smoke',
          'B1, B3 and B5 in less than three minutes; fails when a guarded ratio is under 70 % of its last full result. A command of its own, not part of CI: it has not been seen stable in ten runs',
        ],
        ['npm run bench -- --page', 'measures nothing; writes this page anew from `bench/results`'],
      ]
        .map(([command, what]) => `| \`${command}\` | ${what} |`)
        .join('\n'),
    '## In short',
    table(
      ['', 'figure', 'ours', 'yardstick', 'ratio', 'target', 'stretch', 'verdict', 'measured'],
      newest.flatMap(({ commit, measured: { id, figures, date } }) => {
        const rows = rowsOf(
          id,
          figures.filter((figure) => summed(figure).met !== undefined && id !== 'B12'),
        )
        return rows.map(([name, figure, ours, , yardstick, ratio, , target, stretch, verdict]) => [
          name!,
          figure!,
          ours!,
          yardstick!,
          ratio!,
          target!,
          stretch!,
          verdict!,
          `${date.slice(0, 10)}, ${commit}`,
        ])
      }),
    ),
    ...newest.map(({ benchmark, commit, measured }) => section(benchmark, commit, measured)),
  ].join('\n\n')
}

function section(benchmark: Benchmark, commit: string, { date, machine, rounds, seconds, durable, figures, remarks }: Measured): string {
  const { cores, memoryGb, platform, node, load } = machine
  const { profile = [], tried = [], missed } = notes[benchmark.id] ?? {}
  const used = heading.map((_, column) => column).filter((column) => column > 0 && rowsOf('', figures).some((row) => row[column] !== ''))
  const pick = (cells: readonly string[]) => used.map((column) => cells[column]!)
  return [
    `## ${benchmark.id} · ${benchmark.title}`,
    benchmark.meaning,
    `**How**: ${benchmark.how}`,
    `**Yardstick**: ${benchmark.yardstick}`,
    table(pick(heading), rowsOf(benchmark.id, figures).map(pick)),
    `${date.slice(0, 10)}, commit ${commit}; ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node}; ${rounds} rounds of ${seconds} s` +
      `${durable ? '' : '; Postgres without flushing to disk'}; ` +
      `load of the machine before: ${load.toFixed(1)}${load > cores / 2 ? ' (others were at work: take the figures with care)' : ''}.`,
    ...remarks,
    ...(missed && figures.some((figure) => summed(figure).met === 'missed') ? [`**Where the target is missed**: ${missed}`] : []),
    ...(profile.length ? [`**Where the time goes**: ${profile.join('\n\n')}`] : []),
    ...(tried.length
      ? [
          table(
            ['Tried', 'What it brought', 'What was done'],
            tried.map(({ what, gain, done }) => [what, gain, done]),
          ),
        ]
      : []),
  ].join('\n\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

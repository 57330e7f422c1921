import { heading, rowsOf, summed, type Benchmark, type Outcome } from './measure.ts'

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
}

/** One file of bench/results. */
export interface Result {
  readonly commit: string
  readonly benchmarks: readonly Measured[]
}

const gained = `## What memory and start were made of

Tried on \`lead\` (the API documents: \`gateway\`), idle for 20 s, Node 24, two cores that had other work; memory does not mind that:

| Tried | RSS idle (lead) | What was done |
| --- | --- | --- |
| as Node comes | 161 MB | V8 lets the young generation grow to 48 MB while the code is loaded and never takes it back |
| \`--max-semi-space-size=4\` | 133 MB | |
| \`--max-semi-space-size=2\` | 129 MB | **taken**: in \`npm start\` (\`nodeFlags\`) and in the image (\`NODE_OPTIONS\`); no more processor time to start |
| \`--max-semi-space-size=1\` | 128 MB | nothing more |
| \`--optimize-for-size\` | 124 MB | left: a fifth more processor time to start |
| \`--lite-mode\` | 12 MB less than the last (imports alone) | left: no optimising compiler |
| \`NODE_COMPILE_CACHE\` | 11 MB more | left: saves a tenth of the processor time of a start, costs memory for as long as the service runs |
| \`MALLOC_ARENA_MAX=1\` | 2 MB less | left: Linux with glibc only |
| a full collection after the start | nothing; as a last resort 8 MB less | left: needs \`--expose-gc\` and a private option |
| the gateway’s API documents made on the first request | 148 → 139 MB | **taken**: saves 0.3 s of processor time at the start, too |
| no migration process when neither sources nor data changed | | **taken** in \`npm start\`: asking takes as long as starting the service |

What is left is code: TypeORM loads all its 18 drivers (6 MB live), zod and the declarations of all services take 11 MB, Nest with Fastify 13 MB. The
OpenTelemetry SDK is loaded only when it is switched on.
`

/** docs/performance.md: each benchmark with its newest result. */
export function performancePage(benchmarks: readonly Benchmark[], results: readonly Result[]): string {
  const sections = benchmarks.flatMap((benchmark) => {
    const all = results.flatMap(({ commit, benchmarks }) => benchmarks.map((measured) => ({ commit, measured })))
    const own = all.filter(({ measured }) => measured.id === benchmark.id).sort((a, b) => (a.measured.date < b.measured.date ? 1 : -1))
    return own[0] ? [section(benchmark, own[0].commit, own[0].measured)] : []
  })
  return [
    '<!-- Written by `npm run bench`. Change tools/bench, not this page. -->',
    '# How fast it is',
    'Written by `npm run bench`; `npm run bench -- B1 B3` runs some of it, `--rounds` and `--seconds` make it shorter (then this page stays as it is). ' +
      'Times on two machines say little about each other, so each figure stands beside a **yardstick** that was measured in the same run, in turn ' +
      '(ours, yardstick, ours, yardstick …). Ours, yardstick and ratio are medians over the rounds, the ratio is taken within each round; “worst” is the ' +
      'worst round. The verdict is about the medians. Postgres runs without flushing to disk here, on both sides: what is compared is work, not the disk; ' +
      'with a slow disk the yardstick loses more than we do. Every run is kept in `bench/results`.',
    ...sections,
    gained,
  ].join('\n\n')
}

function section(benchmark: Benchmark, commit: string, { date, machine, rounds, seconds, figures, remarks }: Measured): string {
  const { cores, memoryGb, platform, node, load } = machine
  const used = heading.map((_, column) => column).filter((column) => column > 0)
  const rows = rowsOf(benchmark.id, figures)
  const row = (cells: readonly string[]) => `| ${used.map((column) => cells[column]).join(' | ')} |`
  const missed = figures.some((figure) => summed(figure).met === false)
  return [
    `## ${benchmark.id} · ${benchmark.title}`,
    benchmark.meaning,
    `**How**: ${benchmark.how}`,
    `**Yardstick**: ${benchmark.yardstick}`,
    [row(heading), row(heading.map(() => '---')), ...rows.map(row)].join('\n'),
    `${date.slice(0, 10)}, commit ${commit}; ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node}; ${rounds} rounds of ${seconds} s; ` +
      `load of the machine before: ${load.toFixed(1)}${load > cores / 2 ? ' (others were at work: take the figures with care)' : ''}.`,
    ...remarks,
    ...(missed ? [`**Where the target is missed**: ${benchmark.known}`] : []),
  ].join('\n\n')
}

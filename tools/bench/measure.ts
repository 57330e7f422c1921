/** What a benchmark may use while it runs. */
export interface Run {
  readonly rounds: number
  /** Length of one measurement where the benchmark does not say otherwise. */
  readonly seconds: number
  /** Folder for its data. */
  readonly home: string
  readonly halt: AbortSignal
  /** Whether to measure on Kafka as well, where there is one. */
  readonly kafka: boolean
  /** Whether Postgres flushes each commit to disk, as a real one does. */
  readonly durable: boolean
  /** Leads in the company, ascending, at which growth is measured. */
  readonly leads: readonly number[]
  report(line: string): void
  /** Runs when the benchmark ends, also when it is broken off; last first. */
  defer(undo: () => unknown): void
}

/** One figure, measured once per round on both sides. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly better: 'more' | 'less'
  readonly rounds: readonly { readonly ours: number; readonly yardstick: number | null }[]
  /** What ours divided by the yardstick shall reach. */
  readonly ratio?: number | undefined
  /** What the ratio is hoped to reach beyond that; ours by itself where the ratio has no target. */
  readonly stretch?: number | undefined
  /** What ours shall reach by itself. */
  readonly absolute?: number | undefined
  /** `--smoke` fails when the ratio gets much worse. */
  readonly guarded?: boolean | undefined
}

export interface Outcome {
  readonly figures: readonly Figure[]
  /** What a reader has to know about this very run. */
  readonly remarks: readonly string[]
}

export interface Benchmark {
  readonly id: string
  readonly title: string
  /** What the figure means to somebody who runs the platform. */
  readonly meaning: string
  readonly how: string
  readonly yardstick: string
  /** Runs only when it is asked for by name. */
  readonly alone?: boolean
  run(run: Run): Promise<Outcome>
}

/** A figure summed up over its rounds. */
export interface Summary {
  readonly ours: number
  readonly worstOurs: number
  readonly yardstick: number | null
  readonly ratio: number | null
  readonly worstRatio: number | null
  readonly target: string
  readonly stretch: string
  /** undefined: there is no target. */
  readonly met: 'stretch' | 'target' | 'missed' | undefined
}

/** Measures ours and the yardstick in turn, A-B-A-B, so that what else the machine does meets both. */
export async function inTurn<T>(
  run: Run,
  sides: { ours: () => Promise<T>; yardstick: () => Promise<T> },
): Promise<{ ours: T; yardstick: T }[]> {
  const rounds: { ours: T; yardstick: T }[] = []
  for (let round = 1; round <= run.rounds; round += 1) {
    run.halt.throwIfAborted()
    run.report(`  round ${round} of ${run.rounds}`)
    const ours = await sides.ours()
    run.halt.throwIfAborted()
    rounds.push({ ours, yardstick: await sides.yardstick() })
  }
  return rounds
}

/** Median over the rounds, of ours, of the yardstick and of the ratio within each round. The verdict is about the medians. */
export function summed({ better, rounds, ratio: ratioTarget, stretch, absolute }: Figure): Summary {
  const ours = rounds.map((round) => round.ours)
  const ratios = rounds.flatMap(({ ours, yardstick }) => (yardstick ? [ours / yardstick] : []))
  const worst = (values: number[]) => (better === 'more' ? Math.min(...values) : Math.max(...values))
  const reached = (value: number | null, target: number | undefined) =>
    target === undefined || (value !== null && (better === 'more' ? value >= target : value <= target))
  const sign = better === 'more' ? '≥' : '≤'
  const yardsticks = rounds.flatMap(({ yardstick }) => yardstick ?? [])
  const [middle, ratio] = [median(ours), ratios.length ? median(ratios) : null]
  const met = reached(ratio, ratioTarget) && reached(middle, absolute)
  return {
    ours: middle,
    worstOurs: worst(ours),
    yardstick: yardsticks.length ? median(yardsticks) : null,
    ratio,
    worstRatio: ratios.length ? worst(ratios) : null,
    target: [ratioTarget === undefined ? [] : `ratio ${sign} ${ratioTarget}`, absolute === undefined ? [] : `${sign} ${number(absolute)}`]
      .flat()
      .join(', '),
    stretch: stretch === undefined ? '' : `${ratioTarget === undefined ? '' : 'ratio '}${sign} ${stretch}`,
    met:
      ratioTarget === undefined && absolute === undefined
        ? undefined
        : !met
          ? 'missed'
          : stretch !== undefined && reached(ratioTarget === undefined ? middle : ratio, stretch)
            ? 'stretch'
            : 'target',
  }
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** The value that this share of the values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

/** Three digits that count. */
export function number(value: number | null): string {
  if (value === null) return ''
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 || value === 0 ? 2 : 3)
}

const verdicts = { stretch: 'stretch met', target: 'met', missed: 'MISSED' }

/** Rows of a table for figures: what, ours and its worst, the yardstick, the ratio and its worst, target, stretch, verdict. */
export function rowsOf(id: string, figures: readonly Figure[]): string[][] {
  return figures.map((figure) => {
    const { ours, worstOurs, yardstick, ratio, worstRatio, target, stretch, met } = summed(figure)
    const named = `${figure.name}, ${figure.unit}`
    const measured = [ours, worstOurs, yardstick, ratio, worstRatio].map(number)
    return [id, named, ...measured, target, stretch, met ? verdicts[met] : '']
  })
}

export const heading = ['', 'figure', 'ours', 'worst', 'yardstick', 'ratio', 'worst', 'target', 'stretch', 'verdict']

/** The rows below each other on a screen. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => (isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function isNumber(column: number): boolean {
  return column >= 2 && column <= 6
}

/** A model that gives each row of numbers a chance: 1 / (1 + e^-(intercept + Σ coefficient × number)). */
export interface Fitted {
  readonly intercept: number
  readonly coefficients: readonly number[]
}

const mostRounds = 25
const rowsAtOnce = 500

/**
 * Fits the coefficients by Newton's method, each held towards zero by `ridge`, so that columns which say the same share what they say. `rest` is
 * awaited now and then: it lets others work.
 */
export async function fit(
  rows: readonly (readonly number[])[],
  labels: readonly boolean[],
  { ridge, rest }: { ridge: number; rest: () => Promise<void> },
): Promise<Fitted> {
  const width = (rows[0]?.length ?? 0) + 1
  let weights = new Array<number>(width).fill(0)
  for (let round = 0; round < mostRounds; round += 1) {
    const slope = new Array<number>(width).fill(0)
    const curve = Array.from({ length: width }, () => new Float64Array(width))
    for (let n = 0; n < rows.length; n += 1) {
      if (n % rowsAtOnce === 0) await rest()
      const row = [1, ...rows[n]!]
      const known = row.flatMap((value, i) => (value ? [i] : []))
      const chance = chanceOf(row, weights)
      const error = (labels[n] ? 1 : 0) - chance
      const spread = chance * (1 - chance)
      for (const i of known) {
        slope[i]! += error * row[i]!
        for (const j of known) if (j <= i) curve[i]![j]! += spread * row[i]! * row[j]!
      }
    }
    for (let i = 0; i < width; i += 1) {
      if (i) slope[i]! -= ridge * weights[i]!
      curve[i]![i]! += i ? ridge : 1e-9
    }
    const step = solve(curve, slope)
    weights = weights.map((weight, i) => weight + step[i]!)
    if (Math.max(...step.map(Math.abs)) < 1e-8) break
  }
  const [intercept = 0, ...coefficients] = weights
  return { intercept, coefficients }
}

export function chance({ intercept, coefficients }: Fitted, row: readonly number[]): number {
  return chanceOf([1, ...row], [intercept, ...coefficients])
}

function chanceOf(row: readonly number[], weights: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < row.length; i += 1) sum += row[i]! * weights[i]!
  return 1 / (1 + Math.exp(-sum))
}

/** Solves curve × step = slope for a symmetric positive matrix of which the lower half is given (Cholesky). */
function solve(curve: readonly Float64Array[], slope: readonly number[]): number[] {
  const n = slope.length
  for (let i = 0; i < n; i += 1)
    for (let j = 0; j <= i; j += 1) {
      let sum = curve[i]![j]!
      for (let k = 0; k < j; k += 1) sum -= curve[i]![k]! * curve[j]![k]!
      curve[i]![j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / curve[j]![j]!
    }
  const step = [...slope]
  for (let i = 0; i < n; i += 1) {
    for (let k = 0; k < i; k += 1) step[i]! -= curve[i]![k]! * step[k]!
    step[i]! /= curve[i]![i]!
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < n; k += 1) step[i]! -= curve[k]![i]! * step[k]!
    step[i]! /= curve[i]![i]!
  }
  return step
}

/** The chance that of a success and a failure the success is ranked higher: 0.5 is a guess, 1 is never wrong. Null without one of each. */
export function areaUnderCurve(chances: readonly number[], labels: readonly boolean[]): number | null {
  const order = chances.map((value, n) => ({ value, label: labels[n]! })).sort((a, b) => a.value - b.value)
  const successes = order.filter(({ label }) => label).length
  const failures = order.length - successes
  if (!successes || !failures) return null
  let ranks = 0
  for (let from = 0; from < order.length;) {
    let to = from
    while (to < order.length && order[to]!.value === order[from]!.value) to += 1
    const middle = (from + to + 1) / 2 // those that are equal share their ranks
    for (; from < to; from += 1) if (order[from]!.label) ranks += middle
  }
  return (ranks - (successes * (successes + 1)) / 2) / (successes * failures)
}

/** What was foretold against what came, in tenths of the foretold chance. */
export interface Calibration {
  readonly from: number
  readonly rows: number
  readonly foretold: number
  readonly came: number
}

export function calibration(chances: readonly number[], labels: readonly boolean[]): Calibration[] {
  return Array.from({ length: 10 }, (_, tenth) => {
    const own = chances.flatMap((value, n) => (Math.min(9, Math.floor(value * 10)) === tenth ? [n] : []))
    const mean = (of: (n: number) => number) => (own.length ? own.reduce((sum, n) => sum + of(n), 0) / own.length : 0)
    return { from: tenth / 10, rows: own.length, foretold: mean((n) => chances[n]!), came: mean((n) => (labels[n] ? 1 : 0)) }
  }).filter(({ rows }) => rows)
}

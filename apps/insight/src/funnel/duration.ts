import { Ratio } from '@millrace/domain'

const secondsPerDay = 86_400n

/** A length of time in ISO 8601, to the second (half up), a day being 24 hours: `P33D`, `PT8H`, `P1DT30M`. */
export function isoDuration(seconds: Ratio): string {
  const whole = seconds.round('half-up')
  if (whole === 0n) return 'PT0S'
  const length = whole < 0n ? -whole : whole
  const [days, hours, minutes, rest] = [length / secondsPerDay, (length / 3600n) % 24n, (length / 60n) % 60n, length % 60n]
  const time = `${part(hours, 'H')}${part(minutes, 'M')}${part(rest, 'S')}`
  return `${whole < 0n ? '-' : ''}P${part(days, 'D')}${time && `T${time}`}`
}

/** Whole days of 24 hours, half up. */
export function wholeDays(seconds: Ratio): number {
  return Number(seconds.dividedBy(Ratio.of(secondsPerDay)).round('half-up'))
}

function part(value: bigint, unit: string): string {
  return value ? `${value}${unit}` : ''
}

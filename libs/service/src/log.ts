import pino from 'pino'

export type Logger = pino.Logger

/** JSON lines on standard output with service and trace id; never a payload, a header or a personal datum. */
export function createLogger(service: string, level: string): Logger {
  return pino({ level, base: { service }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } })
}

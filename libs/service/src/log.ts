import pino from 'pino'

export type Logger = pino.Logger

/** JSON lines on standard output with service and trace id; never a payload, a header or a personal datum. A fault is logged as `err`. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: faultOf },
  })
}

/** What the log says of a fault. */
export interface Fault {
  readonly type: string
  readonly code?: string
  readonly message?: string
  readonly stack: string
}

/** A fault with where it happened, and with its message unless that quotes the data that the program was given. */
export function faultOf(error: unknown): Fault {
  const fault: Error & { code?: unknown } = error instanceof Error ? error : new Error(String(error))
  const { name, message, stack, code } = fault
  const places = (stack ?? '').slice(name.length + message.length).split('\n')
  return {
    type: name,
    ...(typeof code === 'string' && { code }),
    ...(!quotesData(name, code) && { message: message.slice(0, 500) }),
    stack: places.filter((line) => /^ {4}at /.test(line)).join('\n'),
  }
}

/** A row that raised an exception, a value that is none (SQL classes P0 and 22), a text that could not be read: the message shows them. */
function quotesData(name: string, code: unknown): boolean {
  if (typeof code === 'string' && /^(22|P0)[0-9A-Z]{3}$|^ERR_(INVALID|OUT_OF_RANGE)/.test(code)) return true
  return name === 'SyntaxError' || name === 'RangeError'
}

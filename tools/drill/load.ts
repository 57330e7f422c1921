import { appendFileSync } from 'node:fs'
import type { Exchange } from '../parts/api.ts'
import { doubled, road } from '../parts/road.ts'
import type { Company } from './ground.ts'
import type { Random } from './random.ts'

/** Every answer that callers got. Acknowledged writes are in the file before the caller goes on. */
export class AnswerLog {
  /** How many answers of each kind, e.g. `201`, `503 service.unavailable`, `no answer`. */
  readonly counts = new Map<string, number>()
  /** Writes that were answered with 2xx. */
  acknowledged = 0
  /** Answers that no trouble excuses, 500 and the like, in words; the first twenty. */
  readonly faults: string[] = []
  private readonly file: string
  private readonly operationOf: (method: string, path: string) => string

  constructor(file: string, operationOf: (method: string, path: string) => string) {
    this.file = file
    this.operationOf = operationOf
    appendFileSync(file, '')
  }

  /** Listens to a caller of this company. */
  heard(tenantId: string): (exchange: Exchange) => void {
    return (exchange) => {
      const { method, path, status, code, answer, idempotencyKey = null } = exchange
      const kind = status === 0 ? 'no answer' : code ? `${status} ${code}` : String(status)
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
      if (status >= 500 && ![502, 503, 504].includes(status) && this.faults.length < 20) this.faults.push(`${method} ${path}: ${kind}`)
      if (method === 'GET' || status < 200 || status >= 300) return
      this.acknowledged += 1
      const { id = null, version = null } = (answer ?? {}) as { id?: string; version?: number }
      const operation = this.operationOf(method, path)
      const write = { at: new Date().toISOString(), tenantId, operation, method, path, idempotencyKey, status, id, version, answer }
      appendFileSync(this.file, `${JSON.stringify(write)}\n`)
    }
  }

  /** What the callers saw, in one line. */
  saw(): string {
    const total = [...this.counts.values()].reduce((sum, count) => sum + count, 0)
    const sorted = [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => `${count} × ${kind}`)
    return `${total} answers: ${sorted.join(', ')}`
  }
}

/** Journeys under way, several at a time; each walks the whole road and is looked at in the end. */
export class Load {
  finished = 0
  /** Journeys that could not be finished, or have a step twice or not at all, in words, the first twenty. */
  readonly broken: string[] = []
  private readonly report: (line: string) => void
  private wanted = true
  private readonly walking: Promise<void>[]

  constructor(companies: readonly Company[], parallel: number, random: Random, report: (line: string) => void, halt: AbortSignal) {
    this.report = report
    const choose = random.apart('load')
    this.walking = Array.from({ length: parallel }, async () => {
      while (this.wanted && !halt.aborted) {
        const company = choose.pick(companies)
        try {
          const journey = await road({
            api: company.as('integration'),
            executive: company.as('reporting'),
            owner: choose.pick(company.reps),
          })
          const wrong = doubled(journey)
          if (wrong) this.complain(wrong)
          this.finished += 1
        } catch (error) {
          if (halt.aborted) return
          this.complain((error as Error).message)
        }
      }
    })
  }

  /** Begins no more journeys and waits for those under way. */
  async stop(): Promise<void> {
    this.wanted = false
    await Promise.all(this.walking)
  }

  private complain(what: string): void {
    if (this.broken.length >= 20) return
    this.broken.push(what)
    this.report(`a journey went wrong: ${what}`)
  }
}

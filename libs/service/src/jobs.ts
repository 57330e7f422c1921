import { Injectable } from '@nestjs/common'
import type pg from 'pg'
import { Database } from './database.js'

interface Job {
  readonly name: string
  readonly everyMs: number
  readonly work: () => Promise<void>
}

/**
 * Work by the clock. Each job runs on one replica at a time (advisory lock) and has to find out for itself what is due, so that a missed tick
 * is caught up and a doubled one does nothing.
 */
@Injectable()
export class Jobs {
  private readonly jobs: Job[] = []
  private readonly stops: (() => void)[] = []
  private readonly timers: NodeJS.Timeout[] = []
  private failed: (name: string, error: Error) => void = () => undefined
  private readonly running = new Set<Promise<void>>()
  private readonly working = new Set<string>()
  private holder: Promise<pg.Client> | undefined

  constructor(private readonly database: Database) {}

  /** Registers a job; it begins when the service serves. */
  every(seconds: number, name: string, work: () => Promise<void>): void {
    this.jobs.push({ name, everyMs: seconds * 1_000, work })
  }

  /** Called when the service stops, before running work is waited for. */
  onStop(work: () => void): void {
    this.stops.push(work)
  }

  /** Begins all jobs; `failed` is told of every turn that threw. */
  start(failed: (name: string, error: Error) => void): void {
    this.failed = failed
    for (const job of this.jobs) {
      this.timers.push(setInterval(() => this.run(job), job.everyMs).unref())
      this.run(job)
    }
  }

  /** Tests only: a job's turn, now. */
  async turn(name: string): Promise<void> {
    const job = this.jobs.find((one) => one.name === name)
    if (!job) throw new Error(`there is no job "${name}"`)
    await this.alone(job)
  }

  /** Work that a request began and does not wait for: like a job's turn, it is finished before the service stops, and its failure is told. */
  begin(name: string, work: () => Promise<void>): void {
    this.watch(name, work())
  }

  private run(job: Job): void {
    this.watch(job.name, this.alone(job))
  }

  private watch(name: string, work: Promise<void>): void {
    const turn = work.catch((error: Error) => this.failed(name, error))
    this.running.add(turn)
    void turn.finally(() => this.running.delete(turn))
  }

  /** One connection holds the locks of all jobs: a connection of the pool for each would leave none for their work. */
  private async alone({ name, work }: Job): Promise<void> {
    if (this.working.has(name)) return
    this.working.add(name)
    try {
      const locks = await this.locks()
      const { rows } = await locks.query<{ held: boolean }>('SELECT pg_try_advisory_lock(hashtext($1)) AS held', [`millrace job ${name}`])
      if (!rows[0]!.held) return
      try {
        await work()
      } finally {
        // Where the connection is gone, so is the lock.
        await locks.query('SELECT pg_advisory_unlock(hashtext($1))', [`millrace job ${name}`]).catch(() => undefined)
      }
    } finally {
      this.working.delete(name)
    }
  }

  private locks(): Promise<pg.Client> {
    this.holder ??= this.database.dedicated().then(
      (client) => client.on('error', () => (this.holder = undefined)),
      (error: unknown) => {
        this.holder = undefined
        throw error
      },
    )
    return this.holder
  }

  /** Lets the running jobs finish. */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer)
    for (const stop of this.stops) stop()
    await Promise.allSettled(this.running)
    await (await this.holder?.catch(() => undefined))?.end().catch(() => undefined)
  }
}

import { Injectable } from '@nestjs/common'
import { ProcessPublished, ProcessRetired, type changeProcess, type draftProcess, type Input } from '@millrace/contracts'
import { newId, Refusal, type Id } from '@millrace/domain'
import { begun, Clock, Database, Events, type Transaction } from '@millrace/service'
import { templates } from './process-templates.js'
import { familyOf, Process } from './process.js'

/** Use cases of the sales process. Those of one company take turns, so that families, versions and the default stay unique. */
@Injectable()
export class ProcessService {
  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
  ) {}

  draft({ template: key, ...given }: Input<typeof draftProcess>['body']): Promise<Process> {
    return this.inTurn(async (tx) => {
      const template = templates.find((each) => each.key === key)
      const name = given.name ?? template!.name
      const start = begun('process', this.clock.now())
      const family = given.family ?? template?.key ?? familyOf(name) ?? start.id
      if (await tx.one('SELECT 1 FROM process WHERE family = $1', [family])) throw new Refusal('process.family_taken', { family })
      const process = Process.draft({ ...start, family, number: 1, name, stages: given.stages ?? template!.stages })
      await tx.insert(process)
      return process
    })
  }

  change(id: Id<'process'>, given: Input<typeof changeProcess>['body']): Promise<Process> {
    return this.db.transaction(async (tx) => tx.update((await tx.lock(Process, id)).change(given as Partial<Process>, this.clock.now())))
  }

  /** Puts a draft to use in place of the version before it. The first process of a company is its default. */
  publish(id: Id<'process'>, { isDefault }: { isDefault: boolean }): Promise<Process> {
    return this.inTurn(async (tx) => {
      const before = await tx.lock(Process, id)
      const at = this.clock.now()
      const [standing] = await tx.findBy(Process, { is_default: true })
      const [former] = await tx.findBy(Process, { family: before.family, status: 'published' })
      const process = before.publish(isDefault || !standing || standing.id === former?.id, at)
      if (process === before) return process
      const lapsed = standing && process.isDefault ? await tx.update(standing.noLongerDefault(at)) : undefined
      const replaced = lapsed?.id === former?.id ? lapsed : former
      if (replaced) await this.takeOut(tx, replaced)
      await tx.update(process)
      await this.announce(tx, process)
      return process
    })
  }

  makeDefault(id: Id<'process'>): Promise<Process> {
    return this.inTurn(async (tx) => {
      const before = await tx.lock(Process, id)
      const at = this.clock.now()
      const process = before.makeDefault(at)
      if (process === before) return process
      for (const standing of await tx.findBy(Process, { is_default: true })) await tx.update(standing.noLongerDefault(at))
      return tx.update(process)
    })
  }

  retire(id: Id<'process'>): Promise<Process> {
    return this.inTurn(async (tx) => this.takeOut(tx, await tx.lock(Process, id)))
  }

  newVersion(id: Id<'process'>): Promise<Process> {
    return this.inTurn(async (tx) => {
      const { status, family, name, stages } = await tx.lock(Process, id)
      if (status === 'draft') throw new Refusal('process.not_published', { status })
      const versions = await tx.findBy(Process, { family })
      const draft = versions.find((version) => version.status === 'draft')
      if (draft) throw new Refusal('process.draft_exists', { draftId: draft.id })
      const number = Math.max(...versions.map((version) => version.number)) + 1
      const process = Process.draft({ ...begun('process', this.clock.now()), family, number, name, stages })
      await tx.insert(process)
      return process
    })
  }

  /**
   * The process that new deals take; it cannot be retired before this transaction ends. A company that has none gets the first template,
   * so that there always is one.
   */
  async standard(tx: Transaction): Promise<Process> {
    const find = async () => tx.hydrate(Process, await tx.query('SELECT * FROM process WHERE is_default FOR SHARE'))[0]
    const found = await find()
    if (found) return found
    await takeTurn(tx)
    return (await find()) ?? this.begin(tx)
  }

  /** A published process for a new deal; like `standard`. */
  async published(tx: Transaction, id: Id<'process'>): Promise<Process> {
    const [found] = tx.hydrate(Process, await tx.query('SELECT * FROM process WHERE id = $1 FOR SHARE', [id]))
    if (!found) throw Refusal.invalid('reference.unknown', { field: 'processId', value: id })
    if (found.status !== 'published') throw new Refusal('process.not_published', { status: found.status })
    return found
  }

  private async begin(tx: Transaction): Promise<Process> {
    const at = this.clock.now()
    const [{ key, name, stages }] = templates
    const taken = (await tx.findBy(Process, { family: key })).length > 0
    const family = taken ? `${key}-${newId('process').slice(-8)}` : key
    const process = Process.draft({ ...begun('process', at), family, number: 1, name, stages }).publish(true, at)
    await tx.insert(process)
    await this.announce(tx, process)
    return process
  }

  private async takeOut(tx: Transaction, before: Process): Promise<Process> {
    const process = before.retire(this.clock.now())
    if (process === before) return process
    await tx.update(process)
    if (before.status === 'published')
      await this.events.publish(tx, ProcessRetired, process, { processId: process.id, family: process.family })
    return process
  }

  private announce(tx: Transaction, process: Process): Promise<void> {
    return this.events.publish(tx, ProcessPublished, process, {
      processId: process.id,
      family: process.family,
      number: process.number,
      name: process.name.en,
      names: process.name,
      stages: process.stages.map(({ key, name, probability, outcome }) => ({ key, name: name.en, names: name, probability, outcome })),
    })
  }

  private inTurn<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.db.transaction(async (tx) => {
      await takeTurn(tx)
      return work(tx)
    })
  }
}

async function takeTurn(tx: Transaction): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 11))', [tx.tenant])
}

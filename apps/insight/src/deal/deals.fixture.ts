import {
  OpportunityChanged,
  OpportunityLost,
  OpportunityOpened,
  OpportunityWon,
  ProcessPublished,
  StageEntered,
  TenantCreated,
  type EventType,
  type Sent,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import type { Bus, BusMessage } from '@millrace/service'

export interface Stage {
  readonly key: string
  readonly name: string
}

const wonStage: Stage = { key: 'signed', name: 'Signed' }

/** The road of a deal in tests: key and name of its stages. */
export interface Road {
  readonly processId: Id<'process'>
  readonly family: string
  readonly stages: readonly Stage[]
}

type Facts = Partial<Pick<Sent<typeof OpportunityOpened>, 'accountId' | 'ownerId' | 'amount' | 'products'>>

/** What happened in a company, told as the other services tell it. Nothing is on the bus before it is sent. */
export class Telling {
  private readonly messages: BusMessage[] = []

  constructor(private readonly tenantId: string) {}

  tell<E extends EventType>(
    event: E,
    subject: string,
    payload: Sent<E>,
    { at, sequence = 1, journeyId = newId('journey'), actorId }: { at: Date; sequence?: number; journeyId?: string; actorId?: string },
  ): this {
    const id = newId('event')
    const headers = {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: id,
      ce_source: `/millrace/${event.service}`,
      ce_type: event.type,
      ce_subject: subject,
      ce_time: at.toISOString(),
      ce_tenantid: this.tenantId,
      ce_journeyid: journeyId,
      ce_sequence: String(sequence),
      ...(actorId && { ce_actorid: actorId }),
    }
    this.messages.push({ topic: event.topic, key: subject, headers, value: Buffer.from(JSON.stringify(payload)) })
    return this
  }

  /** Publishes a process with these open stages and one for won deals. */
  road(family: string, stages: readonly Stage[], at: Date, { number = 1 } = {}): Road {
    const processId = newId('process')
    const named = ({ key, name }: Stage) => ({ key, name, names: { en: name, 'zh-CN': name } })
    this.tell(
      ProcessPublished,
      processId,
      {
        processId,
        family,
        number,
        name: family,
        stages: [
          ...stages.map((stage, n) => ({ ...named(stage), probability: String(n), outcome: 'open' as const })),
          { ...named(wonStage), probability: '100', outcome: 'won' as const },
        ],
      },
      { at },
    )
    return { processId, family, stages }
  }

  /** Opens a deal in the first stage, or in the one with this index. */
  deal(road: Road, at: Date, facts: Facts = {}, stage = 0): Deal {
    return new Deal(this, road, at, facts, stage)
  }

  /** Says where the company is. */
  zone(zone: string, at: Date): this {
    const tenantId = this.tenantId as Id<'tenant'>
    return this.tell(TenantCreated, tenantId, { tenantId, name: 'Example', currency: 'CNY', zone }, { at })
  }

  /** What is told and not sent yet. */
  messagesSoFar(): readonly BusMessage[] {
    return [...this.messages]
  }

  async send(bus: Bus): Promise<void> {
    for (let sent = 0; sent < this.messages.length; sent += 500) await bus.publish(this.messages.slice(sent, sent + 500))
    this.messages.length = 0
  }
}

/** A deal whose steps are told one by one. */
export class Deal {
  readonly id = newId('opportunity')
  readonly journeyId = newId('journey')
  private sequence = 1

  constructor(
    private readonly telling: Telling,
    private readonly road: Road,
    at: Date,
    private facts: Facts,
    private stage: number,
  ) {
    this.say(OpportunityOpened, this.snapshot(), at)
  }

  to(stage: number, at: Date): this {
    const { id: opportunityId, road } = this
    const [from, to] = [road.stages[this.stage]!, road.stages[stage]!]
    const direction = stage > this.stage ? 'forward' : 'back'
    const skipped = road.stages.slice(this.stage + 1, stage).map(({ key }) => key)
    this.stage = stage
    this.sequence += 1
    return this.say(StageEntered, { opportunityId, processId: road.processId, from, to, direction, skipped }, at)
  }

  change(facts: Facts, at: Date): this {
    this.facts = { ...this.facts, ...facts }
    this.sequence += 1
    return this.say(OpportunityChanged, this.snapshot(), at)
  }

  /** Won as the opportunity service tells it: the deal comes to the stage of won deals, then it is won. */
  win(at: Date, amount: Sent<typeof OpportunityWon>['amount'] = this.facts.amount ?? null): this {
    const { id: opportunityId, road } = this
    const [from, to] = [road.stages[this.stage]!, wonStage]
    this.sequence += 1
    this.say(StageEntered, { opportunityId, processId: road.processId, from, to, direction: 'forward', skipped: [] }, at)
    return this.winIn(wonStage, at, amount)
  }

  /** Won where it stands: its process has no stage of won deals. */
  winInPlace(at: Date): this {
    return this.winIn(this.road.stages[this.stage]!, at, this.facts.amount ?? null)
  }

  private winIn(stage: Stage, at: Date, amount: Sent<typeof OpportunityWon>['amount']): this {
    const { id: opportunityId, road } = this
    this.sequence += 1
    const exemption = 'imported history'
    return this.say(OpportunityWon, { opportunityId, processId: road.processId, stage, amount, contractId: null, exemption }, at)
  }

  lose(at: Date): this {
    const { id: opportunityId, road } = this
    this.sequence += 1
    return this.say(
      OpportunityLost,
      { opportunityId, processId: road.processId, stage: road.stages[this.stage]!, reason: 'price', competitor: null },
      at,
    )
  }

  private snapshot(): Sent<typeof OpportunityOpened> {
    const { accountId = null, ownerId = null, amount = null, products = [] } = this.facts
    const { processId, stages } = this.road
    const stage = stages[this.stage]!
    return {
      opportunityId: this.id,
      title: 'A deal',
      accountId,
      ownerId,
      processId,
      stage,
      amount,
      products,
      expectedCloseOn: null,
      source: null,
    }
  }

  private say<E extends EventType>(event: E, payload: Sent<E>, at: Date): this {
    this.telling.tell(event, this.id, payload, { at, sequence: this.sequence, journeyId: this.journeyId })
    return this
  }
}

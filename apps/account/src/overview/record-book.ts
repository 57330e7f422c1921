import type { CalendarDate } from '@millrace/domain'

/** What other services keep of an account. */
export type RecordKind = 'lead' | 'opportunity' | 'quote' | 'contract' | 'order' | 'collection_plan' | 'receivable' | 'invoice' | 'receipt'
export type Teller = 'lead' | 'opportunity' | 'cpq' | 'billing'

/** A record of another service as its events tell it. */
export interface KnownRecord {
  readonly id: string
  readonly kind: RecordKind
  readonly service: Teller
  /** As the events name it; the account may have become part of another one since. */
  readonly accountId: string | null
  readonly ownerId: string | null
  /** The deal that it belongs to and whose owner it follows; null: it has an owner of its own. */
  readonly dealId: string | null
  /** What people call it: its title or number. */
  readonly label: string
  readonly status: string
  readonly amountMinor: bigint | null
  /** What is left: of a receivable what is open, of a receipt its credit, of an invoice what was not credited. */
  readonly leftMinor: bigint | null
  readonly currency: string | null
  /** When what counts for its place among the newest happened. */
  readonly happenedAt: Date
  readonly day: CalendarDate | null
  readonly details: Readonly<Record<string, unknown>>
  readonly sequence: number
  /** The last event that is in. */
  readonly eventId: string
}

/** What an event says of a record. */
export type Said = Partial<Omit<KnownRecord, 'id' | 'kind' | 'service' | 'sequence' | 'eventId'>>

/** What an event enters into the book. */
export interface Entry extends Pick<KnownRecord, 'id' | 'kind' | 'service' | 'sequence' | 'eventId'> {
  readonly at: Date
  readonly say: (before: KnownRecord) => Said
}

/** Records in memory, while events are entered. What is entered twice or late, after a later version of the record, changes nothing. */
export class RecordBook {
  private readonly records: Map<string, KnownRecord>
  private readonly touched = new Set<string>()

  constructor(known: readonly KnownRecord[]) {
    this.records = new Map(known.map((record) => [record.id, record]))
  }

  enter({ say, at, ...named }: Entry): void {
    const known = this.records.get(named.id)
    if (known && known.sequence > named.sequence) return
    const before = known ?? { ...unknown, ...named, happenedAt: at }
    this.records.set(named.id, { ...before, ...say(before), ...named })
    this.touched.add(named.id)
  }

  get changed(): KnownRecord[] {
    return [...this.touched].map((id) => this.records.get(id)!)
  }
}

const unknown = {
  accountId: null,
  ownerId: null,
  dealId: null,
  label: '',
  status: '',
  amountMinor: null,
  leftMinor: null,
  currency: null,
  day: null,
  details: {},
}

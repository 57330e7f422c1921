import { Controller } from '@nestjs/common'
import {
  CollectionPlanHandedOver,
  CollectionPlanMade,
  ContractApproved,
  ContractDrafted,
  ContractRejected,
  ContractSigned,
  ContractSubmitted,
  InvoiceCredited,
  InvoiceHandedOver,
  InvoiceIssued,
  LeadConverted,
  OpportunityChanged,
  OpportunityLost,
  OpportunityOpened,
  OpportunityWon,
  OrderPlaced,
  QuoteAccepted,
  QuoteDeclined,
  QuoteDrafted,
  QuoteSent,
  ReceiptHandedOver,
  ReceiptRecorded,
  ReceiptSettled,
  ReceivableCredited,
  ReceivableDue,
  ReceivableReopened,
  ReceivableSettled,
  ReceivableWrittenOff,
  SettlementUndone,
  StageEntered,
  type EventType,
  type PayloadOf,
} from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'
import { touch } from '../pool/touch.service.js'
import { scoreSoon } from '../scorecard/to-score.service.js'
import { RecordBook, type Entry, type KnownRecord, type RecordKind, type Said, type Teller } from './record-book.js'

/**
 * Keeps what other services tell of each account, for its overview: a row of each record, and one of each instalment. A row follows the events
 * of one aggregate only, which come in order; what of several aggregates belongs together is put together when it is read.
 */
@Controller()
export class RecordConsumers {
  @On(LeadConverted)
  convertLead(event: Received<typeof LeadConverted>, tx: Transaction): void {
    const { ownerId, account, contact, source } = event.payload
    note(tx, event, 'lead', 'lead', {
      ...{ accountId: account.id, ownerId, label: contact?.name ?? account.name, status: 'converted', details: { source } },
      happenedAt: event.at,
    })
  }

  @On(OpportunityOpened)
  openDeal(event: Received<typeof OpportunityOpened>, tx: Transaction): void {
    note(tx, event, 'opportunity', 'opportunity', { ...dealOf(event.payload), status: 'open', happenedAt: event.at })
  }

  @On(OpportunityChanged)
  changeDeal(event: Received<typeof OpportunityChanged>, tx: Transaction): void {
    note(tx, event, 'opportunity', 'opportunity', dealOf(event.payload))
  }

  @On(StageEntered)
  moveDeal(event: Received<typeof StageEntered>, tx: Transaction): void {
    const { to, probability } = event.payload
    note(tx, event, 'opportunity', 'opportunity', ({ details }) => ({
      details: { ...details, stage: to.name, ...(probability !== undefined && { probability }) },
    }))
  }

  /** What it was won for replaces what it was thought to be worth. */
  @On(OpportunityWon)
  winDeal(event: Received<typeof OpportunityWon>, tx: Transaction): void {
    const { amount, stage } = event.payload
    note(tx, event, 'opportunity', 'opportunity', ({ details }) => ({
      ...{ status: 'won', details: { ...details, stage: stage.name, probability: '100' } },
      ...(amount && worth(amount)),
    }))
  }

  @On(OpportunityLost)
  loseDeal(event: Received<typeof OpportunityLost>, tx: Transaction): void {
    note(tx, event, 'opportunity', 'opportunity', ({ details }) => ({ status: 'lost', details: { ...details, probability: '0' } }))
  }

  @On(QuoteDrafted)
  draftQuote(event: Received<typeof QuoteDrafted>, tx: Transaction): void {
    noteQuote(tx, event, 'draft')
  }

  @On(QuoteSent)
  sendQuote(event: Received<typeof QuoteSent>, tx: Transaction): void {
    noteQuote(tx, event, 'sent')
  }

  @On(QuoteAccepted)
  acceptQuote(event: Received<typeof QuoteAccepted>, tx: Transaction): void {
    noteQuote(tx, event, 'accepted')
  }

  @On(QuoteDeclined)
  declineQuote(event: Received<typeof QuoteDeclined>, tx: Transaction): void {
    noteQuote(tx, event, 'declined')
  }

  @On(ContractDrafted)
  draftContract(event: Received<typeof ContractDrafted>, tx: Transaction): void {
    noteContract(tx, event, 'draft')
  }

  @On(ContractSubmitted)
  submitContract(event: Received<typeof ContractSubmitted>, tx: Transaction): void {
    noteContract(tx, event, 'in_approval')
  }

  @On(ContractApproved)
  approveContract(event: Received<typeof ContractApproved>, tx: Transaction): void {
    noteContract(tx, event, 'approved')
  }

  @On(ContractRejected)
  rejectContract(event: Received<typeof ContractRejected>, tx: Transaction): void {
    noteContract(tx, event, 'draft')
  }

  @On(ContractSigned)
  signContract(event: Received<typeof ContractSigned>, tx: Transaction): void {
    noteContract(tx, event, 'signed', { day: event.payload.signedOn })
  }

  @On(OrderPlaced)
  placeOrder(event: Received<typeof OrderPlaced>, tx: Transaction): void {
    const { number, contractId, opportunityId, accountId, ownerId, total } = event.payload
    note(tx, event, 'order', 'cpq', {
      ...{ accountId, ownerId, dealId: opportunityId ?? null, label: number, status: 'placed', ...worth(total) },
      ...{ details: { contractId }, happenedAt: event.at },
    })
  }

  @On(CollectionPlanMade)
  makePlan(event: Received<typeof CollectionPlanMade>, tx: Transaction): void {
    const { contractId, accountId, ownerId, total } = event.payload
    note(tx, event, 'collection_plan', 'billing', { accountId, ownerId, ...worth(total), details: { contractId }, happenedAt: event.at })
    tx.gather<PlanSaid>(keepPlans, { planId: event.subject, ownerId, sequence: event.sequence, made: event.payload })
  }

  @On(CollectionPlanHandedOver)
  handPlanOver(event: Received<typeof CollectionPlanHandedOver>, tx: Transaction): void {
    const { planId, ownerId } = event.payload
    tx.gather<PlanSaid>(keepPlans, { planId, ownerId, sequence: event.sequence })
  }

  @On(ReceivableDue)
  receivableDue(event: Received<typeof ReceivableDue>, tx: Transaction): void {
    noteReceivable(tx, event)
  }

  @On(ReceivableSettled)
  receivableSettled(event: Received<typeof ReceivableSettled>, tx: Transaction): void {
    noteReceivable(tx, event)
  }

  @On(ReceivableReopened)
  receivableReopened(event: Received<typeof ReceivableReopened>, tx: Transaction): void {
    noteReceivable(tx, event)
  }

  @On(ReceivableCredited)
  receivableCredited(event: Received<typeof ReceivableCredited>, tx: Transaction): void {
    noteReceivable(tx, event)
  }

  @On(ReceivableWrittenOff)
  receivableWrittenOff(event: Received<typeof ReceivableWrittenOff>, tx: Transaction): void {
    noteReceivable(tx, event)
  }

  @On(InvoiceIssued)
  issueInvoice(event: Received<typeof InvoiceIssued>, tx: Transaction): void {
    const { accountId, ownerId, number, total, issuedOn } = event.payload
    note(tx, event, 'invoice', 'billing', {
      ...{ accountId, ownerId, label: number, status: 'issued', ...worth(total), leftMinor: total.minor, day: issuedOn },
      happenedAt: event.at,
    })
  }

  @On(InvoiceCredited)
  creditInvoice(event: Received<typeof InvoiceCredited>, tx: Transaction): void {
    const { total } = event.payload
    note(tx, event, 'invoice', 'billing', ({ leftMinor }) => ({ status: 'credited', leftMinor: (leftMinor ?? 0n) - total.minor }))
  }

  /** A credit note is no record of its own here. */
  @On(InvoiceHandedOver)
  handInvoiceOver(event: Received<typeof InvoiceHandedOver>, tx: Transaction): void {
    const { creditOf, ownerId } = event.payload
    if (!creditOf) note(tx, event, 'invoice', 'billing', { ownerId })
  }

  @On(ReceiptHandedOver)
  handReceiptOver(event: Received<typeof ReceiptHandedOver>, tx: Transaction): void {
    note(tx, event, 'receipt', 'billing', { ownerId: event.payload.ownerId })
  }

  @On(ReceiptRecorded)
  recordReceipt(event: Received<typeof ReceiptRecorded>, tx: Transaction): void {
    const { accountId, ownerId, amount, receivedOn, reference } = event.payload
    note(tx, event, 'receipt', 'billing', {
      ...{ accountId, ownerId, label: reference ?? '', status: 'received', ...worth(amount), leftMinor: amount.minor, day: receivedOn },
      happenedAt: event.at,
    })
  }

  @On(ReceiptSettled)
  settleReceipt(event: Received<typeof ReceiptSettled>, tx: Transaction): void {
    note(tx, event, 'receipt', 'billing', { leftMinor: event.payload.credit.minor })
  }

  @On(SettlementUndone)
  unsettleReceipt(event: Received<typeof SettlementUndone>, tx: Transaction): void {
    note(tx, event, 'receipt', 'billing', { leftMinor: event.payload.credit.minor })
  }
}

interface Amount {
  readonly minor: bigint
  readonly currency: string
}

function note(
  tx: Transaction,
  { id, subject, sequence, at }: Received<EventType>,
  kind: RecordKind,
  service: Teller,
  said: Said | ((before: KnownRecord) => Said),
): void {
  tx.gather<Entry>(keepRecords, {
    ...{ id: subject, kind, service, sequence, eventId: id, at },
    say: typeof said === 'function' ? said : () => said,
  })
}

function noteQuote(tx: Transaction, event: Received<typeof QuoteDrafted>, status: string): void {
  const { number, version, opportunityId, accountId, ownerId, total } = event.payload
  note(tx, event, 'quote', 'cpq', {
    ...{ accountId, ownerId, dealId: opportunityId, label: number, status, ...worth(total) },
    ...{ details: { version }, happenedAt: event.at },
  })
}

function noteContract(tx: Transaction, event: Received<typeof ContractDrafted>, status: string, more: Said = {}): void {
  const { number, opportunityId, accountId, ownerId, total } = event.payload
  note(tx, event, 'contract', 'cpq', {
    ...{ accountId, ownerId, dealId: opportunityId, label: number, status, ...worth(total), happenedAt: event.at },
    ...more,
  })
}

function noteReceivable(tx: Transaction, event: Received<typeof ReceivableDue>): void {
  const { accountId, ownerId, amount, open, dueOn } = event.payload
  note(tx, event, 'receivable', 'billing', {
    accountId,
    ownerId,
    ...worth(amount),
    leftMinor: open.minor,
    day: dueOn,
    happenedAt: event.at,
  })
}

function dealOf({ title, accountId, ownerId, stage, amount, expectedCloseOn, probability }: PayloadOf<typeof OpportunityChanged>): Said {
  return {
    ...{ accountId, ownerId, label: title, ...worth(amount), day: expectedCloseOn },
    details: { stage: stage.name, probability: probability ?? null },
  }
}

function worth(amount: Amount | null): Said {
  return { amountMinor: amount?.minor ?? null, currency: amount?.currency ?? null }
}

async function keepRecords(tx: Transaction, entries: readonly Entry[]): Promise<void> {
  const known = await tx.query<KnownRecord>(
    `SELECT id, kind, service, account_id AS "accountId", owner_id AS "ownerId", deal_id AS "dealId", label, status, amount_minor AS "amountMinor",
       left_minor AS "leftMinor", currency, happened_at AS "happenedAt", day, details, sequence, event_id AS "eventId"
     FROM known_record WHERE tenant_id = $1 AND id = ANY($2::text[]) ORDER BY id FOR UPDATE`,
    [tx.tenant, [...new Set(entries.map(({ id }) => id))]],
  )
  const book = new RecordBook(known)
  for (const entry of entries) book.enter(entry)
  const { changed } = book
  if (!changed.length) return
  const dealtWith = new Map(entries.filter(({ kind }) => kind === 'opportunity').map(({ id, at }) => [id, at]))
  touch(
    tx,
    changed.flatMap(({ id, accountId }) => (accountId && dealtWith.has(id) ? [{ accountId, at: dealtWith.get(id)! }] : [])),
  )
  scoreSoon(
    tx,
    changed.flatMap(({ accountId }) => accountId ?? []),
  )
  const column = <T>(pick: (record: KnownRecord) => T) => changed.map(pick)
  tx.send(
    `INSERT INTO known_record (id, kind, service, account_id, owner_id, deal_id, label, status, amount_minor, left_minor, currency, happened_at, day, details,
       sequence, event_id)
     SELECT id, kind, service, account, owner, deal, label, status, amount, remaining, currency, happened, day, details::jsonb, sequence, event
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::text[],
       $12::timestamptz[], $13::date[], $14::text[], $15::int[], $16::text[])
       AS given(id, kind, service, account, owner, deal, label, status, amount, remaining, currency, happened, day, details, sequence, event)
     ON CONFLICT (tenant_id, id) DO UPDATE SET account_id = excluded.account_id, owner_id = excluded.owner_id, deal_id = excluded.deal_id,
       label = excluded.label, status = excluded.status, amount_minor = excluded.amount_minor, left_minor = excluded.left_minor, currency = excluded.currency,
       happened_at = excluded.happened_at, day = excluded.day, details = excluded.details, sequence = excluded.sequence, event_id = excluded.event_id`,
    [
      column(({ id }) => id),
      column(({ kind }) => kind),
      column(({ service }) => service),
      column(({ accountId }) => accountId),
      column(({ ownerId }) => ownerId),
      column(({ dealId }) => dealId),
      column(({ label }) => label),
      column(({ status }) => status),
      column(({ amountMinor }) => amountMinor),
      column(({ leftMinor }) => leftMinor),
      column(({ currency }) => currency),
      column(({ happenedAt }) => happenedAt),
      column(({ day }) => day),
      column(({ details }) => JSON.stringify(details)),
      column(({ sequence }) => sequence),
      column(({ eventId }) => eventId),
    ],
  )
}

/** What an event says of a plan: its instalments, or its owner alone. */
interface PlanSaid {
  readonly planId: string
  readonly ownerId: string | null
  readonly sequence: number
  readonly made?: PayloadOf<typeof CollectionPlanMade>
}

/**
 * A plan that is laid out anew has other instalments. The latest version counts, which its record names: records are kept before. Who the plan
 * was handed to after that has its instalments, too.
 */
async function keepPlans(tx: Transaction, said: readonly PlanSaid[]): Promise<void> {
  const latest = await tx.query<{ id: string; sequence: number }>(
    'SELECT id, sequence FROM known_record WHERE tenant_id = $1 AND id = ANY($2::text[])',
    [tx.tenant, said.map(({ planId }) => planId)],
  )
  const sequences = new Map(latest.map(({ id, sequence }) => [id, sequence]))
  const plans = said.flatMap(({ made, sequence }) => (made && sequences.get(made.planId) === sequence ? [made] : []))
  const handed = new Map(
    said.flatMap(({ planId, ownerId, sequence, made }) => (!made && sequence > (sequences.get(planId) ?? 0) ? [[planId, ownerId]] : [])),
  )
  const rows = plans.flatMap(({ instalments, ...plan }) => instalments.map((instalment) => ({ ...plan, ...instalment })))
  const column = <T>(pick: (row: (typeof rows)[number]) => T) => rows.map(pick)
  tx.send('DELETE FROM known_instalment WHERE tenant_id = $1 AND plan_id = ANY($2::text[])', [tx.tenant, plans.map(({ planId }) => planId)])
  tx.send(
    `INSERT INTO known_instalment (id, plan_id, contract_id, account_id, owner_id, place, label, amount_minor, currency, due_on)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::bigint[], $9::text[], $10::date[])`,
    [
      column(({ receivableId }) => receivableId),
      column(({ planId }) => planId),
      column(({ contractId }) => contractId),
      column(({ accountId }) => accountId),
      column(({ ownerId }) => ownerId),
      column(({ number }) => number),
      column(({ label }) => label),
      column(({ amount }) => amount.minor),
      column(({ amount }) => amount.currency),
      column(({ dueOn }) => dueOn),
    ],
  )
  tx.send(
    `UPDATE known_instalment i SET owner_id = given.owner FROM unnest($2::text[], $3::text[]) AS given(id, owner)
     WHERE i.tenant_id = $1 AND i.plan_id = given.id`,
    [tx.tenant, [...handed.keys()], [...handed.values()]],
  )
}

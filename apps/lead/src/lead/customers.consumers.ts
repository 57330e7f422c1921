import { Controller } from '@nestjs/common'
import { AccountChanged, AccountMerged, AccountOpened, ContactAdded, ContactChanged } from '@millrace/contracts'
import { companyTokens, contactKey, emailKey } from '@millrace/domain'
import { On, type Received, type Transaction } from '@millrace/service'
import { LeadService } from './lead.service.js'

/** Learns which accounts and contacts there are, so that a lead that is a customer already is seen at its capture. */
@Controller()
export class CustomersConsumers {
  constructor(private readonly leads: LeadService) {}

  @On(AccountOpened)
  openAccount(event: Received<typeof AccountOpened>, tx: Transaction): void {
    tx.gather(keepAccounts, accountIn(event))
  }

  @On(AccountChanged)
  changeAccount(event: Received<typeof AccountChanged>, tx: Transaction): void {
    tx.gather(keepAccounts, accountIn(event))
  }

  @On(AccountMerged)
  async mergeAccount({ payload, sequence, at }: Received<typeof AccountMerged>, tx: Transaction): Promise<void> {
    const { accountId: id, into } = payload
    tx.gather(keepAccounts, { id, name: null, mergedInto: into, sequence })
    await this.leads.followAccount(tx, id, into, at)
  }

  @On(ContactAdded)
  addContact(event: Received<typeof ContactAdded>, tx: Transaction): void {
    tx.gather(keepContacts, contactIn(event))
  }

  @On(ContactChanged)
  changeContact(event: Received<typeof ContactChanged>, tx: Transaction): void {
    tx.gather(keepContacts, contactIn(event))
  }
}

interface Account {
  readonly id: string
  /** Null: it became part of another one. */
  readonly name: string | null
  readonly mergedInto: string | null
  readonly sequence: number
}

interface Contact {
  readonly id: string
  readonly accountId: string | null
  readonly contactKey: string | null
  readonly emailKey: string | null
  readonly phoneKey: string | null
  readonly sequence: number
}

const accountIn = ({ payload, sequence }: Received<typeof AccountOpened>): Account => ({
  id: payload.accountId,
  name: payload.name,
  mergedInto: null,
  sequence,
})

const contactIn = ({ payload, sequence }: Received<typeof ContactAdded>): Contact => ({
  id: payload.contactId,
  accountId: payload.accountId,
  contactKey: contactKey(payload.name),
  emailKey: payload.email === null ? null : emailKey(payload.email),
  phoneKey: payload.phone?.startsWith('+') ? payload.phone : null,
  sequence,
})

/** Of several events of one record the latest counts. */
function latest<Row extends { readonly id: string; readonly sequence: number }>(rows: readonly Row[]): Row[] {
  const byId = new Map<string, Row>()
  for (const row of rows) if ((byId.get(row.id)?.sequence ?? 0) <= row.sequence) byId.set(row.id, row)
  return [...byId.values()]
}

async function keepAccounts(tx: Transaction, given: readonly Account[]): Promise<void> {
  const accounts = latest(given.filter(({ name }) => name !== null))
  const merged = latest(given.filter(({ mergedInto }) => mergedInto))
  const kept = await tx.query<{ id: string; name: string }>(
    `INSERT INTO known_account (id, name, sequence) SELECT * FROM unnest($1::text[], $2::text[], $3::int[])
     ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, sequence = excluded.sequence WHERE known_account.sequence <= excluded.sequence
     RETURNING id, name`,
    [accounts.map(({ id }) => id), accounts.map(({ name }) => name), accounts.map(({ sequence }) => sequence)],
  )
  const rows = kept.flatMap(({ id, name }) => companyTokens(name).map((token) => ({ id, token })))
  tx.send('DELETE FROM known_account_token WHERE tenant_id = $1 AND account_id = ANY($2::text[])', [tx.tenant, kept.map(({ id }) => id)])
  tx.send('INSERT INTO known_account_token (token, account_id) SELECT * FROM unnest($1::text[], $2::text[])', [
    rows.map(({ token }) => token),
    rows.map(({ id }) => id),
  ])
  if (!merged.length) return
  const gone = merged.map(({ id }) => id)
  tx.send(
    `UPDATE known_account k SET merged_into = given.survivor, sequence = given.sequence
     FROM unnest($2::text[], $3::text[], $4::int[]) AS given(id, survivor, sequence) WHERE k.tenant_id = $1 AND k.id = given.id AND k.sequence <= given.sequence`,
    [tx.tenant, gone, merged.map(({ mergedInto }) => mergedInto), merged.map(({ sequence }) => sequence)],
  )
  tx.send('DELETE FROM known_account_token WHERE tenant_id = $1 AND account_id = ANY($2::text[])', [tx.tenant, gone])
}

function keepContacts(tx: Transaction, given: readonly Contact[]): void {
  const contacts = latest(given)
  tx.send(
    `INSERT INTO known_contact (id, account_id, contact_key, email_key, phone_key, sequence)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[])
     ON CONFLICT (tenant_id, id) DO UPDATE SET account_id = excluded.account_id, contact_key = excluded.contact_key, email_key = excluded.email_key,
       phone_key = excluded.phone_key, sequence = excluded.sequence WHERE known_contact.sequence <= excluded.sequence`,
    [
      contacts.map(({ id }) => id),
      contacts.map(({ accountId }) => accountId),
      contacts.map(({ contactKey }) => contactKey),
      contacts.map(({ emailKey }) => emailKey),
      contacts.map(({ phoneKey }) => phoneKey),
      contacts.map(({ sequence }) => sequence),
    ],
  )
}

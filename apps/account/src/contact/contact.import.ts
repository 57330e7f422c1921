import { AddContact } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import type { Clock, ImportKind, Transaction } from '@millrace/service'
import { z } from 'zod'
import { Account, nameKey } from '../account/account.js'
import { Contact } from './contact.js'
import { contactAt, type ContactService } from './contact.service.js'

const { externalId, name, jobTitle, email, phone, roles, note } = AddContact.shape

/** Contacts from a file; `account` is a name. A repeat adds nothing: they are known again by `externalId`, else by account, name and e-mail. */
const fields = z.object({
  externalId,
  account: z.string().max(200),
  name,
  jobTitle,
  email,
  phone,
  roles: z
    .string()
    .transform((list) =>
      list
        .split('|')
        .map((role) => role.trim())
        .filter(Boolean),
    )
    .pipe(roles.unwrap())
    .optional()
    .meta({ description: 'separated by |' }),
  note,
})

export function contactImport(contacts: ContactService, clock: Clock): ImportKind<typeof fields> {
  return {
    kind: 'contacts',
    shape: fields,
    custom: 'contact',
    async apply(tx, rows) {
      // An import of the same file beside this one finds what this one added.
      await tx.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 11))', [`${tx.tenant} contacts import`])
      const accounts = await accountsByName(
        tx,
        rows.map((row) => row.fields.account),
      )
      const candidates = rows.map(({ custom, fields: { account: wanted, ...given } }) => {
        const [account, another] = accounts.get(nameKey(wanted)) ?? []
        if (account && !another) return contactAt(account, { ...(given as Given), custom }, clock.now())
        return Refusal.invalid(another ? 'import.ambiguous' : 'reference.unknown', { field: 'account', value: wanted })
      })
      const known = await knownContacts(
        tx,
        candidates.filter((candidate) => candidate instanceof Contact),
      )
      const fresh: Contact[] = []
      const outcomes = candidates.map((candidate) => {
        if (candidate instanceof Refusal) return candidate
        if (known.has(identities(candidate)[0]!)) return 'existing'
        for (const identity of identities(candidate)) known.add(identity)
        fresh.push(candidate)
        return 'added'
      })
      await contacts.store(tx, fresh)
      return outcomes
    },
  }
}

type Given = Parameters<typeof contactAt>[1]

/** The accounts with these names, by the key of the name; they do not change hands before the import's transaction ends. */
async function accountsByName(tx: Transaction, names: readonly string[]): Promise<Map<string, Account[]>> {
  const rows = await tx.query('SELECT * FROM account WHERE name_key = ANY($1) AND merged_into IS NULL ORDER BY id FOR SHARE', [
    names.map(nameKey),
  ])
  return Map.groupBy(tx.hydrate(Account, rows), (account) => account.nameKey)
}

/** What the contacts that these may be already are known by. */
async function knownContacts(tx: Transaction, candidates: readonly Contact[]): Promise<Set<string>> {
  const stored = await tx.query('SELECT * FROM contact WHERE external_id = ANY($1) OR (account_id = ANY($2) AND name_key = ANY($3))', [
    candidates.flatMap(({ externalId }) => externalId ?? []),
    candidates.map(({ accountId }) => accountId),
    candidates.map(({ nameKey: key }) => key),
  ])
  return new Set(tx.hydrate(Contact, stored).flatMap(identities))
}

/** What a contact is known by, best first: the external id, then account, name and e-mail. */
function identities({ externalId, accountId, nameKey: key, emailKey }: Contact): string[] {
  return [...(externalId ? [`external ${externalId}`] : []), `${accountId} ${key} ${emailKey ?? ''}`]
}

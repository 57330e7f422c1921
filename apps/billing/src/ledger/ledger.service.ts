import { Injectable } from '@nestjs/common'
import type { Id } from '@millrace/domain'
import { Clock, type Transaction } from '@millrace/service'
import { entryOf, JournalEntry, mirrored, Posting, type Wish } from './journal-entry.js'

/** Books. Whatever is booked is there when the document is, and not otherwise: both are one transaction. */
@Injectable()
export class LedgerService {
  constructor(private readonly clock: Clock) {}

  async book(tx: Transaction, given: Omit<JournalEntry, 'id' | 'createdAt' | 'reverses'>, wishes: readonly Wish[]): Promise<JournalEntry> {
    return this.store(tx, { ...given, reverses: null }, wishes)
  }

  /** Books the mirror of an entry, for the account that it concerns now. The database lets an entry be reversed once. */
  async reverse(
    tx: Transaction,
    entryId: Id<'journal_entry'>,
    given: Pick<JournalEntry, 'kind' | 'accountId' | 'occurredOn' | 'journeyId'>,
  ): Promise<JournalEntry> {
    const { sourceId } = await tx.get(JournalEntry, entryId)
    const postings = await tx.findBy(Posting, { entry_id: entryId })
    return this.store(tx, { ...given, sourceId, reverses: entryId }, postings.map(mirrored))
  }

  private async store(tx: Transaction, given: Omit<JournalEntry, 'id' | 'createdAt'>, wishes: readonly Wish[]): Promise<JournalEntry> {
    const { entry, postings } = entryOf({ ...given, createdAt: this.clock.now() }, wishes)
    await tx.insert(entry)
    await tx.insert(postings)
    return entry
  }
}

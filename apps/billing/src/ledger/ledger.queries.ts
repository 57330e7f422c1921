import { Injectable } from '@nestjs/common'
import { listLedgerBalances, listLedgerEntries, type Answer, type checkLedger, type Input } from '@millrace/contracts'
import type { Currency } from '@millrace/domain'
import { Database } from '@millrace/service'
import { only } from '../account/account.queries.js'
import { JournalEntry, Posting } from './journal-entry.js'
import { exactly, LedgerBalance } from './ledger-balance.js'

type Check = Answer<typeof checkLedger>

@Injectable()
export class LedgerQueries {
  constructor(private readonly db: Database) {}

  async entries({ fields, ...query }: Input<typeof listLedgerEntries>['query']): Promise<Answer<typeof listLedgerEntries>> {
    const page = await this.db.list(JournalEntry, listLedgerEntries, query, (entry) => entry)
    const postings = await this.postingsOf(page.data.map(({ id }) => id))
    const views = page.data.map((entry) => ({
      ...entry,
      postings: (postings.get(entry.id) ?? []).map(({ ledgerAccount, side, amount, receivableId }) => ({
        ledgerAccount,
        side,
        amount,
        receivableId,
      })),
    }))
    return { data: only(fields, views), next: page.next }
  }

  balances(query: Input<typeof listLedgerBalances>['query']) {
    return this.db.list(LedgerBalance, listLedgerBalances, query, ({ debitMinor, creditMinor, ...account }) => ({
      ...account,
      debit: exactly(debitMinor, account.currency),
      credit: exactly(creditMinor, account.currency),
      balance: exactly(BigInt(debitMinor) - BigInt(creditMinor), account.currency),
    }))
  }

  /** One statement, so one moment: what is booked against what it stands for. */
  async check(): Promise<Check> {
    const row = await this.db.one<{ currencies: Sums[]; series: Check['series'] }>(`
      WITH booked AS (
        SELECT amount_currency AS currency,
          sum(amount_minor) FILTER (WHERE side = 'debit') AS debit,
          sum(amount_minor) FILTER (WHERE side = 'credit') AS credit,
          sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) FILTER (WHERE ledger_account = 'accounts_receivable') AS receivable,
          sum(CASE side WHEN 'credit' THEN amount_minor ELSE -amount_minor END) FILTER (WHERE ledger_account = 'unapplied_receipts') AS unapplied
        FROM posting GROUP BY amount_currency),
      owed AS (SELECT open_currency AS currency, sum(open_minor) AS open FROM receivable WHERE invoice_id IS NOT NULL GROUP BY open_currency),
      held AS (SELECT credit_currency AS currency, sum(credit_minor) AS credit FROM receipt GROUP BY credit_currency),
      sums AS (
        SELECT currency, coalesce(b.debit, 0)::text AS debit, coalesce(b.credit, 0)::text AS credit,
          coalesce(b.receivable, 0)::text AS receivable, coalesce(o.open, 0)::text AS open,
          coalesce(b.unapplied, 0)::text AS unapplied, coalesce(h.credit, 0)::text AS held
        FROM booked b FULL JOIN owed o USING (currency) FULL JOIN held h USING (currency)),
      numbers AS (
        SELECT s.legal_entity_id AS "legalEntityId", s.series, s.last, count(i.sequence) AS issued
        FROM invoice_series s LEFT JOIN invoice i ON i.legal_entity_id = s.legal_entity_id AND i.series = s.series AND i.sequence BETWEEN 1 AND s.last
        GROUP BY s.legal_entity_id, s.series, s.last)
      SELECT coalesce((SELECT jsonb_agg(sums ORDER BY currency) FROM sums), '[]') AS currencies,
        coalesce((SELECT jsonb_agg(numbers ORDER BY "legalEntityId", series) FROM numbers), '[]') AS series`)
    const { currencies: sums, series } = row!
    return {
      balanced:
        sums.every(
          ({ debit, credit, receivable, open, unapplied, held }) => debit === credit && receivable === open && unapplied === held,
        ) && series.every(({ issued, last }) => issued === last),
      currencies: sums.map(({ currency, debit, credit, receivable, open, unapplied, held }) => ({
        currency,
        debit: exactly(debit, currency),
        credit: exactly(credit, currency),
        receivable: { booked: exactly(receivable, currency), open: exactly(open, currency) },
        unapplied: { booked: exactly(unapplied, currency), credit: exactly(held, currency) },
      })),
      series,
    }
  }

  private async postingsOf(entryIds: readonly string[]): Promise<Map<string, Posting[]>> {
    const rows = await this.db.query('SELECT * FROM posting WHERE entry_id = ANY($1) ORDER BY entry_id, position', [entryIds])
    const table = this.db.tableOf(Posting)
    return Map.groupBy(
      rows.map((row) => table.hydrate(row) as Posting),
      ({ entryId }) => entryId,
    )
  }
}

interface Sums {
  readonly currency: Currency
  readonly debit: string
  readonly credit: string
  readonly receivable: string
  readonly open: string
  readonly unapplied: string
  readonly held: string
}

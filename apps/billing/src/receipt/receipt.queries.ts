import { Injectable } from '@nestjs/common'
import { listReceipts, type Answer, type getReceipt, type Input } from '@millrace/contracts'
import { Money, type Id } from '@millrace/domain'
import { Database } from '@millrace/service'
import { AccountQueries } from '../account/account.queries.js'
import { Receipt } from './receipt.js'

@Injectable()
export class ReceiptQueries {
  constructor(
    private readonly db: Database,
    private readonly accounts: AccountQueries,
  ) {}

  async list({ fields, ...query }: Input<typeof listReceipts>['query']): Promise<Answer<typeof listReceipts>> {
    const page = await this.db.list(Receipt, listReceipts, query, (receipt) => receipt)
    return this.accounts.named(page, fields, (receipt, accountName) => ({ ...receipt, accountName }))
  }

  async get(id: Id<'receipt'>): Promise<Answer<typeof getReceipt>> {
    const receipt = await this.db.get(Receipt, id)
    const rows = await this.db.query<{ receivable_id: Id<'receivable'>; minor: string }>(
      `SELECT receivable_id, sum(amount_minor) AS minor FROM settlement WHERE receipt_id = $1 AND undone_at IS NULL
       GROUP BY receivable_id ORDER BY min(id)`,
      [id],
    )
    return {
      ...receipt,
      accountName: await this.accounts.name(receipt.accountId),
      allocations: rows.map(({ receivable_id, minor }) => ({
        receivableId: receivable_id,
        amount: Money.of(BigInt(minor), receipt.amount.currency),
      })),
    }
  }
}

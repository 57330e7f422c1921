import { Module } from '@nestjs/common'
import type { Id } from '@millrace/domain'
import { HandoverConsumers, handoverPartSchema, Handovers, Jobs, type ServiceDefinition, type Transaction } from '@millrace/service'
import { AccountConsumers } from './account/account.consumers.js'
import { AccountQueries } from './account/account.queries.js'
import { AccountService } from './account/account.service.js'
import { CollectionPlan } from './collection-plan/collection-plan.js'
import { CollectionPlanConsumers } from './collection-plan/collection-plan.consumers.js'
import { CollectionPlanController } from './collection-plan/collection-plan.controller.js'
import { CollectionPlanQueries } from './collection-plan/collection-plan.queries.js'
import { CollectionPlanSchema } from './collection-plan/collection-plan.schema.js'
import { CollectionPlanService } from './collection-plan/collection-plan.service.js'
import { Invoice } from './invoice/invoice.js'
import { InvoiceController } from './invoice/invoice.controller.js'
import { InvoiceQueries } from './invoice/invoice.queries.js'
import { InvoiceLineSchema, InvoiceSchema } from './invoice/invoice.schema.js'
import { InvoiceService } from './invoice/invoice.service.js'
import { LedgerController } from './ledger/ledger.controller.js'
import { LedgerQueries } from './ledger/ledger.queries.js'
import { JournalEntrySchema, LedgerBalanceSchema, PostingSchema } from './ledger/ledger.schema.js'
import { LedgerService } from './ledger/ledger.service.js'
import { LegalEntityConsumers } from './legal-entity/legal-entity.consumers.js'
import { LegalEntityController } from './legal-entity/legal-entity.controller.js'
import { LegalEntitySchema } from './legal-entity/legal-entity.schema.js'
import { LegalEntityService } from './legal-entity/legal-entity.service.js'
import { billingMigrations } from './migrations/index.js'
import { Receipt } from './receipt/receipt.js'
import { ReceiptController } from './receipt/receipt.controller.js'
import { ReceiptQueries } from './receipt/receipt.queries.js'
import { ReceiptSchema, SettlementSchema } from './receipt/receipt.schema.js'
import { ReceiptService } from './receipt/receipt.service.js'
import { SettlementService } from './receipt/settlement.service.js'
import { Receivable, receivableStatus } from './receivable/receivable.js'
import { ReceivableController } from './receivable/receivable.controller.js'
import { ReceivableQueries } from './receivable/receivable.queries.js'
import { ReceivableSchema } from './receivable/receivable.schema.js'
import { ReceivableService } from './receivable/receivable.service.js'
import { AccountMerges } from './account/account-merge.service.js'

@Module({
  controllers: [
    AccountConsumers,
    LegalEntityConsumers,
    LegalEntityController,
    CollectionPlanConsumers,
    CollectionPlanController,
    ReceivableController,
    InvoiceController,
    ReceiptController,
    LedgerController,
    HandoverConsumers,
  ],
  providers: [
    AccountQueries,
    AccountService,
    LegalEntityService,
    CollectionPlanQueries,
    CollectionPlanService,
    ReceivableQueries,
    ReceivableService,
    InvoiceQueries,
    InvoiceService,
    ReceiptQueries,
    ReceiptService,
    SettlementService,
    LedgerQueries,
    LedgerService,
    AccountMerges,
  ],
})
export class BillingModule {
  constructor(
    jobs: Jobs,
    handovers: Handovers,
    accounts: AccountService,
    plans: CollectionPlanService,
    receivables: ReceivableService,
    invoices: InvoiceService,
    receipts: ReceiptService,
  ) {
    const owed = {
      account: 'account_id',
      lock: (tx: Transaction, accountIds: readonly Id<'account'>[]) => accounts.lock(tx, accountIds),
    }
    handovers.register('billing', [
      {
        ...{ noun: 'collection_plan', target: CollectionPlan, ...owed, title: 'contract_number', amount: 'total' },
        tell: (tx, handed: readonly CollectionPlan[]) => plans.tellHandedOver(tx, handed),
      },
      {
        ...{ noun: 'receivable', target: Receivable, ...owed, title: `contract_number || ' · ' || label`, amount: 'open' },
        tell: (tx, handed: readonly Receivable[]) => receivables.tellHandedOver(tx, handed),
      },
      {
        ...{ noun: 'invoice', target: Invoice, ...owed, title: 'number', amount: 'total' },
        tell: (tx, handed: readonly Invoice[]) => invoices.tellHandedOver(tx, handed),
      },
      {
        ...{ noun: 'receipt', target: Receipt, ...owed, title: 'reference', amount: 'amount' },
        tell: (tx, handed: readonly Receipt[]) => receipts.tellHandedOver(tx, handed),
      },
    ])
    jobs.every(60, 'receivables fall due', () => receivables.fallDue())
  }
}

export const billingService: ServiceDefinition = {
  name: 'billing',
  module: BillingModule,
  schemas: [
    LegalEntitySchema,
    CollectionPlanSchema,
    ReceivableSchema,
    InvoiceSchema,
    InvoiceLineSchema,
    ReceiptSchema,
    SettlementSchema,
    JournalEntrySchema,
    PostingSchema,
    LedgerBalanceSchema,
    handoverPartSchema('billing'),
  ],
  migrations: billingMigrations,
  lifecycles: [receivableStatus],
}

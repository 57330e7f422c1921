import { Injectable } from '@nestjs/common'
import { listContracts, type Answer, type ContractSummary, type getContract, type Input } from '@millrace/contracts'
import type { Id } from '@millrace/domain'
import { Database } from '@millrace/service'
import type { z } from 'zod'
import { Contract, ContractLine } from './contract.js'

@Injectable()
export class ContractQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listContracts>['query']) {
    return this.db.list(Contract, listContracts, query, contractSummary)
  }

  async get(id: Id<'contract'>): Promise<Answer<typeof getContract>> {
    const contract = await this.db.get(Contract, id)
    const lines = await this.db.findBy(ContractLine, { contract_id: id })
    const order = await this.db.one<{ id: Id<'order'> }>('SELECT id FROM sales_order WHERE contract_id = $1', [id])
    return {
      ...contractSummary(contract),
      lines: lines
        .sort((a, b) => a.position - b.position)
        .map(({ contractId: _, quantity, ...line }) => ({ ...line, quantity: quantity.toString() })),
      terms: [...contract.terms],
      orderId: order?.id ?? null,
    }
  }
}

/** A contract as lists show it. */
function contractSummary({ terms: _, ...contract }: Contract): z.input<typeof ContractSummary> {
  return { ...contract, authorIds: [...contract.authorIds] }
}

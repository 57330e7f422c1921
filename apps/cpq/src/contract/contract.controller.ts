import { Controller } from '@nestjs/common'
import {
  approveContract,
  changeContract,
  draftContract,
  getContract,
  listContracts,
  rejectContract,
  signContract,
  submitContract,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ContractQueries } from './contract.queries.js'
import { ContractService } from './contract.service.js'

@Controller()
export class ContractController {
  constructor(
    private readonly contracts: ContractService,
    private readonly queries: ContractQueries,
  ) {}

  @Serve(draftContract)
  async draft({ body }: Input<typeof draftContract>) {
    const { id } = await this.contracts.draft(body)
    return this.queries.get(id)
  }

  @Serve(listContracts)
  list({ query }: Input<typeof listContracts>) {
    return this.queries.list(query)
  }

  @Serve(getContract)
  get({ params }: Input<typeof getContract>) {
    return this.queries.get(params.id)
  }

  @Serve(changeContract)
  async change({ params, body }: Input<typeof changeContract>) {
    await this.contracts.change(params.id, body)
    return this.queries.get(params.id)
  }

  @Serve(submitContract)
  async submit({ params }: Input<typeof submitContract>) {
    await this.contracts.submit(params.id)
    return this.queries.get(params.id)
  }

  @Serve(approveContract)
  async approve({ params }: Input<typeof approveContract>) {
    await this.contracts.approve(params.id)
    return this.queries.get(params.id)
  }

  @Serve(rejectContract)
  async reject({ params, body }: Input<typeof rejectContract>) {
    await this.contracts.reject(params.id, body.reason)
    return this.queries.get(params.id)
  }

  @Serve(signContract)
  async sign({ params, body }: Input<typeof signContract>) {
    await this.contracts.sign(params.id, body)
    return this.queries.get(params.id)
  }
}

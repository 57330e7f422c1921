import { lifecycle, newId, Refusal, type CalendarDate, type Id, type Money, type Ratio } from '@millrace/domain'

export const contractStatus = lifecycle('contract', {
  draft: ['in_approval'],
  in_approval: ['approved', 'draft'],
  approved: ['signed', 'draft'],
  signed: ['active', 'terminated'],
  active: ['completed', 'terminated'],
  completed: [],
  terminated: [],
})
export type ContractStatus = typeof contractStatus.state

/** When which part of the total is to be paid, as the quote has it. */
export interface ContractTerm {
  readonly share: string | null
  readonly amount: { readonly amount: string; readonly currency: string } | null
  readonly dueOn: CalendarDate | null
  readonly daysAfterSigning: number | null
  readonly label: string
}

/** What a contract takes over from the accepted version of a quote. */
export interface Accepted {
  readonly quoteId: Id<'quote'>
  readonly quoteVersion: number
  readonly opportunityId: Id<'opportunity'>
  readonly accountId: Id<'account'>
  readonly ownerId: Id<'user'> | null
  readonly net: Money
  readonly tax: Money
  readonly total: Money
  readonly terms: readonly ContractTerm[]
  /** Who accepted for the customer; likely to sign. */
  readonly customerSigner: string | null
}

/** The agreement with a customer. What is sold and for how much is that of the accepted quote version and never changes here. */
export class Contract {
  declare readonly id: Id<'contract'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly number: string
  declare readonly status: ContractStatus
  declare readonly title: string
  declare readonly quoteId: Id<'quote'>
  declare readonly quoteVersion: number
  declare readonly opportunityId: Id<'opportunity'>
  declare readonly accountId: Id<'account'>
  declare readonly customerName: string | null
  declare readonly ownerId: Id<'user'> | null
  declare readonly net: Money
  declare readonly tax: Money
  declare readonly total: Money
  declare readonly terms: readonly ContractTerm[]
  /** Who drafted or changed it; none of them may approve it. */
  declare readonly authorIds: readonly string[]
  declare readonly customerSigner: string | null
  declare readonly ourSigner: string | null
  declare readonly submittedAt: Date | null
  declare readonly submittedBy: string | null
  declare readonly approvedAt: Date | null
  declare readonly approvedBy: string | null
  declare readonly rejectedReason: string | null
  declare readonly signedOn: CalendarDate | null
  declare readonly signedAt: Date | null
  declare readonly signedBy: string | null

  static draft(
    given: Pick<Contract, 'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'number' | 'title' | 'customerName'> & Accepted,
    authorId: string,
  ): Contract {
    const head = { status: contractStatus.initial, authorIds: [authorId] }
    return Object.assign(Object.create(Contract.prototype) as Contract, untouched, given, head)
  }

  change(change: Partial<Pick<Contract, 'title' | 'customerSigner' | 'terms'>>, authorId: string, at: Date): Contract {
    if (this.status !== 'draft') throw new Refusal('contract.not_draft', { status: this.status })
    return this.with({ ...change, authorIds: [...new Set([...this.authorIds, authorId])], updatedAt: at })
  }

  submit(submittedBy: string, at: Date): Contract {
    return this.with({ status: contractStatus.move(this.status, 'in_approval'), submittedBy, submittedAt: at, updatedAt: at })
  }

  /** Refuses whoever wrote it: `contract.own_approval`. */
  approve(approvedBy: string, at: Date): Contract {
    const status = contractStatus.move(this.status, 'approved')
    if (this.authorIds.includes(approvedBy)) throw Refusal.forbidden('contract.own_approval')
    return this.with({ status, approvedBy, approvedAt: at, rejectedReason: null, updatedAt: at })
  }

  /** Back to its author; an approval that was given counts no more. */
  reject(rejectedReason: string, at: Date): Contract {
    const status = contractStatus.move(this.status, 'draft')
    return this.with({ status, rejectedReason, ...unapproved, updatedAt: at })
  }

  /** Both sides signed on a day that is not later than today. */
  sign(
    by: { customerSigner: string | null; ourSigner: string | null; signedOn: CalendarDate; signedBy: string },
    at: Date,
    today: CalendarDate,
  ): Contract {
    const status = contractStatus.move(this.status, 'signed')
    const customerSigner = by.customerSigner ?? this.customerSigner
    if (!customerSigner) throw Refusal.invalid('contract.no_signer')
    if (by.signedOn > today) throw Refusal.invalid('contract.signed_in_future', { signedOn: by.signedOn, today })
    return this.with({ ...by, status, customerSigner, signedAt: at, updatedAt: at })
  }

  /** The same, of the account that its own became part of. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): Contract {
    return this.with({ accountId, updatedAt })
  }

  private with(change: Partial<Contract>): Contract {
    return Object.assign(Object.create(Contract.prototype) as Contract, this, change)
  }
}

/** What a contract sells of one product. Never changes. */
export class ContractLine {
  declare readonly id: Id<'contract_line'>
  declare readonly contractId: Id<'contract'>
  declare readonly position: number
  declare readonly productId: Id<'product'>
  declare readonly name: string
  declare readonly quantity: Ratio
  declare readonly net: Money
  declare readonly tax: Money
  declare readonly gross: Money

  /** The line of the quote, as it was accepted. */
  static of(contractId: Id<'contract'>, quoted: Omit<ContractLine, 'id' | 'contractId'>): ContractLine {
    const { position, productId, name, quantity, net, tax, gross } = quoted
    const line = { id: newId('contract_line'), contractId, position, productId, name, quantity, net, tax, gross }
    return Object.assign(Object.create(ContractLine.prototype) as ContractLine, line)
  }
}

const unapproved = { submittedAt: null, submittedBy: null, approvedAt: null, approvedBy: null }
const untouched = { ...unapproved, ourSigner: null, rejectedReason: null, signedOn: null, signedAt: null, signedBy: null }

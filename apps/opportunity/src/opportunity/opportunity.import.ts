import { Injectable } from '@nestjs/common'
import { amountText, day, line } from '@millrace/contracts'
import { Money, Refusal, type Id } from '@millrace/domain'
import { begun, context, Directory, type Colleague, type ImportKind, type ImportRow, type Transaction } from '@millrace/service'
import { z } from 'zod'
import { Process } from '../process/process.js'
import { ProcessService } from '../process/process.service.js'
import { KnownRecords, type Known } from './known-records.queries.js'
import { Opportunity } from './opportunity.js'
import { OpportunityService } from './opportunity.service.js'
import { firstStage, lastOpenStage, type RoadStage } from './road.js'

/** A day, or a moment with its zone; a day begins at 00:00 UTC. */
const when = z.union([z.iso.date(), z.iso.datetime({ offset: true })], { message: 'date.malformed' }).transform((text) => new Date(text))

/**
 * Deals from a file, with their history. `stage` is one of the process (name or key), or won / lost. `stageEnteredAt` is when the stage was
 * entered; for a closed deal, the last open one (or `lastStage`). `externalId` makes a repeat add nothing.
 */
const fields = z.object({
  externalId: line(200),
  title: line(200).optional(),
  account: line(200).optional(),
  owner: line(320).optional(),
  product: line(200).optional(),
  process: line(100).optional(),
  stage: line(100),
  lastStage: line(100).optional(),
  createdAt: when,
  stageEnteredAt: when.optional(),
  closedAt: when.optional(),
  expectedCloseOn: day.optional(),
  amount: amountText.optional(),
  currency: z.string().length(3).optional(),
  lossReason: line(60).default('imported'),
  competitor: line(200).optional(),
  source: line(100).optional(),
})
type Fields = z.output<typeof fields>

/** A deal step by step, as it would have gone here. Its version is the number of steps. */
type History = readonly { readonly tell: 'opened' | 'entered' | 'won' | 'lost'; readonly at: Date; readonly deal: Opportunity }[]

/** What the rows of one chunk refer to, looked up at once. */
interface References {
  readonly accounts: ReadonlyMap<string, Known<'account'>>
  readonly products: ReadonlyMap<string, Known<'product'>>
  readonly colleagues: ReadonlyMap<string, Colleague>
  readonly processes: readonly Process[]
  readonly standard: Process
}

@Injectable()
export class OpportunityImport implements ImportKind<typeof fields> {
  readonly kind = 'opportunities'
  readonly shape = fields

  constructor(
    private readonly opportunities: OpportunityService,
    private readonly processes: ProcessService,
    private readonly directory: Directory,
    private readonly known: KnownRecords,
  ) {}

  async apply(tx: Transaction, rows: readonly ImportRow<Fields>[]): Promise<('added' | 'existing' | Refusal)[]> {
    const present = await this.present(tx, rows)
    const references = await this.references(tx, rows)
    const histories: History[] = []
    const outcomes = rows.map(({ fields: given }) => {
      if (present.has(given.externalId)) return 'existing'
      try {
        histories.push(historyOf(given, references))
      } catch (error) {
        if (error instanceof Refusal) return error
        throw error
      }
      present.add(given.externalId)
      return 'added'
    })
    await tx.insert(histories.map((steps) => steps.at(-1)!.deal))
    for (const steps of histories) for (const step of steps) await this.tell(tx, step)
    return outcomes
  }

  private tell(tx: Transaction, { tell, at, deal }: History[number]): Promise<void> {
    if (tell === 'opened') return this.opportunities.tellOpened(tx, deal, at)
    if (tell === 'entered') return this.opportunities.tellStageEntered(tx, deal, at)
    return tell === 'won' ? this.opportunities.tellWon(tx, deal, at) : this.opportunities.tellLost(tx, deal, at)
  }

  private async present(tx: Transaction, rows: readonly ImportRow<Fields>[]): Promise<Set<string>> {
    const ids = rows.map(({ fields: { externalId } }) => externalId)
    const found = await tx.query<{ external_id: string }>('SELECT external_id FROM opportunity WHERE external_id = ANY($1)', [ids])
    return new Set(found.map(({ external_id }) => external_id))
  }

  private async references(tx: Transaction, rows: readonly ImportRow<Fields>[]): Promise<References> {
    const named = (field: 'account' | 'product') => new Set(rows.flatMap(({ fields: given }) => given[field] ?? []))
    const standard = await this.processes.standard(tx)
    return {
      accounts: await this.known.accountsByName(tx, named('account')),
      products: await this.known.productsByName(tx, named('product')),
      colleagues: await this.directory.byEmailOrName(),
      processes: await tx.findBy(Process, { status: 'published' }),
      standard,
    }
  }
}

function historyOf(given: Fields, references: References): History {
  const process = processFor(given, references)
  const account = reference('account', given.account, references.accounts.get(given.account ?? ''))
  const product = reference('product', given.product, references.products.get(given.product ?? ''))
  const owner = reference('owner', given.owner, references.colleagues.get(given.owner?.toLowerCase() ?? ''))
  const { createdAt, stageEnteredAt, closedAt = null } = given
  const closing = /^(won|lost)$/i.test(given.stage) ? (given.stage.toLowerCase() as 'won' | 'lost') : undefined
  if (closing && !closedAt) throw Refusal.invalid('opportunity.no_close_date')
  inOrder(createdAt, stageEnteredAt, closing ? closedAt! : undefined)

  const opened = Opportunity.open(
    process,
    {
      ...begun('opportunity', createdAt),
      title: given.title ?? ([account?.name, product?.name].filter(Boolean).join(' – ').slice(0, 200) || given.externalId),
      externalId: given.externalId,
      accountId: account?.id ?? null,
      accountName: account?.name ?? null,
      ownerId: (owner?.id as Id<'user'> | undefined) ?? null,
      products: product ? [{ productId: product.id, name: product.name, quantity: null, price: null }] : [],
      amount: amountOf(given),
      expectedCloseOn: given.expectedCloseOn ?? null,
      source: given.source ?? null,
    },
    who(),
  )
  const steps: { tell: History[number]['tell']; at: Date; deal: Opportunity }[] = [{ tell: 'opened', at: createdAt, deal: opened }]
  const last = () => steps.at(-1)!.deal
  const add = (tell: History[number]['tell'], at: Date, deal: Opportunity) =>
    deal !== last() && steps.push({ tell, at, deal: Object.assign(deal, { version: steps.length + 1 }) })

  const stage = stageReached(process, given, closing)
  const enteredAt = stageEnteredAt ?? createdAt
  if (stage !== firstStage(process)) add('entered', enteredAt, opened.enter(process, stage, who(), enteredAt))
  if (closing === 'won') {
    add('entered', closedAt!, last().reachWonStage(process, who(), closedAt!))
    add('won', closedAt!, last().winByExemption(process, 'imported history', closedAt!))
  }
  if (closing === 'lost')
    add('lost', closedAt!, last().lose(process, { reason: given.lossReason, competitor: given.competitor }, closedAt!))
  return steps
}

/** The open stage that a deal came to: the one it stands in, or the one it was closed from. */
function stageReached(process: Process, { stage, lastStage, stageEnteredAt }: Fields, closing: 'won' | 'lost' | undefined): RoadStage {
  const wanted = closing ? lastStage : stage
  if (!wanted) return stageEnteredAt ? lastOpenStage(process) : firstStage(process)
  const open = process.stages.filter(({ outcome }) => outcome === 'open')
  const found = open.find(({ key, name }) => [key, name.en, name['zh-CN']].some((text) => text.toLowerCase() === wanted.toLowerCase()))
  if (!found)
    throw Refusal.invalid('opportunity.unknown_stage', { stage: wanted, possible: [...open.map(({ name }) => name.en), 'won', 'lost'] })
  return found
}

function processFor({ process: wanted }: Fields, { processes, standard }: References): Process {
  if (!wanted) return standard
  const found = processes.find(({ family, name }) => [family, name.en, name['zh-CN']].includes(wanted))
  return reference('process', wanted, found)!
}

function reference<T>(field: string, value: string | undefined, found: T | undefined): T | undefined {
  if (value !== undefined && found === undefined) throw Refusal.invalid('reference.unknown', { field, value })
  return found
}

function amountOf({ amount, currency }: Fields): Money | null {
  if (amount === undefined) return null
  if (!currency) throw Refusal.invalid('opportunity.no_currency')
  const money = Money.parse(amount, currency)
  if (money.isNegative()) throw Refusal.invalid('money.negative', { amount })
  return money
}

function inOrder(createdAt: Date, stageEnteredAt: Date | undefined, closedAt: Date | undefined): void {
  const known = [createdAt, stageEnteredAt, closedAt].filter((at) => at !== undefined)
  if (known.every((at, n) => n === 0 || known[n - 1]! <= at)) return
  throw Refusal.invalid('opportunity.dates_out_of_order', {
    createdAt: createdAt.toISOString(),
    stageEnteredAt: stageEnteredAt?.toISOString() ?? '–',
    closedAt: closedAt?.toISOString() ?? '–',
  })
}

function who(): string | null {
  return context().actor?.id ?? null
}

import { Injectable } from '@nestjs/common'
import {
  listQuotes,
  type Answer,
  type compareQuoteVersions,
  type getQuote,
  type getQuoteVersion,
  type Input,
  type QuoteSummary,
} from '@millrace/contracts'
import { Refusal, type CalendarDate, type Id } from '@millrace/domain'
import { Database } from '@millrace/service'
import type { z } from 'zod'
import { Deals } from '../deal/deal.service.js'
import { compareOffers, unitPrice } from './quote-comparison.js'
import { Quote, QuoteLine, QuoteVersion, type Offer } from './quote.js'

type VersionAnswer = Answer<typeof getQuoteVersion>

@Injectable()
export class QuoteQueries {
  constructor(
    private readonly db: Database,
    private readonly deals: Deals,
  ) {}

  list(query: Input<typeof listQuotes>['query']) {
    return this.db.list(Quote, listQuotes, query, quoteSummary)
  }

  /** The quote with its current version in full and all versions in short. */
  async get(id: Id<'quote'>): Promise<Answer<typeof getQuote>> {
    const quote = await this.db.get(Quote, id)
    const { today } = await this.deals.company()
    const versions = await this.db.findBy(QuoteVersion, { quote_id: id })
    const current = versions.find(({ number }) => number === quote.currentNumber)!
    return {
      ...quoteSummary(quote),
      accountName: await this.deals.accountName(quote.accountId),
      current: versionView({ version: current, lines: await this.lines(current) }, today),
      versions: versions.sort((a, b) => a.number - b.number).map((version) => ({ ...stateOf(version, today), total: version.gross })),
    }
  }

  async version(id: Id<'quote'>, number: number): Promise<VersionAnswer> {
    await this.db.get(Quote, id)
    return versionView(await this.offer(id, number), (await this.deals.company()).today)
  }

  async compare(id: Id<'quote'>, from: number, to: number): Promise<Answer<typeof compareQuoteVersions>> {
    await this.db.get(Quote, id)
    const { lines, totals, changed } = compareOffers(await this.offer(id, from), await this.offer(id, to))
    return { totals, changed, lines: lines.map((line) => ({ ...line, from: comparedLine(line.from), to: comparedLine(line.to) })) }
  }

  private async offer(id: Id<'quote'>, number: number): Promise<Offer> {
    const [version] = await this.db.findBy(QuoteVersion, { quote_id: id, number })
    if (!version) throw Refusal.notFound('quote_version', `${id} ${number}`)
    return { version, lines: await this.lines(version) }
  }

  private async lines({ id }: QuoteVersion): Promise<QuoteLine[]> {
    return (await this.db.findBy(QuoteLine, { quote_version_id: id })).sort((a, b) => a.position - b.position)
  }
}

function quoteSummary(quote: Quote): z.input<typeof QuoteSummary> {
  return quote
}

function stateOf(version: QuoteVersion, today: CalendarDate) {
  const { number, status, validUntil, createdAt, sentAt, acceptedAt, declinedAt } = version
  return { number, status, expired: version.expiredOn(today), validUntil, createdAt, sentAt, acceptedAt, declinedAt }
}

function versionView({ version, lines }: Offer, today: CalendarDate): VersionAnswer {
  const { quoteId, vat, discount, notes, terms, list, lineDiscount, headerDiscount, net, tax, gross, taxes } = version
  const { signer, signerTitle, acceptedBy, declineReason } = version
  return {
    ...stateOf(version, today),
    quoteId,
    vat: vat && { rate: vat.rate.toString(), mode: vat.mode },
    discount: discount && { percent: discount.percent?.toString() ?? null, amount: discount.amount },
    notes,
    terms: [...terms],
    lines: lines.map(lineView),
    totals: { list, lineDiscount, headerDiscount, net, tax, gross, taxes: [...taxes] },
    signer,
    signerTitle,
    acceptedBy,
    declineReason,
  }
}

function lineView({ quoteVersionId: _, vatRate, vatMode, vatOwn: _o, ...line }: QuoteLine): VersionAnswer['lines'][number] {
  return {
    ...line,
    quantity: line.quantity.toString(),
    discount: line.discount.toString(),
    vat: { rate: vatRate.toString(), mode: vatMode },
    waterfall: [...line.waterfall],
  }
}

function comparedLine(line: QuoteLine | null) {
  if (!line) return null
  const { quantity, discount, vatRate, vatMode, net, gross } = line
  const vat = { rate: vatRate.toString(), mode: vatMode }
  return { quantity: quantity.toString(), unitPrice: unitPrice(line), discount: discount.toString(), vat, net, gross }
}

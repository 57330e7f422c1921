import { Controller } from '@nestjs/common'
import { searchLeads, type Answer, type Input } from '@millrace/contracts'
import { Search, Serve, type Found } from '@millrace/service'
import { Lead } from '../lead/lead.js'

@Controller()
export class SearchController {
  constructor(private readonly search: Search) {}

  @Serve(searchLeads)
  async leads({ query }: Input<typeof searchLeads>): Promise<Answer<typeof searchLeads>> {
    const wish = { text: query.q, limit: query.limit, show: ['status'] as const, where: "status <> 'merged'" }
    const { found, complete } = await this.search.find(Lead, wish)
    return { data: found.map(leadHit), complete }
  }
}

function leadHit({ record, mine, match, matches }: Found<Lead>): Answer<typeof searchLeads>['data'][number] {
  const { id, status, companyName, contactName, email, phone, externalId, ownerId, createdAt } = record
  const [title = id, ...rest] = [companyName, contactName, email, phone, externalId].filter((text) => typeof text === 'string')
  const subtitle = rest.filter((text) => text !== externalId).join(' · ') || null
  return { kind: 'lead', id, title, subtitle, status: status ?? null, ownerId, mine, match, matches: matches as never, createdAt }
}

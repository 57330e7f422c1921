import { Controller } from '@nestjs/common'
import { searchAccounts, searchContacts, type Answer, type Input } from '@millrace/contracts'
import { Database, Search, Serve } from '@millrace/service'
import { Account } from '../account/account.js'
import { Contact } from '../contact/contact.js'

@Controller()
export class SearchController {
  constructor(
    private readonly search: Search,
    private readonly db: Database,
  ) {}

  @Serve(searchAccounts)
  async accounts({ query }: Input<typeof searchAccounts>): Promise<Answer<typeof searchAccounts>> {
    const { found, complete } = await this.search.find(Account, {
      text: query.q,
      limit: query.limit,
      show: ['location'],
      where: 'merged_into IS NULL',
    })
    const data = found.map(({ record: { id, name, location, phone, ownerId, createdAt }, ...fit }) => ({
      ...{ kind: 'account' as const, id, title: name ?? id, subtitle: inOneLine(location, phone), status: null, ownerId, createdAt },
      ...{ mine: fit.mine, match: fit.match, matches: fit.matches as never },
    }))
    return { data, complete }
  }

  @Serve(searchContacts)
  async contacts({ query }: Input<typeof searchContacts>): Promise<Answer<typeof searchContacts>> {
    const { found, complete } = await this.search.find(Contact, { text: query.q, limit: query.limit, show: ['accountId', 'jobTitle'] })
    const accounts = await this.db.query<{ id: string; name: string }>('SELECT id, name FROM account WHERE id = ANY($1::text[])', [
      found.map(({ record }) => record.accountId),
    ])
    const companies = new Map(accounts.map(({ id, name }) => [id, name]))
    const data = found.map(({ record: { id, name, accountId, jobTitle, email, phone, ownerId, createdAt }, ...fit }) => ({
      ...{ kind: 'contact' as const, id, title: name ?? id, subtitle: inOneLine(companies.get(accountId!), jobTitle, email, phone) },
      ...{ status: null, ownerId, createdAt, mine: fit.mine, match: fit.match, matches: fit.matches as never },
    }))
    return { data, complete }
  }
}

function inOneLine(...parts: (string | null | undefined)[]): string | null {
  return parts.filter(Boolean).join(' · ') || null
}

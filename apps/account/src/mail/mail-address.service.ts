import { randomBytes } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import type { Answer, getMailAddress } from '@millrace/contracts'
import { Clock, Config, Database, inTenant } from '@millrace/service'
import type { AccountConfig } from '../config.js'

interface Row {
  readonly token: string
  readonly created_at: Date
}

/** The addresses at which companies receive e-mails. Whoever knows one can send to it, so it is told to few and written into no log. */
@Injectable()
export class MailAddressService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    @Inject(Config) private readonly config: AccountConfig,
  ) {}

  async get(): Promise<Answer<typeof getMailAddress>> {
    return this.view(await this.db.one<Row>('SELECT token, created_at FROM mail_address'))
  }

  /** Makes a new address; mail to the old one is refused from then on. */
  async renew(): Promise<Answer<typeof getMailAddress>> {
    const token = BigInt(`0x${randomBytes(16).toString('hex')}`)
      .toString(36)
      .padStart(25, '0')
    return this.view(
      await this.db.one<Row>(
        `INSERT INTO mail_address (token, created_at) VALUES ($1, $2)
         ON CONFLICT (tenant_id) DO UPDATE SET token = excluded.token, created_at = excluded.created_at RETURNING token, created_at`,
        [token, this.clock.now()],
      ),
    )
  }

  /** Whose address it is; undefined: nobody's. */
  async tenantOf(address: string): Promise<string | undefined> {
    const at = address.lastIndexOf('@')
    const [token, domain] = [address.slice(0, at).toLowerCase(), address.slice(at + 1).toLowerCase()]
    if (domain !== this.config.MAIL_DOMAIN || !/^[0-9a-z]{25}$/.test(token)) return undefined
    const found = await inTenant('*', () =>
      this.db.one<{ tenant_id: string }>('SELECT tenant_id FROM mail_address WHERE token = $1', [token]),
    )
    return found?.tenant_id
  }

  private view(row: Row | undefined): Answer<typeof getMailAddress> {
    return { address: row ? `${row.token}@${this.config.MAIL_DOMAIN}` : null, since: row?.created_at ?? null }
  }
}

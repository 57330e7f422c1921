import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common'
import { Config, context, createLogger, inTenant, refusalOf, withContext, type Logger } from '@millrace/service'
import { SMTPServer, type SMTPServerAddress, type SMTPServerSession } from 'smtp-server'
import type { AccountConfig } from '../config.js'
import { MailAddressService } from './mail-address.service.js'
import { MailService } from './mail.service.js'

const wrongAddressesAtMost = 3
const mailsOfOneConnection = 100

/** A reply of SMTP (RFC 5321): 4xx says try again, 5xx says never. */
class Reply extends Error {
  constructor(
    readonly responseCode: number,
    message: string,
  ) {
    super(message)
  }
}

/**
 * Receives e-mails by SMTP, for the addresses of companies and no others: it passes nothing on, answers nothing, and says "received" only once an e-mail is
 * filed or kept. Until then the sending server has it, and tries again.
 */
@Injectable()
export class MailReceiver implements BeforeApplicationShutdown {
  private server: SMTPServer | undefined
  private readonly log: Logger
  private readonly wrongAddresses = new Map<string, number>()

  constructor(
    private readonly mails: MailService,
    private readonly addresses: MailAddressService,
    @Inject(Config) private readonly config: AccountConfig,
  ) {
    this.log = createLogger('account', config.LOG_LEVEL)
  }

  /** Begins to listen, when a port is set. */
  async listen(): Promise<void> {
    const { MAIL_SMTP_PORT: port, MAIL_TLS_CERT: cert, MAIL_TLS_KEY: key, HOST } = this.config
    if (port === undefined) return
    const tls = cert && key ? { cert: readFileSync(cert), key: readFileSync(key) } : undefined
    const server = new SMTPServer({
      ...tls,
      name: this.config.MAIL_DOMAIN,
      banner: 'Millrace',
      size: this.config.MAIL_LIMIT,
      rejectOversized: true,
      authOptional: true,
      disabledCommands: ['AUTH', ...(tls ? [] : ['STARTTLS'])],
      disableReverseLookup: true,
      maxClients: this.config.MAIL_SMTP_CLIENTS,
      socketTimeout: 60_000,
      closeTimeout: 5_000,
      logger: false, // it would write the addresses down
      onMailFrom: (_, session, done) => {
        if (session.transaction > mailsOfOneConnection) return done(new Reply(421, 'Enough for one connection, come again'))
        done()
      },
      onRcptTo: (address, session, done) => void this.allow(address, session).then(() => done(), done),
      onData: (content, session, done) => {
        // A stream that its sender leaves tells so to whoever reads it; when nobody does yet, it must not end the process.
        content.on('error', () => undefined)
        void this.receive(content, session).then(
          () => done(null, 'OK'),
          (error: Error) => {
            content.resume()
            done(error)
          },
        )
      },
      onClose: ({ id }) => void this.wrongAddresses.delete(id),
    })
    // What goes wrong on one connection is its sender's matter.
    server.on('error', (error) => this.log.debug({ reason: error.name }, 'an SMTP connection failed'))
    await new Promise<void>((resolve, reject) => {
      server.server.once('error', reject)
      server.listen(port, HOST, resolve)
    })
    this.server = server
    this.log.info({ port: this.port, tls: Boolean(tls) }, 'receiving e-mails')
  }

  /** The port that it listens on; undefined: it does not. */
  get port(): number | undefined {
    return (this.server?.server.address() as AddressInfo | null | undefined)?.port
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { server } = this
    if (server) await new Promise<void>((resolve) => server.close(resolve))
  }

  /** One address of a company at a time: two would be two e-mails, of which one may fail. */
  private async allow({ address }: SMTPServerAddress, session: SMTPServerSession): Promise<void> {
    if (session.envelope.rcptTo.length) throw new Reply(452, 'One recipient at a time')
    if (await this.tenantOf(address)) return
    const wrong = (this.wrongAddresses.get(session.id) ?? 0) + 1
    this.wrongAddresses.set(session.id, wrong)
    throw new Reply(wrong < wrongAddressesAtMost ? 550 : 421, 'No such mailbox')
  }

  private async receive(content: Readable, { envelope }: SMTPServerSession): Promise<void> {
    const tenantId = await this.tenantOf(envelope.rcptTo[0]!.address)
    if (!tenantId) throw new Reply(550, 'No such mailbox')
    try {
      // Nobody is behind an empty return path: it is a report of non-delivery, or an answering machine.
      if (envelope.mailFrom && !envelope.mailFrom.address) content.resume()
      else await inTenant(tenantId, () => withContext({ ...context(), channel: 'mail' }, () => this.mails.accept(content)))
    } catch (error) {
      throw this.replyTo(error)
    }
  }

  private async tenantOf(address: string): Promise<string | undefined> {
    try {
      return await this.addresses.tenantOf(address)
    } catch (error) {
      throw this.replyTo(error)
    }
  }

  private replyTo(error: unknown): Reply {
    const refusal = refusalOf(error)
    if (!refusal) this.log.error({ err: error }, 'an e-mail could not be filed; its sender tries again')
    if (refusal?.code === 'request.too_large') return new Reply(552, 'Too large')
    if (refusal?.code === 'mail.sender_unknown') return new Reply(550, 'Neither the sender nor anybody else in it is known here')
    if (refusal?.code === 'mail.unreadable' || refusal?.code === 'file.empty') return new Reply(554, 'Not an e-mail that can be read')
    return new Reply(451, refusal?.code === 'mail.too_many' ? 'Too many for now, try again later' : 'Cannot be taken now, try again later')
  }
}

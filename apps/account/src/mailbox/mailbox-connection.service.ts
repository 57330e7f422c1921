import type { BlockList } from 'node:net'
import { Refusal } from '@millrace/domain'
import { destinationOf } from '@millrace/service'
import { ImapFlow, type ImapFlowOptions } from 'imapflow'
import type { Mailbox } from './mailbox.js'

/** How connections to mailboxes are made. */
export interface Connecting {
  /** Private networks in which mailboxes may be. */
  readonly privateNetworks: BlockList
  /** The longest that a server may be silent. */
  readonly timeoutMs: number
}

/** So much of an e-mail is asked for at once. */
const chunkBytes = 262_144

/** An open folder of a mailbox. It is closed by whoever opened it. */
export interface OpenFolder {
  readonly client: ImapFlow
  /** While it stays the same, so do the numbers of e-mails. */
  readonly uidValidity: bigint
  readonly messages: number
}

/** Signs in and opens the folder. Refuses with what is wrong: `mailbox.wrong_password`, `mailbox.silent`, … */
export async function openFolder(
  mailbox: Mailbox,
  secret: string,
  { privateNetworks, timeoutMs }: Connecting,
  opened: (client: ImapFlow) => void = () => undefined,
): Promise<OpenFolder> {
  const { host, port, security, trusts, username, folder, after, moveTo } = mailbox
  const destination = await destinationOf(host, privateNetworks).catch((error: unknown) => {
    throw troubleOf(error)
  })
  if (!destination) throw new Refusal('mailbox.host_not_allowed')
  if (security === 'none' && !destination.inside) throw new Refusal('mailbox.not_encrypted')
  const options: ImapFlowOptions = {
    host: destination.address,
    ...(host !== destination.address && { servername: host }),
    port,
    secure: security === 'tls',
    ...(security !== 'tls' && { doSTARTTLS: security === 'starttls' }),
    tls: { minVersion: 'TLSv1.2', ...(trusts && { ca: trusts }) },
    auth: { user: username, pass: secret },
    logger: false, // it would write names and subjects down
    disableAutoIdle: true,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    maxLiteralSize: 4 * chunkBytes,
  }
  const client = new ImapFlow(options)
  // What goes wrong is told by whatever waits for the connection; without a listener it would end the process.
  client.on('error', () => undefined)
  opened(client)
  try {
    await client.connect()
    if (after === 'move') await mustHaveFolder(client, moveTo!)
    const { uidValidity, exists } = await client
      .mailboxOpen(folder)
      .catch((error: { mailboxMissing?: boolean; responseStatus?: string }) => {
        throw error.mailboxMissing || error.responseStatus === 'NO' ? new Refusal('mailbox.no_folder', { folder }) : error
      })
    return { client, uidValidity, messages: exists }
  } catch (error) {
    client.close()
    throw troubleOf(error)
  }
}

async function mustHaveFolder(client: ImapFlow, folder: string): Promise<void> {
  const status = await client.status(folder, { uidNext: true }).catch((error: { code?: string }) => {
    if (error.code === 'NotFound') return false
    throw error
  })
  if (!status) throw new Refusal('mailbox.no_folder', { folder })
}

/** The numbers above `last` of e-mails that came on this day or later, ascending. */
export async function numbersAfter({ client }: OpenFolder, last: number, since: string): Promise<number[]> {
  const found = await client.search({ uid: `${last + 1}:*`, since, deleted: false }, { uid: true })
  if (!found) throw new Refusal('mailbox.not_imap')
  // `n:*` always has the last e-mail in it, whatever its number is.
  return found.filter((uid) => uid > last).sort((a, b) => a - b)
}

/** The bytes of an e-mail, as they come. */
export async function* sourceOf({ client }: OpenFolder, uid: number): AsyncGenerator<Buffer> {
  for (let start = 0; ;) {
    const part = await client.fetchOne(String(uid), { source: { start, maxLength: chunkBytes } }, { uid: true })
    const bytes = (part && part.source) || undefined
    if (bytes?.length) yield bytes
    if (!bytes || bytes.length < chunkBytes) return
    start += bytes.length
  }
}

/** Does with an e-mail what its mailbox wants done once it is filed. */
export async function finish({ client }: OpenFolder, uid: number, { after, moveTo }: Mailbox): Promise<void> {
  const done =
    after === 'move'
      ? await client.messageMove(String(uid), moveTo!, { uid: true })
      : await client.messageFlagsAdd(String(uid), ['\\Seen'], { uid: true })
  if (!done) throw new Refusal('mailbox.not_marked')
}

/** What an error of the connection means to whoever looks after the mailbox. */
export function troubleOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  const {
    code = '',
    message = '',
    authenticationFailed,
    tlsFailed,
  } = error as {
    code?: string
    message?: string
    authenticationFailed?: boolean
    tlsFailed?: boolean
  }
  if (authenticationFailed) return new Refusal('mailbox.wrong_password')
  if (/^(ENOTFOUND|EAI_)/.test(code)) return new Refusal('mailbox.host_unknown')
  if (/TIMEOUT|^ETIMEDOUT$/.test(code)) return new Refusal('mailbox.silent')
  if (/CERT|SIGNED|ISSUER|ALTNAME|HOSTNAME_MISMATCH|VERIFY/.test(code)) return new Refusal('mailbox.certificate')
  if (tlsFailed && !code && /STARTTLS/.test(message)) return new Refusal('mailbox.no_starttls')
  if (/^(ECONN|EHOST|ENET|EPIPE|NoConnection|EConnectionClosed|ClosedAfter)/.test(code)) return new Refusal('mailbox.unreachable')
  return new Refusal('mailbox.not_imap')
}

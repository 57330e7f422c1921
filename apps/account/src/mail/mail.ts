import { emailKey } from '@millrace/domain'

/** A name, which may be empty, and an e-mail address. */
export interface Party {
  readonly name: string
  readonly address: string
}

/** An e-mail as it was read: whatever it claims, in texts that can be stored and shown. */
export interface Mail {
  readonly messageId: string | null
  /** Message-IDs of those that it answers, the oldest first. */
  readonly references: readonly string[]
  readonly from: Party | null
  readonly to: readonly Party[]
  readonly cc: readonly Party[]
  readonly subject: string
  readonly text: string | null
  readonly sentAt: Date | null
  /** A machine wrote it: an answering machine, a list, a report of non-delivery. */
  readonly automatic: boolean
}

/** Lists show it whole. */
const longestText = 20_000
const day = 86_400_000

/** When it was sent, if that can be: not in the future, and not before there was e-mail. Else when it was received. */
export function sentWhen({ sentAt }: Mail, receivedAt: Date): Date {
  if (!sentAt || Number.isNaN(sentAt.getTime())) return receivedAt
  if (sentAt.getTime() > receivedAt.getTime() + day || sentAt.getUTCFullYear() < 1980) return receivedAt
  return sentAt > receivedAt ? receivedAt : sentAt
}

/** Everybody in it as mail systems compare addresses, the sender first, each once. */
export function everybodyIn({ from, to, cc }: Pick<Mail, 'from' | 'to' | 'cc'>): string[] {
  return [...new Set([...(from ? [from] : []), ...to, ...cc].map(({ address }) => emailKey(address)))]
}

/** Whether the headers say that no person wrote it (RFC 3834, and what is usual besides). */
export function isAutomatic(header: (name: string) => string | undefined, from: Party | null): boolean {
  const submitted = header('auto-submitted')?.trim().toLowerCase()
  if (submitted && !submitted.startsWith('no')) return true
  if (/^\s*(bulk|junk|list|auto_reply)\b/i.test(header('precedence') ?? '')) return true
  if (header('list-id') !== undefined || header('x-autoreply') !== undefined || header('x-autorespond') !== undefined) return true
  return /^(mailer-daemon|postmaster)@/i.test(from?.address ?? '')
}

/** One line, without what cannot be seen or turns the direction of writing. */
export function shownLine(text: string, longest: number): string {
  const line = text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{Cf}/gu, '')
  return [...line.replace(/\s+/g, ' ').trim()].slice(0, longest).join('')
}

/** Lines of text that can be stored; what is longer than anybody writes is cut. Null: there is none. */
export function shownText(text: string): string | null {
  const lines = text
    .slice(0, longestText)
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n\t]/gu, '')
    .replace(/[^\S\n]+\n/g, '\n')
    .trim()
  return lines ? `${lines}${text.length > longestText ? ' …' : ''}` : null
}

/** The first words. */
export function excerptOf({ text }: Mail): string {
  return shownLine(text?.slice(0, 2_000) ?? '', 200)
}

import type { Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Refusal } from '@millrace/domain'
import { MailParser, type AddressObject, type AttachmentStream, type EmailAddress, type Headers, type MessageText } from 'mailparser'
import { isAutomatic, shownLine, shownText, type Mail, type Party } from './mail.js'
import { plainText } from './plain-text.js'

/** A file in an e-mail, while the e-mail is read. */
export interface EnclosedFile {
  readonly name: string
  readonly content: Readable
}

const partiesAtMost = 200
const referencesAtMost = 100
/** As much HTML is looked at; the rest of it nobody reads. */
const longestHtml = 2_000_000

const options = {
  // What the parser would make of HTML is for showing it; here it becomes text, and nothing in it is a link or a picture.
  skipHtmlToText: true,
  skipTextToHtml: true,
  skipTextLinks: true,
  skipImageLinks: true,
  checksumAlgo: false as const,
  maxHeadSize: 262_144,
  maxChildNodes: 500,
}

/** Reads an e-mail's source as a stream; each file in it is handed to `take` before the next is read. Refuses what is none: `mail.unreadable`. */
export async function readMail(source: Readable, take: (file: EnclosedFile) => Promise<void> = async () => undefined): Promise<Mail> {
  const parser = new MailParser(options)
  let headers: Headers = new Map()
  let body: MessageText | undefined
  let fault: unknown
  parser.once('headers', (found) => (headers = found))
  try {
    await pipeline(source, parser as unknown as Duplex, async (parts: AsyncIterable<unknown>) => {
      for await (const part of parts as AsyncIterable<AttachmentStream | MessageText>) {
        if (part.type === 'text') {
          body = part
          continue
        }
        try {
          await take({ name: nameOf(part), content: part.content })
        } catch (error) {
          fault = error
          throw error
        } finally {
          part.content.resume()
          part.release?.()
        }
      }
    })
  } catch (error) {
    if (fault) throw fault
    throw Refusal.invalid('mail.unreadable', { reason: reasonOf(error) })
  }
  if (!['from', 'to', 'date', 'message-id', 'subject', 'received'].some((name) => headers.has(name)))
    throw Refusal.invalid('mail.unreadable', { reason: 'it has no headers' })
  const text = shownText(body?.text ?? '') ?? shownText(plainText((body?.html || '').slice(0, longestHtml)))
  const from = parties(headers.get('from'))[0] ?? parties(headers.get('sender'))[0] ?? null
  return {
    messageId: messageIds(headers.get('message-id'))[0] ?? null,
    references: [...new Set([...messageIds(headers.get('references')), ...messageIds(headers.get('in-reply-to'))])].slice(
      -referencesAtMost,
    ),
    from,
    to: parties(headers.get('to')),
    cc: parties(headers.get('cc')),
    subject: shownLine(textOf(headers.get('subject')) ?? '', 200),
    text,
    sentAt: headers.get('date') instanceof Date ? (headers.get('date') as Date) : null,
    automatic: isAutomatic((name) => headerText(headers, name), from) || isOfNobody(headers.get('return-path')),
  }
}

function nameOf({ filename, contentType }: AttachmentStream): string {
  if (filename) return filename
  const ending = { 'image/png': 'png', 'image/jpeg': 'jpg', 'application/pdf': 'pdf', 'text/calendar': 'ics' }[contentType]
  return ending ? `attachment.${ending}` : 'attachment'
}

function parties(value: unknown): Party[] {
  const found: Party[] = []
  const add = (addresses: readonly EmailAddress[]) => {
    for (const { name, address, group } of addresses) {
      if (found.length >= partiesAtMost) return
      if (group) add(group)
      else if (address && /^[^\s@]{1,128}@[^\s@]{1,255}$/.test(address))
        found.push({ name: shownLine(name ?? '', 200), address: shownLine(address, 320) })
    }
  }
  for (const each of Array.isArray(value) ? (value as AddressObject[]) : value ? [value as AddressObject] : []) add(each.value ?? [])
  return found
}

function messageIds(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value])
    .flatMap((each) => (typeof each === 'string' ? (each.match(/<[^<>\s]{1,998}>/g) ?? []) : []))
    .map((each) => each.toWellFormed())
}

/** An empty return path, as the last server noted it: a report of non-delivery, or an answering machine. */
function isOfNobody(returnPath: unknown): boolean {
  const found = (returnPath as AddressObject | undefined)?.value
  return found !== undefined && found.every(({ address }) => !address)
}

/** The parser puts all List-* headers under one name. */
function headerText(headers: Headers, name: string): string | undefined {
  if (name === 'list-id') return (headers.get('list') as { id?: unknown } | undefined)?.id === undefined ? undefined : 'list'
  return textOf(headers.get(name))
}

function textOf(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : undefined
}

function reasonOf(error: unknown): string {
  const { code } = error as { code?: string }
  return code === 'EMAXLEN' ? 'its headers or its parts are too many' : 'its parts do not fit together'
}

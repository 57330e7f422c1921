import { Refusal } from './refusal.js'

/** The name of one thing for ever: `lead_01h455vb4pex5vsknk084sn02q`. A TypeID (github.com/jetify-com/typeid): a noun and a UUIDv7. */
export type Id<Noun extends string> = `${Noun}_${string}`

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const pairs = Array.from({ length: 1024 }, (_, i) => alphabet.charAt(i >> 5) + alphabet.charAt(i & 31))
const nounPattern = /^[a-z](?:[a-z_]{0,61}[a-z])?$/
const suffixPattern = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/
const uuidPattern = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

let time = 0
let timeText = ''
let counter = 0

/** A new id. Ids of one process sort by creation, even within one millisecond and when the clock is set back. */
export function newId<Noun extends string>(noun: Noun): Id<Noun> {
  // The wall clock on purpose, not the business clock: a test that moves time by months must not upset the order of ids.
  const now = Date.now()
  if (now > time) startMillisecond(now)
  else if (++counter > 0xffffff) startMillisecond(time + 1)
  // 30 bits: version 7, 12 bits of counter, variant 2, 12 bits of counter. Then 50 random bits.
  const middle = (0b0111 << 26) | ((counter >> 12) << 14) | (0b10 << 12) | (counter & 0xfff)
  const ordered = `${timeText}${pairs[middle >> 20]}${pairs[(middle >> 10) & 1023]}${pairs[middle & 1023]}`
  return `${noun}_${ordered}${randomPair()}${randomPair()}${randomPair()}${randomPair()}${randomPair()}`
}

/** Whether a text is an id of this noun. */
export function isId<Noun extends string>(noun: Noun, text: unknown): text is Id<Noun> {
  return typeof text === 'string' && text.length === noun.length + 27 && text.startsWith(`${noun}_`) && suffixPattern.test(text.slice(-26))
}

/** The text as an id of this noun. Refuses `id.malformed`. */
export function parseId<Noun extends string>(noun: Noun, text: string): Id<Noun> {
  if (!isId(noun, text)) throw Refusal.invalid('id.malformed', { noun, text })
  return text
}

/** What kind of thing an id names: `org_unit`. Refuses `id.malformed`. */
export function nounOf(id: Id<string>): string {
  const noun = id.slice(0, -27)
  if (!nounPattern.test(noun) || !isId(noun, id)) throw Refusal.invalid('id.malformed', { text: id })
  return noun
}

/** When an id was made, in milliseconds since 1970 UTC. Refuses `id.malformed`. */
export function timeOf(id: Id<string>): number {
  const noun = nounOf(id)
  return [...id.slice(noun.length + 1, noun.length + 11)].reduce((sum, letter) => sum * 32 + alphabet.indexOf(letter), 0)
}

/** A UUID as the 26 letters that end an id. Refuses `id.malformed`. */
export function encodeUuid(uuid: string): string {
  if (!uuidPattern.test(uuid)) throw Refusal.invalid('id.malformed', { text: uuid })
  let text = ''
  for (let rest = BigInt(`0x${uuid.replaceAll('-', '')}`); text.length < 26; rest >>= 10n) text = pairs[Number(rest & 1023n)] + text
  return text
}

/** The UUID in the 26 letters that end an id. Refuses `id.malformed`. */
export function decodeUuid(suffix: string): string {
  if (!suffixPattern.test(suffix)) throw Refusal.invalid('id.malformed', { text: suffix })
  const value = [...suffix].reduce((sum, letter) => sum * 32n + BigInt(alphabet.indexOf(letter)), 0n)
  return value
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function startMillisecond(ms: number) {
  time = ms
  timeText = ''
  for (let rest = ms; timeText.length < 10; rest = Math.floor(rest / 1024)) timeText = pairs[rest % 1024] + timeText
  counter = ((random() & 0x7ff) << 12) | (random() & 0xfff) // upper half left free: room for eight million ids this millisecond
}

function randomPair() {
  return pairs[random() & 1023]
}

// One call to crypto for many ids: it costs more than all the rest of an id.
const randomness = new Uint16Array(4096)
let spent = randomness.length

function random(): number {
  if (spent === randomness.length) {
    globalThis.crypto.getRandomValues(randomness)
    spent = 0
  }
  return randomness[spent++]!
}

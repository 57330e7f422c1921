import type { Encoding } from '@millrace/contracts'

/** What the bytes of a file said while they passed by. */
export interface Traits {
  readonly utf8: boolean
  /** Whether it is UTF-8 that ends in the middle of a character. */
  readonly cutOff: boolean
  /** How many NULs stand at even and at odd places among its first bytes. */
  readonly nuls: readonly [even: number, odd: number]
  readonly looked: number
  readonly start: Buffer
}

/** Watches a file pass by. */
export class Watch {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true })
  private readonly nuls: [number, number] = [0, 0]
  private utf8 = true
  private looked = 0
  private start = Buffer.alloc(0)

  see(part: Buffer): void {
    if (this.start.length < 4) this.start = Buffer.concat([this.start, part.subarray(0, 4)])
    if (this.utf8) this.utf8 = decodes(this.decoder, part)
    for (let at = part.indexOf(0); at >= 0; at = part.indexOf(0, at + 1)) this.nuls[((this.looked + at) % 2) as 0 | 1] += 1
    this.looked += part.length
  }

  end(): Traits {
    const cutOff = this.utf8 && !decodes(this.decoder, undefined)
    return { utf8: this.utf8 && !cutOff, cutOff, nuls: this.nuls, looked: this.looked, start: this.start }
  }
}

function decodes(decoder: InstanceType<typeof TextDecoder>, part: Buffer | undefined): boolean {
  try {
    decoder.decode(part, { stream: part !== undefined })
    return true
  } catch {
    return false
  }
}

/** Characters that everyday text is made of, by the encoding whose first level they are. */
const common = {
  gb18030: (char: number) => levels().gb18030.has(char) || isPunctuation(char),
  big5: (char: number) => levels().big5.has(char) || isPunctuation(char),
  shift_jis: (char: number) => (char >= 0x3040 && char <= 0x30ff) || levels().shift_jis.has(char) || isPunctuation(char),
}
/** So much of the text outside ASCII has to be everyday text. */
const plausible = 0.5
const sampleBytes = 1_048_576

/** The encoding of a file; undefined: it is text of no encoding that we know, `binary`: it is no text. */
export async function detectEncoding(traits: Traits, parts: () => AsyncIterable<Buffer>): Promise<Encoding | 'binary' | undefined> {
  const { start, looked } = traits
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le'
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be'
  const [even, odd] = traits.nuls
  if (even + odd) {
    // What is ASCII in UTF-16 has a NUL in every second place.
    const [few, many] = [Math.min(even, odd), Math.max(even, odd)]
    if (looked % 2 || many < looked / 8 || few * 10 > many) return 'binary'
    return odd > even ? 'utf-16le' : 'utf-16be'
  }
  if (traits.utf8) return 'utf-8'
  let best: { encoding: Encoding; score: number } | undefined
  for (const encoding of ['gb18030', 'big5', 'shift_jis', 'windows-1252'] as const) {
    const score = encoding === 'windows-1252' ? await scoreOfLatin(parts()) : await scoreOf(encoding, parts())
    if (score >= plausible && score > (best?.score ?? 0)) best = { encoding, score }
  }
  return best?.encoding
}

/** Whether the whole file can be read in an encoding. No text has a NUL, but as a part of a character of UTF-16. */
export async function isIn(encoding: Encoding, parts: AsyncIterable<Buffer>): Promise<boolean> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  const mayHaveNuls = encoding.startsWith('utf-16')
  for await (const part of parts) if (!decodes(decoder, part) || (!mayHaveNuls && part.includes(0))) return false
  return decodes(decoder, undefined)
}

/** The text of a file, without a byte order mark, and without the characters that Postgres keeps in no text. */
export async function* textOf(encoding: Encoding, parts: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding)
  for await (const part of parts) yield decoder.decode(part, { stream: true }).replaceAll('\0', '')
  yield decoder.decode()
}

/** Which part of what is not ASCII is everyday text; 0 when it cannot be read. */
async function scoreOf(encoding: keyof typeof common, parts: AsyncIterable<Buffer>): Promise<number> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  const isCommon = common[encoding]
  let [all, good] = [0, 0]
  try {
    for await (const part of parts)
      for (const letter of decoder.decode(part, { stream: true })) {
        const char = letter.codePointAt(0)!
        if (char < 0x80) continue
        all += 1
        if (isCommon(char)) good += 1
      }
    decoder.decode()
  } catch {
    return 0
  }
  return all ? good / all : 0
}

/** In Western text, a letter that is not ASCII stands alone among others that are. */
async function scoreOfLatin(parts: AsyncIterable<Buffer>): Promise<number> {
  let [all, good, seen] = [0, 0, 0]
  for await (const part of parts) {
    for (const [at, byte] of part.entries()) {
      if (byte < 0x80) continue
      all += 1
      const alone = (part[at - 1] ?? 0) < 0x80 && (part[at + 1] ?? 0) < 0x80
      if (alone && ((byte >= 0xc0 && byte !== 0xd7 && byte !== 0xf7) || signs.has(byte))) good += 1
    }
    seen += part.length
    if (seen > sampleBytes && all) break
  }
  return all ? good / all : 0
}

/** € ‘ ’ “ ” – — § ° ² ³ and the like, which Western text has besides letters. */
const signs = new Set([0x80, 0x84, 0x85, 0x91, 0x92, 0x93, 0x94, 0x96, 0x97, 0x99, 0xa0, 0xa7, 0xa9, 0xae, 0xb0, 0xb2, 0xb3, 0xb7])

function isPunctuation(char: number): boolean {
  return (char >= 0x3000 && char <= 0x303f) || (char >= 0xff01 && char <= 0xff5e) || (char >= 0x2010 && char <= 0x2027) || char === 0xb7
}

let known: Record<keyof typeof common, ReadonlySet<number>> | undefined

/** The first level of each standard holds what is usual, the second what is rare. */
function levels() {
  return (known ??= {
    gb18030: between('gb18030', [0xb0, 0xd7], [[0xa1, 0xfe]]),
    big5: between(
      'big5',
      [0xa4, 0xc6],
      [
        [0x40, 0x7e],
        [0xa1, 0xfe],
      ],
    ),
    shift_jis: between(
      'shift_jis',
      [0x88, 0x97],
      [
        [0x40, 0x7e],
        [0x80, 0xfc],
      ],
    ),
  })
}

function between(encoding: string, [first, last]: readonly [number, number], trails: readonly (readonly [number, number])[]) {
  const decoder = new TextDecoder(encoding)
  const chars = new Set<number>()
  for (let lead = first; lead <= last; lead += 1)
    for (const [from, to] of trails)
      for (let trail = from; trail <= to; trail += 1) {
        const [char, ...more] = decoder.decode(Buffer.from([lead, trail]))
        if (char && !more.length && char !== '\ufffd') chars.add(char.codePointAt(0)!)
      }
  return chars
}

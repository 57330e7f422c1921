/**
 * What a record is found by when somebody types into a search box, and whether it is what was meant. Texts are taken apart into words; Chinese and
 * Japanese, which have no spaces, into pairs of characters (云图科技: 云图 图科 科技 技). A word finds those that begin with it, the end of a phone
 * number finds the whole. Tokens only lead to records that may be meant: the judgement is made on the texts themselves.
 */
import { companyKey } from './company-key.js'

/** What kind of text a field holds. */
export type SearchedText = 'company' | 'person' | 'email' | 'phone' | 'code'

/** How well a record fits, best first: a field is just what was typed, begins with it, all words are beginnings of words, or somewhere inside. */
export const searchMatches = ['exact', 'prefix', 'word', 'part'] as const
export type SearchMatch = (typeof searchMatches)[number]

/** A field of a record, as it is judged. */
export interface SearchedField {
  readonly field: string
  readonly kind: SearchedText
  readonly text: string
}

/** Where a field holds what was typed: from, and up to but not with, in UTF-16 units. */
export interface FieldMatch {
  readonly field: string
  readonly text: string
  readonly ranges: readonly { readonly from: number; readonly to: number }[]
}

/** One thing to look up: a record may be meant when one of its tokens lies in one of these ranges (`from` ≤ token < `to`, by bytes). */
export interface LookUp {
  readonly ranges: readonly { readonly from: string; readonly to: string }[]
  /** The token of a whole word, for looking whether a record has it; none for what is still being typed. */
  readonly whole: string | undefined
}

interface Term {
  readonly kind: 'han' | 'word' | 'digits'
  readonly text: string
}

/** What somebody typed into a search box. */
export interface SearchWish {
  readonly terms: readonly Term[]
  /** All of it, folded. */
  readonly text: string
  readonly companyKey: string | null
  /** What to look up, at most `mostLookUps`; empty when everything that was typed is in nearly every record. */
  readonly lookUps: readonly LookUp[]
}

const mostLookUps = 8
const longestToken = 40
/** The end of a phone number that it is found by has so many digits, a whole one at least so many more. */
const fewestDigits = 4
const wholeNumber = 7

/** What a field is found by. Legal forms and the domains of mail providers, which half of all records have, are left out. */
export function searchTokens(kind: SearchedText, text: string): string[] {
  if (kind === 'phone') {
    const digits = digitsOf(text)
    return digits.length < fewestDigits ? [] : [phoneToken(digits)]
  }
  if (kind === 'email') {
    const domain = joined(text.slice(text.lastIndexOf('@') + 1))
    return distinct([joined(text), ...(providers.has(domain) ? [] : [domain])])
  }
  const tokens = segmentsOf(fold(text)).flatMap(({ han, parts }) =>
    han ? pairsOf(parts[0]!, true) : parts.length > 1 ? [parts.join(''), ...parts] : parts,
  )
  const telling = kind === 'company' ? tokens.filter((token) => !forms.has(token) && !hanForms.has(token)) : tokens
  return distinct(telling.length ? telling : tokens)
}

/** All tokens of a record. */
export function tokensOfFields(fields: readonly SearchedField[]): string[] {
  const tokens = distinct(fields.flatMap(({ kind, text }) => searchTokens(kind, text)))
  // A number as it was typed is the end of the same one with its country.
  const phones = tokens.filter((token) => token.startsWith(phoneSign))
  return tokens.filter((token) => !phones.some((longer) => longer !== token && longer.startsWith(token)))
}

/** Reads what was typed. */
export function searchWish(typed: string): SearchWish {
  const terms: Term[] = []
  const rest = typed
    .normalize('NFKC')
    .replace(/\(0\)/g, ' ')
    .replace(/(?<![\p{L}\p{N}@._'-])\+?\d[\d\s().\/-]*\d(?![\p{L}\p{N}@_']|[.-][\p{L}\p{N}])/gu, (typedNumber) => {
      // Few digits with spaces in them are several numbers: Site 10045 3.
      const isOne = typedNumber.replace(/\D/g, '').length >= wholeNumber
      const numbers = (isOne ? [typedNumber] : typedNumber.split(/\s+/)).map((number) => number.replace(/\D/g, ''))
      for (const text of numbers) if (text.length >= fewestDigits) terms.push({ kind: 'digits', text })
      return ` ${numbers.filter((text) => text.length < fewestDigits).join(' ')} `
    })
  for (const { han, parts } of segmentsOf(fold(rest))) terms.push({ kind: han ? 'han' : 'word', text: parts.join('') })
  const words = terms.filter(({ kind }) => kind === 'word')
  const telling = words.filter(({ text }) => !formBeginnings.some((form) => form.startsWith(text)))
  const looked = [
    ...terms.filter(({ kind }) => kind === 'digits'),
    ...terms.filter(({ kind }) => kind === 'han'),
    // ‘Acme Lt’ is on its way to ‘Acme Ltd’. By itself it may be the beginning of a name.
    ...(telling.length || terms.length > words.length ? telling : words),
  ]
  return {
    terms,
    text: squeezed(segmentsOf(fold(typed))),
    companyKey: companyKey(typed),
    lookUps: looked.flatMap((term) => lookUpsOf(term, term === terms.at(-1))).slice(0, mostLookUps),
  }
}

/** How well a record fits; undefined: it lacks something of what was typed. */
export function judged({ terms, text, companyKey: key }: SearchWish, fields: readonly SearchedField[]): SearchMatch | undefined {
  const read = fields.map((field) => ({ ...field, ...lettersOf(field) }))
  const places = terms.map((term) => read.map((field) => placesOf(term, field)))
  if (!places.length || places.some((inFields) => inFields.every((found) => !found.length))) return undefined
  const hasAll = (n: number) => places.every((inFields) => inFields[n]!.length)
  const isWhole = ({ letters, kind, text: given }: (typeof read)[number], n: number) =>
    letters === text ||
    isPhone(terms, kind, letters) ||
    (kind === 'company' && key !== null && letters.length <= text.length + longestForm && hasAll(n) && companyKey(given) === key)
  if (read.some(isWhole)) return 'exact'
  if (read.some(({ letters }) => letters.startsWith(text))) return 'prefix'
  const beginsWord = (inFields: readonly Place[][]) => inFields.some((found, n) => found.some(({ from }) => read[n]!.begins(from)))
  return places.every(beginsWord) ? 'word' : 'part'
}

/** Where a record holds what was typed. */
export function highlighted({ terms }: SearchWish, fields: readonly SearchedField[]): FieldMatch[] {
  return fields.flatMap((field) => {
    const letters = { ...field, ...lettersOf(field) }
    const found = terms.flatMap((term) => placesOf(term, letters))
    if (!found.length) return []
    const at = placesIn(field.text)
    const ranges = found.map(({ from, to }) => ({ from: at[letters.at[from]!]!.from, to: at[letters.at[to - 1]!]!.to }))
    return [{ field: field.field, text: field.text, ranges: united(ranges) }]
  })
}

/** The whole number, with its country or without. */
function isPhone(terms: readonly Term[], kind: SearchedText, letters: string): boolean {
  const [term, ...others] = terms
  if (kind !== 'phone' || term?.kind !== 'digits' || others.length) return false
  const number = unled(term.text)
  return letters === number || (number.length >= wholeNumber && letters.endsWith(number) && number.length >= letters.length - 3)
}

interface Letters {
  /** Folded, without joiners, words apart by one space; of a phone number the digits. */
  readonly letters: string
  /** Which of the folded text each of them is. */
  readonly at: readonly number[]
  /** Whether a word, or a part of one, begins there. */
  readonly begins: (place: number) => boolean
}

function lettersOf({ kind, text }: SearchedField): Letters {
  const folded = fold(text)
  const at: number[] = []
  const beginnings = new Set<number>()
  let letters = ''
  let last: Sign['kind'] = 'gap'
  let joins = false
  for (let n = 0, sign = oneGap as Sign; n < folded.length; n += sign.length) {
    sign = signOf(folded, n)
    if (sign.kind === 'joiner') joins = true
    else if (sign.kind === 'gap') [last, joins] = ['gap', false]
    if (kind === 'phone' ? !digit.test(folded[n]!) : sign.kind !== 'letter' && sign.kind !== 'han') continue
    const apart = last !== sign.kind || (joins && sign.kind === 'han')
    if (apart && letters && kind !== 'phone') {
      letters += ' '
      at.push(n)
    }
    if (apart || joins) beginnings.add(letters.length)
    letters += folded.slice(n, n + sign.length)
    for (let unit = 0; unit < sign.length; unit += 1) at.push(n + unit)
    ;[last, joins] = [sign.kind, false]
  }
  return { letters, at, begins: (place) => beginnings.has(place) }
}

const mostPlaces = 3

interface Place {
  readonly from: number
  to: number
}

function placesOf(term: Term, { kind, letters, begins }: Letters & { readonly kind: SearchedText }): Place[] {
  if (kind === 'phone') {
    const digits = term.kind === 'digits' ? unled(term.text) : ''
    return digits.length >= fewestDigits && letters.endsWith(digits) ? [{ from: letters.length - digits.length, to: letters.length }] : []
  }
  const places: Place[] = []
  for (let from = letters.indexOf(term.text); from >= 0 && places.length < mostPlaces; from = letters.indexOf(term.text, from + 1))
    if (term.kind === 'han' || begins(from)) places.push({ from, to: from + term.text.length })
  return places
}

function united(ranges: Place[]): Place[] {
  const joinedRanges: Place[] = []
  for (const range of ranges.sort((a, b) => a.from - b.from)) {
    const last = joinedRanges.at(-1)
    if (last && range.from <= last.to) last.to = Math.max(last.to, range.to)
    else joinedRanges.push({ ...range })
  }
  return joinedRanges
}

function lookUpsOf({ kind, text }: Term, isLast: boolean): LookUp[] {
  if (kind === 'digits') {
    const number = unled(text)
    return [
      { ranges: [...(number.length < fewestDigits ? [] : [beginningWith(phoneToken(number))]), beginningWith(text)], whole: undefined },
    ]
  }
  if (kind === 'word') return [{ ranges: [beginningWith(text)], whole: isLast ? undefined : text.slice(0, longestToken) }]
  if ([...text].length === 1) return [{ ranges: [beginningWith(text)], whole: undefined }]
  return distinct(pairsOf(text, false))
    .filter((pair) => !hanForms.has(pair))
    .map((pair) => ({ ranges: [beginningWith(pair)], whole: pair }))
}

function beginningWith(text: string): { from: string; to: string } {
  const from = text.slice(0, longestToken)
  return { from, to: `${from}\u{10ffff}` }
}

/** Tokens that a phone number is found by read it from its end. */
const phoneSign = '#'
const phoneToken = (digits: string) => `${phoneSign}${[...digits].reverse().join('')}`

function digitsOf(text: string): string {
  return text.normalize('NFKC').replace(/\D/g, '')
}

/** Without the zeros that are dialled before a country or a town. */
function unled(digits: string): string {
  return digits.replace(/^0+/, '')
}

function joined(text: string): string {
  return segmentsOf(fold(text))
    .flatMap(({ parts }) => parts)
    .join('')
}

function pairsOf(run: string, withLast: boolean): string[] {
  const signs = [...run]
  const pairs = signs.slice(1).map((sign, n) => signs[n]! + sign)
  return withLast || !pairs.length ? [...pairs, signs.at(-1)!] : pairs
}

function distinct(tokens: readonly string[]): string[] {
  return [...new Set(tokens.filter(Boolean).map((token) => token.slice(0, longestToken)))]
}

interface Segment {
  readonly han: boolean
  /** What joiners stand between: Jean-Luc is one word of two parts. Of characters one. */
  readonly parts: readonly string[]
}

/** The words of a folded text, and its runs of Chinese or Japanese. */
function segmentsOf(folded: string): Segment[] {
  const found =
    folded.match(
      /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー])[\p{L}\p{N}'’._@-])+/gu,
    ) ?? []
  return found.flatMap((segment: string): Segment[] => {
    if (han.test(segment)) return [{ han: true, parts: [segment] }]
    const parts = segment.split(/['’._@-]+/u).filter(Boolean)
    return parts.length ? [{ han: false, parts }] : []
  })
}

function squeezed(segments: readonly Segment[]): string {
  return segments.map(({ parts }) => parts.join('')).join(' ')
}

const han = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]/u
const letter = /^[\p{L}\p{N}]/u
const digit = /^\d/
const joiner = /^['’._@-]/u

interface Sign {
  readonly kind: 'letter' | 'han' | 'joiner' | 'gap'
  readonly length: number
}

function signOf(text: string, n: number): Sign {
  const code = text.charCodeAt(n)
  if ((code >= 97 && code <= 122) || (code >= 48 && code <= 57)) return oneLetter
  if (code >= 0x4e00 && code <= 0x9fff) return oneHan
  if (code === 32) return oneGap
  const sign = String.fromCodePoint(text.codePointAt(n)!)
  const kind = han.test(sign) ? 'han' : letter.test(sign) ? 'letter' : joiner.test(sign) ? 'joiner' : 'gap'
  return { kind, length: sign.length }
}
const oneLetter = { kind: 'letter', length: 1 } as const
const oneHan = { kind: 'han', length: 1 } as const
const oneGap = { kind: 'gap', length: 1 } as const

/** Without width, case and accents. */
function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase()
  let folded = ''
  for (const sign of text) folded += foldSign(sign)
  return folded
}
const ascii = /^[\0-\x7f]*$/

/** Where each unit of the folded text stands in the text. */
function placesIn(text: string): Place[] {
  const places: Place[] = []
  let from = 0
  for (const sign of text) {
    const to = from + sign.length
    const { length } = foldSign(sign)
    for (let unit = 0; unit < length; unit += 1) places.push({ from, to })
    // An accent that stands by itself belongs to the letter before it.
    if (!length && places.length) places.at(-1)!.to = to
    from = to
  }
  return places
}

function foldSign(sign: string): string {
  const code = sign.charCodeAt(0)
  if (code < 128) return code >= 65 && code <= 90 ? sign.toLowerCase() : sign
  if (code >= 0x4e00 && code <= 0x9fff) return sign
  const small = sign.normalize('NFKC').toLowerCase()
  const single = ligatures[small]
  if (single) return single
  // Taken apart, a Korean syllable would be three letters.
  return /\p{Script=Hangul}/u.test(small) ? small : small.normalize('NFKD').replace(/\p{M}/gu, '')
}
const ligatures: Record<string, string> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th' }

/** Legal forms: half of all companies have one of these. */
const forms = new Set(
  'ltd limited inc incorporated corp corporation company co llc llp plc gmbh ag kg ug bv nv sa sas sarl srl spa pty kk oy ab as aps'.split(
    ' ',
  ),
)
const formBeginnings = [...forms]
const longestForm = 15
const hanForms = new Set(
  ['股份有限公司', '有限责任公司', '集团有限公司', '集团公司', '株式会社', '合同会社', '有限会社'].flatMap((form) => pairsOf(form, true)),
)
const providers = new Set(
  [
    'gmail.com',
    'outlook.com',
    'hotmail.com',
    'yahoo.com',
    'icloud.com',
    'qq.com',
    '163.com',
    '126.com',
    'sina.com',
    'foxmail.com',
    'gmx.de',
    'web.de',
  ].map((domain) => domain.replace('.', '')),
)

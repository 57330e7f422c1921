import { Refusal } from '@millrace/domain'

/** Whether a file begins as one of its kind does. */
type Begins = (head: Buffer) => boolean

const bytes =
  (...starts: readonly (string | readonly [offset: number, start: string])[]): Begins =>
  (head) =>
    starts.some((each) => {
      const [offset, start] = typeof each === 'string' ? [0, each] : each
      return head.subarray(offset, offset + start.length).equals(Buffer.from(start, 'latin1'))
    })

/** A ZIP archive whose first entry is named so. What has other entries first is another kind of archive: a program of Java, for one. */
const zip =
  (first: RegExp): Begins =>
  (head) =>
    head.length >= 30 && bytes('PK\u0003\u0004')(head) && first.test(head.subarray(30, 30 + head.readUInt16LE(26)).toString('latin1'))

/** Text in any encoding that is no markup, which some programs would run. UTF-16 says so by its first bytes. */
const text: Begins = (head) => {
  if (bytes('\u00ff\u00fe', '\u00fe\u00ff')(head)) return true
  const shown = head.toString('latin1').replace(/^\u00ef\u00bb\u00bf/, '')
  return !/[\0-\u0008\u000e-\u001a\u001c-\u001f]/.test(shown) && !markup.test(shown)
}
// The signatures by which browsers take something for HTML or XML (WHATWG MIME Sniffing).
const markup =
  /^\s*<(?:!doctype|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|svg|object|embed|meta|link|img|\?xml|!--)(?:[\s>/]|$|-|\?)/i

const media = (...brands: readonly string[]): Begins => bytes(...brands.map((brand) => [4, `ftyp${brand}`] as const))
const openXml = zip(/^(\[Content_Types\]\.xml|_rels\/|docProps\/|word\/|xl\/|ppt\/|customXml\/)/)
const openDocument = zip(/^mimetype/)
const ole = bytes('\u00d0\u00cf\u0011\u00e0\u00a1\u00b1\u001a\u00e1')
const riff =
  (kind: string): Begins =>
  (head) =>
    bytes('RIFF')(head) && bytes([8, kind])(head)
const jpeg = bytes('\u00ff\u00d8\u00ff')
const tiff = bytes('II*\0', 'MM\0*')
const heif = media('heic', 'heix', 'heim', 'heis', 'hevc', 'mif1', 'msf1')

/** Every kind of file that is accepted, by the ending of its name. */
const kinds: Readonly<Record<string, Begins>> = {
  pdf: bytes('%PDF-', '\u00ef\u00bb\u00bf%PDF-'),
  ofd: zip(/^(OFD\.xml|Doc_\d)/), // China's electronic invoices
  docx: openXml,
  xlsx: openXml,
  pptx: openXml,
  odt: openDocument,
  ods: openDocument,
  odp: openDocument,
  doc: ole,
  xls: ole,
  ppt: ole,
  msg: ole,
  wps: ole,
  et: ole,
  dps: ole,
  txt: text,
  csv: text,
  md: text,
  ics: text,
  vcf: text,
  png: bytes('\u0089PNG\r\n\u001a\n'),
  jpg: jpeg,
  jpeg,
  gif: bytes('GIF87a', 'GIF89a'),
  webp: riff('WEBP'),
  bmp: bytes('BM'),
  tif: tiff,
  tiff,
  heic: heif,
  heif,
  mp3: (head) => bytes('ID3')(head) || (head[0] === 0xff && (head[1]! & 0xe6) === 0xe2),
  wav: riff('WAVE'),
  amr: bytes('#!AMR'),
  m4a: media('M4A ', 'mp42', 'isom'),
  mp4: media('isom', 'iso2', 'mp41', 'mp42', 'avc1', 'M4V ', 'MSNV'),
  mov: media('qt  '),
}

const executable: Begins = (head) =>
  bytes(
    'MZ', // Windows
    '\u007fELF', // Linux
    '\u00ca\u00fe\u00ba\u00be', // Java, and macOS for two processors
    '\u00cf\u00fa\u00ed\u00fe', // macOS
    '\u00ce\u00fa\u00ed\u00fe',
    '\u00fe\u00ed\u00fa\u00cf',
    '\u00fe\u00ed\u00fa\u00ce',
    'L\0\0\0\u0001\u0014\u0002\0', // a shortcut of Windows
    '\0asm', // WebAssembly
  )(head) ||
  (bytes('#!')(head) && !bytes('#!AMR')(head))

/** The endings that are accepted. */
export const acceptedEndings: readonly string[] = Object.keys(kinds).sort()

/** What its name ends in, in small letters; empty: nothing. */
export function endingOf(name: string): string {
  return /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? ''
}

/** Refuses a kind of file that is not accepted, by its name alone: `file.not_accepted`. */
export function mustBeAccepted(name: string): void {
  if (!Object.hasOwn(kinds, endingOf(name)))
    throw Refusal.invalid('file.not_accepted', { ending: endingOf(name), accepted: acceptedEndings })
}

/** Refuses a file that is a program (`file.executable`), or another thing than its name says (`file.disguised`), by its first bytes. */
export function mustBeWhatItSays(name: string, head: Buffer): void {
  if (executable(head)) throw Refusal.invalid('file.executable')
  if (!kinds[endingOf(name)]!(head)) throw Refusal.invalid('file.disguised', { ending: endingOf(name) })
}

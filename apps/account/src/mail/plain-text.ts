/** Elements that begin a line of their own. */
const blocks = /^(address|article|blockquote|br|dd|div|dl|dt|figure|footer|form|h[1-6]|header|hr|li|ol|p|pre|section|table|tbody|tr|ul)$/

/** Elements whose content nobody reads. */
const unread = new Set(['head', 'script', 'style', 'title', 'template', 'noscript', 'svg'])

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  copy: '©',
  reg: '®',
  trade: '™',
  euro: '€',
  yen: '¥',
  pound: '£',
  hellip: '…',
  ndash: '–',
  mdash: '—',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  middot: '·',
  bull: '•',
  times: '×',
}

/**
 * What somebody reads who is shown HTML: its text, a line for each block. Nothing that it points to is fetched or kept. One pass over the text, however
 * broken or deep it is.
 */
export function plainText(html: string): string {
  const parts: string[] = []
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open < 0) break
    parts.push(decoded(html.slice(at, open)))
    if (html.startsWith('<!--', open)) {
      at = after(html, '-->', open + 4)
      continue
    }
    const [, closing, name = ''] = /^<(\/?)([a-z][a-z0-9]{0,20})?/i.exec(html.slice(open, open + 24))!
    const tag = name.toLowerCase()
    if (!tag && !/^<[!?/]/.test(html.slice(open, open + 2))) {
      parts.push('<') // a sign, not a tag
      at = open + 1
      continue
    }
    at = after(html, '>', open)
    if (!closing && unread.has(tag)) {
      const end = indexOfEnd(html, tag, at)
      at = end < 0 ? html.length : after(html, '>', end)
    }
    if (tag === 'li' && !closing) parts.push('\n- ')
    else if (tag === 'td' || tag === 'th') parts.push(' ')
    else if (blocks.test(tag)) parts.push('\n')
  }
  parts.push(decoded(html.slice(at)))
  return parts
    .join('')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

function after(html: string, sign: string, from: number): number {
  const found = html.indexOf(sign, from)
  return found < 0 ? html.length : found + sign.length
}

function indexOfEnd(html: string, tag: string, from: number): number {
  const end = new RegExp(`</${tag}`, 'gi')
  end.lastIndex = from
  return end.exec(html)?.index ?? -1
}

/** Line ends of the source mean nothing in HTML. */
function decoded(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name) return entities[String(name).toLowerCase()] ?? whole
    const code = decimal ? Number(decimal) : Number.parseInt(String(hex), 16)
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : ''
  })
}

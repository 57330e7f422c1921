const longest = 120

/**
 * The name of a file as it may be shown and saved anywhere: its own words, without folders, without what cannot be seen or turns the direction of
 * writing (`gnp.exe` that reads as `exe.png`), without signs and names that some system keeps for itself.
 */
export function safeFileName(given: string): string {
  const shown = given
    .normalize('NFC')
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/gu, '')
    .replace(/^.*[/\\]/s, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/\s+/g, ' ')
    .replace(/^[ .]+|[ .]+$/g, '')
  const [, stem = '', ending = ''] = /^(.*?)(\.[^.]{1,10})?$/su.exec(shown)!
  const words = [...stem].slice(0, longest).join('').trim() || 'file'
  return `${/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(words) ? '_' : ''}${words}${ending}`
}

/** What a browser is told of a file that it is to save, never to show (RFC 6266): the name in full, and in ASCII for old ones. */
export function asAttachment(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

import { detectEncoding, isIn, textOf, Watch } from './encoding.js'

/** Text as bytes of an encoding, by what the decoder makes of every two bytes. */
function encoded(encoding: string, text: string): Buffer {
  const decoder = new TextDecoder(encoding)
  const bytes = new Map<string, number[]>()
  for (let byte = 0; byte < 0x100; byte += 1) {
    const char = decoder.decode(Buffer.from([byte]))
    if (char !== '\ufffd' && !bytes.has(char)) bytes.set(char, [byte])
  }
  for (let lead = 0x81; lead < 0xff; lead += 1)
    for (let trail = 0x40; trail < 0xff; trail += 1) {
      const char = decoder.decode(Buffer.from([lead, trail]))
      if ([...char].length === 1 && char !== '\ufffd' && !bytes.has(char)) bytes.set(char, [lead, trail])
    }
  return Buffer.from([...text].flatMap((char) => bytes.get(char)!))
}

async function detected(file: Buffer, size = 7) {
  const parts = async function* () {
    for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size)
  }
  const watch = new Watch()
  for await (const part of parts()) watch.see(part)
  const traits = watch.end()
  const encoding = traits.cutOff ? 'cut off' : await detectEncoding(traits, parts)
  return { encoding, parts }
}

const files = {
  gb18030: '公司名称,联系人,备注\n北京云图科技有限公司,李雷,展会上认识的,对报价感兴趣\n',
  big5: '公司名稱,聯絡人,備註\n台灣雲端科技股份有限公司,陳小明,展覽會認識,對報價有興趣\n',
  shift_jis: '会社名,担当者,備考\n株式会社クラウド,山田太郎,展示会でお会いしました\n',
  'windows-1252': 'Firma,Name,Bemerkung\nMüller & Söhne GmbH,Jörg Weiß,Messe in Düsseldorf – 5 € Gebühr\n',
} as const

describe('the encoding of a file', () => {
  it.each(Object.entries(files))('is told for %s, whatever its parts', async (encoding, text) => {
    for (const size of [1, 7, 10_000]) {
      const found = await detected(encoded(encoding, text), size)
      expect(found.encoding).toBe(encoding)
      let read = ''
      for await (const part of textOf(encoding as 'big5', found.parts())) read += part
      expect(read).toBe(text)
    }
  })
  it('is told for a short header with one word', async () => {
    expect((await detected(encoded('gb18030', '公司,email\nAcme,a@acme.example\n'))).encoding).toBe('gb18030')
  })
  it('is told for UTF-8 and UTF-16, with and without a mark', async () => {
    const text = files.gb18030
    expect((await detected(Buffer.from(text))).encoding).toBe('utf-8')
    expect((await detected(Buffer.from(`\ufeff${text}`))).encoding).toBe('utf-8')
    expect((await detected(Buffer.from(`\ufeffname\n${text}`, 'utf16le'))).encoding).toBe('utf-16le')
    expect((await detected(Buffer.from('name,email\nAcme,a@acme.example\n', 'utf16le'))).encoding).toBe('utf-16le')
    expect((await detected(Buffer.from('name,email\nAcme,a@acme.example\n', 'utf16le').swap16())).encoding).toBe('utf-16be')
  })
  it('is not guessed where nothing fits', async () => {
    expect((await detected(Buffer.from('name\na\0b\n'))).encoding).toBe('binary')
    expect((await detected(Buffer.from('6e616d650afffe0a', 'hex'))).encoding).toBeUndefined()
    expect((await detected(Buffer.from('name\n公司').subarray(0, -1))).encoding).toBe('cut off')
  })
  it('that somebody chose is held against the whole file', async () => {
    const { parts } = await detected(encoded('gb18030', files.gb18030))
    expect(await isIn('gb18030', parts())).toBe(true)
    expect(await isIn('utf-8', parts())).toBe(false)
    const { parts: withNul } = await detected(Buffer.from('name\na\0b\n'))
    expect(await isIn('utf-8', withNul())).toBe(false)
  })
})

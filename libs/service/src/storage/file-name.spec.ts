import * as fc from 'fast-check'
import { asAttachment, safeFileName } from './file-name.js'

describe('The name of a file', () => {
  it.each([
    ['报价单 (最终).pdf', '报价单 (最终).pdf'],
    ['Angebot für Müller.docx', 'Angebot für Müller.docx'],
    ['../../etc/passwd.txt', 'passwd.txt'],
    ['C:\\Users\\amy\\offer.pdf', 'offer.pdf'],
    ['a\u0000b\r\nc.pdf', 'abc.pdf'],
    ['photo\u202egnp.exe', 'photognp.exe'],
    ['\u200b\u2066x\u2069.pdf', 'x.pdf'],
    ['con.pdf', '_con.pdf'],
    ['LPT1', '_LPT1'],
    ['a<b>:"c|?*.pdf', 'a_b___c___.pdf'],
    ['  . .x.pdf. ', 'x.pdf'],
    ['', 'file'],
    ['...', 'file'],
    ['/', 'file'],
    [`${'云'.repeat(500)}.pdf`, `${'云'.repeat(120)}.pdf`],
  ])('%j becomes %j', (given, safe) => expect(safeFileName(given)).toBe(safe))

  it('is safe to save anywhere and to send in a header, whatever it was, and stays as it is from then on', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ unit: 'grapheme', maxLength: 300 })), (given) => {
        const name = safeFileName(given)
        expect(name).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}/\\<>:"|?*]+$/u)
        expect(name).not.toMatch(/^[ .]|[ .]$/)
        expect(Buffer.byteLength(name)).toBeLessThan(600)
        expect(safeFileName(name)).toBe(name)
        expect(asAttachment(name)).toMatch(/^attachment; filename="[\x20-\x7e]+"; filename\*=UTF-8''[\w.!~%#$&+^`|-]+$/)
      }),
    )
  })

  it('is told to browsers in full and in ASCII', () => {
    expect(asAttachment('报价 "1".pdf')).toBe(`attachment; filename="__ _1_.pdf"; filename*=UTF-8''%E6%8A%A5%E4%BB%B7%20%221%22.pdf`)
  })
})

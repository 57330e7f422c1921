import type { Refusal } from '@millrace/domain'
import { acceptedEndings, endingOf, mustBeAccepted, mustBeWhatItSays } from './file-kind.js'

const latin = (text: string) => Buffer.from(text, 'latin1')
/** The head of a ZIP archive whose first entry has this name. */
const zipOf = (entry: string) => {
  const head = Buffer.alloc(30)
  head.write('PK\u0003\u0004', 'latin1')
  head.writeUInt16LE(entry.length, 26)
  return Buffer.concat([head, latin(entry), Buffer.alloc(100)])
}
const pdf = latin('%PDF-1.7\n%\u00e2\u00e3')
const exe = latin('MZ\u0090\0\u0003\0\0\0')

const codeOf = (name: string, head: Buffer): string => {
  try {
    mustBeAccepted(name)
    mustBeWhatItSays(name, head)
    return 'accepted'
  } catch (error) {
    return (error as Refusal).code
  }
}

describe('A file', () => {
  it.each<[string, Buffer]>([
    ['offer.pdf', pdf],
    ['OFFER.PDF', pdf],
    ['发票.ofd', zipOf('OFD.xml')],
    ['letter.docx', zipOf('[Content_Types].xml')],
    ['figures.xlsx', zipOf('_rels/.rels')],
    ['letter.odt', zipOf('mimetype')],
    ['letter.doc', latin('\u00d0\u00cf\u0011\u00e0\u00a1\u00b1\u001a\u00e1')],
    ['photo.png', latin('\u0089PNG\r\n\u001a\n')],
    ['photo.jpeg', latin('\u00ff\u00d8\u00ff\u00e0')],
    ['photo.heic', latin('\0\0\0\u0018ftypheic')],
    ['voice.amr', latin('#!AMR\n')],
    ['voice.mp3', latin('ID3\u0004')],
    ['note.txt', Buffer.from('a < b, 云图科技')],
    ['table.csv', Buffer.from('b3cec8cb2c62', 'hex')], // GB18030
    ['table.txt', Buffer.from('\ufeffa\tb', 'utf16le')],
    ['visit.ics', latin('BEGIN:VCALENDAR\r\n')],
  ])('that is what its name says is accepted: %s', (name, head) => expect(codeOf(name, head)).toBe('accepted'))

  it.each<[string, Buffer]>([
    ['offer.pdf', exe],
    ['offer.docx', exe],
    ['note.txt', latin('#!/bin/sh\n')],
    ['photo.png', latin('\u007fELF\u0002')],
    ['offer.pdf', latin('L\0\0\0\u0001\u0014\u0002\0\0\0')],
  ])('that is a program is refused, whatever its name: %s', (name, head) => expect(codeOf(name, head)).toBe('file.executable'))

  it.each<[string, Buffer]>([
    ['offer.pdf', latin('<!DOCTYPE html><script>')],
    ['note.txt', latin('  \n<html>')],
    ['note.csv', latin('<svg onload=alert(1)>')],
    ['note.txt', latin('a\0b')],
    ['letter.docx', zipOf('META-INF/MANIFEST.MF')], // a program of Java
    ['letter.docx', latin('PK\u0003\u0004')],
    ['photo.png', pdf],
    ['photo.jpg', Buffer.alloc(0)],
    ['voice.wav', latin('RIFF\0\0\0\0WEBP')],
  ])('that is another thing than its name says is refused: %s', (name, head) => expect(codeOf(name, head)).toBe('file.disguised'))

  it.each([
    'setup.exe',
    'invoice.pdf.exe',
    'page.html',
    'drawing.svg',
    'all.zip',
    'run.js',
    'macro.docm',
    'none',
    '.pdf.',
    'x.constructor',
  ])('of a kind that is not on the list is refused by its name: %s', (name) => expect(codeOf(name, pdf)).toBe('file.not_accepted'))

  it('of any kind is looked at without failing, however short it is', () => {
    for (const ending of acceptedEndings)
      for (const head of [Buffer.alloc(0), latin('P'), latin('PK\u0003\u0004'), Buffer.alloc(4_096, 0xff)])
        expect(codeOf(`x.${ending}`, head)).toMatch(/^(accepted|file\.)/)
    expect(endingOf('a.b.PDF')).toBe('pdf')
  })
})

import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { newId, type Refusal } from '@millrace/domain'
import { fresh, monday, tuesday } from '../account/account.fixture.js'
import { anEml, anEmlOfParts, enclosed } from './mail.fixture.js'
import { readMail } from './mail.import.js'
import { everybodyIn, isAutomatic, sentWhen, shownLine, shownText, type Mail } from './mail.js'
import { UnmatchedMail, unmatchedMailStatus } from './unmatched-mail.js'

const read = (eml: Buffer) => readMail(Readable.from([eml]))
const usual = { From: 'Li Lei <li@customer.example>', To: 'amy@us.example', Subject: 'Offer', 'Message-ID': '<1@customer.example>' }
const aMail = (given: Partial<Mail> = {}): Mail => ({
  messageId: null,
  references: [],
  from: null,
  to: [],
  cc: [],
  subject: '',
  text: null,
  sentAt: null,
  automatic: false,
  ...given,
})

describe('reading an e-mail', () => {
  it('finds who wrote to whom, about what, when, and in answer to what', async () => {
    const mail = await read(
      anEml(
        {
          ...usual,
          To: 'Amy <Amy@Us.example>, "Team: north": bob@us.example;',
          Cc: 'han@customer.example',
          Date: 'Mon, 2 Nov 2026 16:00:00 +0800',
          'In-Reply-To': '<0@us.example>',
          References: '<00@us.example> <0@us.example>',
        },
        'We want 120 seats.\r\n\r\nLi Lei\r\n',
      ),
    )
    expect(mail).toEqual({
      messageId: '<1@customer.example>',
      references: ['<00@us.example>', '<0@us.example>'],
      from: { name: 'Li Lei', address: 'li@customer.example' },
      to: [expect.objectContaining({ address: 'Amy@Us.example' }), expect.objectContaining({ address: 'bob@us.example' })],
      cc: [{ name: '', address: 'han@customer.example' }],
      subject: 'Offer',
      text: 'We want 120 seats.\n\nLi Lei',
      sentAt: monday,
      automatic: false,
    })
    expect(everybodyIn(mail)).toEqual(['li@customer.example', 'amy@us.example', 'bob@us.example', 'han@customer.example'])
  })

  it.each([
    ['gb18030', 'c4fabac32cc7ebb1a8bcdbd2bbb0d9b6fecaaeb8f6cfafcebba1a3', '您好,请报价一百二十个席位。'],
    ['gb2312', 'c4fabac3', '您好'],
    ['big5', 'b3f8bbf9b3e6a477a6aca8ec2cc1c2c1c2a143', '報價單已收到,謝謝。'],
    ['utf-8', Buffer.from('云图').toString('hex'), '云图'],
    ['windows-1252', 'fc80', 'ü€'],
    ['no-such-charset', '616263', 'abc'],
  ])('in %s, as they are written where it is used', async (charset, bytes, expected) => {
    const mail = await read(anEml({ ...usual, 'Content-Type': `text/plain; charset=${charset}` }, Buffer.from(bytes, 'hex')))
    expect(mail.text).toContain(expected)
  })

  it('with words in its headers that are encoded, or wrongly so', async () => {
    const mail = await read(
      anEml({ ...usual, From: '=?GB18030?B?wO7A1w==?= <li@customer.example>', Subject: '=?GB18030?B?saixdcfryfM=?= =?x?Q?' }),
    )
    expect(mail.from).toEqual({ name: '李雷', address: 'li@customer.example' })
    expect(mail.subject.length).toBeGreaterThan(0)
  })

  it('of HTML as its text, without anything that it points to', async () => {
    const html = '<p>Hello <b>Amy</b></p><img src="https://track.example/1.gif"><script>x()</script>'
    expect((await read(anEml({ ...usual, 'Content-Type': 'text/html; charset=utf-8' }, html))).text).toBe('Hello Amy')
    const parts = await read(anEmlOfParts(usual, [[{ 'Content-Type': 'text/html; charset=utf-8' }, html]]))
    expect(parts.text).toBe('Hello Amy')
  })

  it('with its files, one after the other', async () => {
    const eml = anEmlOfParts(usual, [
      [{ 'Content-Type': 'text/plain' }, 'See the files'],
      [enclosed('a.txt'), Buffer.from('first').toString('base64')],
      [enclosed('=?utf-8?B?5oql5Lu3LnR4dA==?='), Buffer.from('second').toString('base64')],
    ])
    const found: string[] = []
    const mail = await readMail(Readable.from([eml]), async ({ name, content }) => void found.push(`${name}: ${await text(content)}`))
    expect(found).toEqual(['a.txt: first', '报价.txt: second'])
    expect(mail.text).toBe('See the files')
  })

  it.each<[string, Buffer]>([
    ['nothing but words', Buffer.from('These are words\n\nand no e-mail')],
    ['a picture', Buffer.from('\u0089PNG\r\n\u001a\n\0\0', 'latin1')],
    ['headers of 2 MB', anEml({ ...usual, 'X-Long': 'x'.repeat(2_000_000) })],
    ['20,000 headers', anEml({ ...usual, ...Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`X-${n}`, 'some value'])) })],
    [
      '5,000 parts',
      anEmlOfParts(
        usual,
        Array.from({ length: 5_000 }, () => [{ 'Content-Type': 'text/plain' }, 'x'] as const),
      ),
    ],
    [
      '10,000 parts in each other',
      Buffer.from(
        `${Object.entries(usual)
          .map((pair) => pair.join(': '))
          .join(
            '\r\n',
          )}\r\n${Array.from({ length: 10_000 }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`).join('')}`,
      ),
    ],
  ])('is refused when it is %s', async (_, eml) => {
    await expect(read(eml)).rejects.toMatchObject({ code: 'mail.unreadable' } satisfies Partial<Refusal>)
  })

  it.each<[string, Buffer]>([
    ['nothing but a sender', anEml({ From: 'li@customer.example' }, '')],
    ['a boundary that never comes', anEml({ ...usual, 'Content-Type': 'multipart/mixed; boundary=never' })],
    ['broken base64', anEml({ ...usual, 'Content-Transfer-Encoding': 'base64' }, '!!!=====\0\0')],
    ['9,000 recipients', anEml({ ...usual, To: Array.from({ length: 9_000 }, (_, n) => `a${n}@x.example`).join(', ') })],
    ['addresses that are none', anEml({ ...usual, From: '"<>,;:', To: ',,,;;', Cc: '@@@' })],
    ['a date that is none', anEml({ ...usual, Date: '99 Foo 9999' })],
    ['NULs and lone surrogates', anEml({ ...usual, Subject: 'a\0b' }, Buffer.from('a\0b\ud800c'))],
    ['markup 100,000 deep', anEml({ ...usual, 'Content-Type': 'text/html' }, '<div>'.repeat(100_000))],
  ])('does not fail on %s', async (_, eml) => {
    const mail = await read(eml)
    expect(JSON.stringify(mail)).not.toMatch(/\\u0000|\\ud800/)
    expect(mail.to.length).toBeLessThanOrEqual(200)
  })
})

describe('an e-mail', () => {
  it('was sent when it says, unless that cannot be', () => {
    expect(sentWhen(aMail({ sentAt: monday }), tuesday)).toBe(monday)
    expect(sentWhen(aMail({ sentAt: tuesday }), monday)).toBe(monday) // a clock that is ahead
    expect(sentWhen(aMail({ sentAt: new Date('2099-01-01') }), monday)).toBe(monday)
    expect(sentWhen(aMail({ sentAt: new Date('1970-01-01') }), monday)).toBe(monday)
    expect(sentWhen(aMail({ sentAt: new Date(NaN) }), monday)).toBe(monday)
    expect(sentWhen(aMail(), monday)).toBe(monday)
  })

  it.each<[string, string, string]>([
    ['auto-submitted', 'auto-replied', 'an answering machine'],
    ['auto-submitted', 'auto-generated; x', 'a program'],
    ['precedence', 'bulk', 'a mass mailing'],
    ['precedence', 'auto_reply', 'an answering machine'],
    ['list-id', 'x', 'a list'],
    ['x-autoreply', 'yes', 'an answering machine'],
  ])('with %s: %s is from %s', (name, value) => {
    expect(isAutomatic((asked) => (asked === name ? value : undefined), null)).toBe(true)
  })

  it('from a person is not automatic; a report of non-delivery is', () => {
    expect(isAutomatic((name) => (name === 'auto-submitted' ? 'no' : undefined), { name: '', address: 'li@customer.example' })).toBe(false)
    expect(isAutomatic(() => undefined, { name: '', address: 'MAILER-DAEMON@customer.example' })).toBe(true)
  })

  it('is shown without what cannot be seen, and cut where nobody reads on', () => {
    expect(shownLine('a\r\nb\u202ec\0', 10)).toBe('a bc')
    expect(shownText('a\r\nb\u0007\t \nc\0')).toBe('a\nb\nc')
    expect(shownText(' \n\t')).toBeNull()
    expect(shownText('x'.repeat(200_000))).toHaveLength(20_002)
  })
})

describe('an unmatched e-mail', () => {
  const unmatched = () =>
    UnmatchedMail.keep({
      ...fresh('unmatched_mail'),
      ownerId: null,
      messageKey: 'x',
      fileId: newId('file'),
      sender: { name: 'Li', address: 'li@customer.example' },
      recipients: [],
      subject: 'Secret',
      excerpt: 'Secret',
      sentAt: monday,
    })

  it('waits, and is assigned or discarded once', () => {
    expect(unmatchedMailStatus.unreachable()).toEqual([])
    const assigned = unmatched().assign(newId('activity'), tuesday)
    expect(assigned).toMatchObject({ status: 'assigned', updatedAt: tuesday })
    expect(() => assigned.discard(tuesday)).toThrow('unmatched_mail.illegal_move')
    expect(() => assigned.mustWait()).toThrow('unmatched_mail.illegal_move')
  })

  it('that is discarded is forgotten, and may be discarded again', () => {
    const discarded = unmatched().discard(tuesday)
    expect(discarded).toMatchObject({ status: 'discarded', sender: null, subject: '', excerpt: '' })
    expect(discarded.discard(tuesday)).toBe(discarded)
    expect(() => discarded.assign(newId('activity'), tuesday)).toThrow('unmatched_mail.illegal_move')
  })
})

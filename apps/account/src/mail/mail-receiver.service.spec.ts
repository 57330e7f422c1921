import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  addContact,
  discardUnmatchedMail,
  getMailAddress,
  getTimeline,
  listUnmatchedMails,
  openAccount,
  readAudit,
  renewMailAddress,
} from '@millrace/contracts'
import { inTenant } from '@millrace/service'
import { aWorld, eventually, type Company, type TestService, type World } from '@millrace/testing'
import { createTransport, type SendMailOptions } from 'nodemailer'
import builtIn from 'smtp-server/lib/tls-options.js'
import { accountService } from '../account.module.js'
import { MailReceiver } from './mail-receiver.service.js'

let world: World
let service: TestService
let company: Company
let accountId: string
let address: string
let port: number
const folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'))

beforeAll(async () => {
  // The certificate for tests that the package brings.
  const { cert, key } = builtIn({}) as { cert: string; key: string }
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key)
  world = await aWorld()
  service = await world.start(accountService, {
    MAIL_SMTP_PORT: '0',
    MAIL_DOMAIN: 'in.example.com',
    MAIL_LIMIT: '500000',
    MAIL_SENDER_RATE: '5',
    MAIL_TLS_CERT: join(folder, 'cert.pem'),
    MAIL_TLS_KEY: join(folder, 'key.pem'),
  })
  port = service.app.get(MailReceiver).port!
  company = await world.company()
  accountId = (await service.as(company.amy).does(openAccount, { body: { name: '云图科技' } })).id
  await service.as(company.amy).does(addContact, { body: { accountId, name: '李雷', email: 'li@customer.example' } })
  address = (await service.as(company.olga).does(renewMailAddress)).address
})
afterAll(async () => {
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})
// So that one test's e-mails do not use up the next one's rate.
beforeEach(() => service.clock.advance({ minutes: 2 }))

/** Sends by SMTP as a mail server does; answers the code of the last reply. */
async function send(mail: SendMailOptions, options: object = { ignoreTLS: true }): Promise<number> {
  const transport = createTransport({ host: '127.0.0.1', port, tls: { rejectUnauthorized: false }, ...options })
  try {
    const { response } = await transport.sendMail({ to: address, subject: 'Hello', text: 'Hi', ...mail })
    return Number(response.slice(0, 3))
  } catch (error) {
    return (error as { responseCode?: number }).responseCode ?? 0
  } finally {
    transport.close()
  }
}
const emails = async () => (await service.as(company.amy).does(getTimeline, { params: { id: accountId }, query: { kind: 'email' } })).data
const known = () => inTenant(company.tenantId, () => service.database.query('SELECT key FROM mail_message ORDER BY key'))
/** Files that are being received or are kept; those that are let go are removed a moment later. */
const stored = () =>
  inTenant(company.tenantId, () => service.database.query(`SELECT id FROM stored_file WHERE status <> 'dropped' ORDER BY id`))

describe('the address of a company', () => {
  it('is made by who may, is shown to who sells, and the old one stops when a new one is made', async () => {
    const { amy, olga, fred } = await world.company()
    expect(await service.as(amy).does(getMailAddress)).toEqual({ address: null, since: null })
    expect((await service.as(amy).call(renewMailAddress)).status).toBe(403)
    const first = await service.as(olga).does(renewMailAddress)
    expect(first.address).toMatch(/^[0-9a-z]{25}@in\.example\.com$/)
    expect(await service.as(amy).does(getMailAddress)).toEqual(first)
    expect((await service.as(fred).call(getMailAddress)).status).toBe(403)
    const second = await service.as(olga).does(renewMailAddress)
    expect(second.address).not.toBe(first.address)
    expect(await send({ from: amy.email, to: first.address })).toBe(550)
    expect(await send({ from: amy.email, to: second.address.toUpperCase() })).toBe(250)
  })
})

describe('receiving an e-mail', () => {
  it('files what a colleague copies to it at the customer’s account, with attachments', async () => {
    const before = (await emails()).length
    const attachments = [{ filename: '报价单.pdf', content: Buffer.from('%PDF-1.7\nx') }]
    const envelope = { from: company.amy.email, to: address }
    const mail = { from: company.amy.email, to: 'li@customer.example', subject: 'Our offer', text: 'As agreed', attachments, envelope }
    expect(await send(mail)).toBe(250)
    const [filed, ...others] = await emails()
    expect(others).toHaveLength(before)
    expect(filed).toMatchObject({
      subject: 'Our offer',
      text: 'As agreed',
      loggedById: company.amy.id,
      attachments: [{ name: '报价单.pdf' }],
    })
  })

  it('files what a contact writes, though nobody of the company sent it', async () => {
    expect(await send({ from: '李雷 <LI@customer.example>', subject: 'Question', text: '', html: '<p>How much?</p>' })).toBe(250)
    const [filed] = await emails()
    expect(filed).toMatchObject({ subject: 'Question', text: 'How much?', loggedById: null })
    const { data } = await service.as(company.ada).does(readAudit, { params: { id: filed.id } })
    expect(data).toMatchObject([{ action: 'insert', actorId: null, channel: 'mail' }])
  })

  it('keeps a colleague’s e-mail that names nobody known, for them to decide', async () => {
    expect(await send({ from: company.bob.email, subject: 'Who is this?' })).toBe(250)
    const { data } = await service.as(company.bob).does(listUnmatchedMails, { query: { status: 'waiting' } })
    expect(data).toMatchObject([{ subject: 'Who is this?', ownerId: company.bob.id }])
    await service.as(company.bob).does(discardUnmatchedMail, { params: { id: data[0].id } })
  })

  it('refuses strangers, other addresses and a second recipient: nothing is passed on', async () => {
    const before = [await known(), await stored()]
    expect(await send({ from: 'spam@elsewhere.example' })).toBe(550)
    expect(await send({ from: company.amy.email, to: 'anybody@elsewhere.example' })).toBe(550)
    expect(await send({ from: company.amy.email, to: 'postmaster@in.example.com' })).toBe(550)
    const codes = await talk(['MAIL FROM:<a@b.example>', `RCPT TO:<${address}>`, `RCPT TO:<${address.replace('@', 'x@')}>`])
    expect(codes.slice(-2)).toEqual([250, 452])
    expect([await known(), await stored()]).toEqual(before)
  })

  it('lets nobody try one address after the other', async () => {
    const guess = (n: number) => `RCPT TO:<${String(n).padStart(25, 'x')}@in.example.com>`
    expect((await talk(['MAIL FROM:<a@b.example>', guess(1), guess(2), guess(3), guess(4)])).slice(2)).toEqual([250, 550, 550, 421])
  })

  it('takes what machines write, so that they do not answer, and keeps none of it', async () => {
    const before = [await known(), await stored(), (await emails()).length]
    const from = 'li@customer.example'
    for (const headers of [{ 'Auto-Submitted': 'auto-replied' }, { Precedence: 'bulk' }, { 'List-Id': '<news.customer.example>' }])
      expect(await send({ from, headers: headers as Record<string, string> })).toBe(250)
    expect(await send({ from, envelope: { from: '', to: address } })).toBe(250)
    expect([await known(), await stored(), (await emails()).length]).toEqual(before)
  })

  it('takes only so many of one sender in a minute, and more later', async () => {
    const from = 'li@customer.example'
    const codes = []
    for (let n = 0; n < 7; n += 1) codes.push(await send({ from, subject: `${n}` }))
    expect(codes).toEqual([250, 250, 250, 250, 250, 451, 451])
    service.clock.advance({ minutes: 2 })
    expect(await send({ from, subject: 'later' })).toBe(250)
  })

  it('takes the same e-mail twice and files it once', async () => {
    const before = (await emails()).length
    const mail = { from: 'li@customer.example', messageId: '<same@customer.example>' }
    expect([await send(mail), await send(mail)]).toEqual([250, 250])
    expect(await emails()).toHaveLength(before + 1)
  })

  it('refuses one that is too large, and nothing of it stays', async () => {
    const before = await stored()
    expect(await send({ from: 'li@customer.example', text: 'x'.repeat(600_000) })).toBe(552)
    expect(await stored()).toEqual(before)
  })

  it('forgets one whose sender hangs up half way', async () => {
    const before = (await stored()).length
    const socket = connect(port, '127.0.0.1')
    const lines = ['EHLO x', 'MAIL FROM:<li@customer.example>', `RCPT TO:<${address}>`, 'DATA']
    for (const line of lines) {
      await once(socket, 'data')
      socket.write(`${line}\r\n`)
    }
    await once(socket, 'data')
    socket.write(`From: li@customer.example\r\n\r\n${'x'.repeat(50_000)}`)
    await eventually(async () => (await stored()).length === before + 1)
    socket.destroy()
    await eventually(async () => (await stored()).length === before)
  })

  it('is not given up when the e-mail cannot be read: its sender is told', async () => {
    expect(
      await send({
        envelope: { from: 'li@customer.example', to: address },
        raw: `From: li@customer.example\r\nX: ${'x'.repeat(400_000)}\r\n\r\nx`,
      }),
    ).toBe(554)
  })

  it('by TLS, when there is a certificate', async () => {
    expect(await send({ from: 'li@customer.example', subject: 'secret' }, { requireTLS: true })).toBe(250)
    expect((await emails())[0].subject).toBe('secret')
  })
})

/** Speaks SMTP line by line; answers the codes, the greeting first, until the other side hangs up. */
async function talk(lines: readonly string[]): Promise<number[]> {
  const socket = connect(port, '127.0.0.1')
  const codes: number[] = []
  const closed = once(socket, 'close')
  for (const line of ['EHLO x', ...lines, 'QUIT']) {
    const reply = await Promise.race([once(socket, 'data'), closed])
    if (!(reply[0] instanceof Buffer)) break
    codes.push(Number(reply[0].toString().slice(0, 3)))
    if (socket.writable) socket.write(`${line}\r\n`)
  }
  socket.destroy()
  return codes.slice(0, lines.length + 2)
}

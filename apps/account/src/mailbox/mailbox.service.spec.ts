import {
  addContact,
  addMailbox,
  changeMailbox,
  checkMailbox,
  deleteMailbox,
  getMailbox,
  getTimeline,
  listMailboxes,
  listUnmatchedMails,
  openAccount,
  readAudit,
} from '@millrace/contracts'
import { inTenant } from '@millrace/service'
import { aWorld, type Company, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'
import { anEml, anEmlOfParts, enclosed } from '../mail/mail.fixture.js'
import { MailboxReader } from './mailbox-reader.service.js'
import { aDovecot, aSilentServer, noDovecot, type Dovecot } from './mailbox.fixture.js'

if (noDovecot && process.env['CI'] === 'true') throw new Error(`${noDovecot}; CI=true does not allow to leave it out`)
if (noDovecot) console.warn(`Mailboxes are not tested: ${noDovecot}`)
const suite = noDovecot ? describe.skip : describe

let world: World
let service: TestService
let company: Company
let accountId: string
let dovecot: Dovecot
let lock: Awaited<ReturnType<TestService['database']['dedicated']>> | undefined

const secrets = { ACCOUNT_SECRET: 'a secret of tests, at least 32 characters' }

suite('a mailbox', () => {
  beforeAll(async () => {
    dovecot = await aDovecot()
    world = await aWorld()
    service = await world.start(accountService, {
      ...secrets,
      MAILBOX_PRIVATE_NETWORKS: '127.0.0.0/8',
      MAILBOX_TIMEOUT_SECONDS: '1',
      MAIL_LIMIT: '200000',
      MAIL_SENDER_RATE: '60',
    })
    // As another replica that has the job: mailboxes are read when a test says so.
    lock = await service.database.dedicated()
    await lock.query("SELECT pg_advisory_lock(hashtext('millrace job mailboxes are read'))")
  })
  afterAll(async () => {
    await lock?.end()
    await world?.stop()
    await dovecot?.stop()
  })
  beforeEach(async () => {
    company = await world.company()
    accountId = (await service.as(company.amy).does(openAccount, { body: { name: '云图科技' } })).id
    await service.as(company.amy).does(addContact, { body: { accountId, name: '李雷', email: 'li@customer.example' } })
    service.clock.advance({ minutes: 2 })
  })
  // So that the turns of one test are not also those of the mailboxes of others.
  afterEach(() => inTenant(company.tenantId, () => service.database.query('DELETE FROM mailbox')))

  let count = 0
  const user = () => `box${count}`
  const add = async (more: object = {}) => {
    count += 1
    const body = {
      ...{
        name: 'Sales',
        host: 'localhost',
        port: dovecot.tlsPort,
        trusts: dovecot.certificate,
        username: user(),
        secret: dovecot.password,
      },
      ...{ since: '2020-01-01', ...more },
    }
    return service.as(company.ada).does(addMailbox, { body })
  }
  const get = (id: string) => service.as(company.ada).does(getMailbox, { params: { id } })
  const turn = () => service.app.get(MailboxReader).readDue()
  const change = async (id: string, body: object) =>
    service.as(company.ada).does(changeMailbox, { params: { id }, body, headers: { 'if-match': `"${(await get(id)).version}"` } })
  const mail = (subject: string, headers: Record<string, string> = {}, body = 'We want 120 seats.') =>
    anEml(
      {
        From: '李雷 <li@customer.example>',
        To: 'sales@ours.example',
        Subject: subject,
        'Message-ID': `<${company.tenantId}-${subject}@x>`,
        ...headers,
      },
      body,
    )
  const arrives = async (...mails: Buffer[]) => {
    const client = await dovecot.client(user())
    for (const each of mails) await client.append('INBOX', each)
    await client.logout()
  }
  const subjects = async () =>
    (await service.as(company.amy).does(getTimeline, { params: { id: accountId }, query: { kind: 'email' } })).data.map(
      ({ subject }: { subject: string }) => subject,
    ) as string[]
  /** The flags of the e-mails in a folder, in their order. */
  const flags = async (folder = 'INBOX') => {
    const client = await dovecot.client(user())
    await client.mailboxOpen(folder, { readOnly: true })
    const found = (await client.fetchAll('1:*', { flags: true })).map((each) => [...each.flags!].filter((flag) => flag !== '\\Recent'))
    await client.logout()
    return found
  }

  describe('that is read', () => {
    it('has its e-mails filed at the accounts of their contacts, with attachments, and marked as read', async () => {
      const { id, state } = await add()
      expect(state).toMatchObject({ lastReadAt: null, lastError: null, failures: 0, filed: 0 })
      await arrives(
        mail('Question'),
        anEmlOfParts({ From: 'li@customer.example', To: 'sales@ours.example', Subject: 'Plan', 'Message-ID': `<plan-${id}@x>` }, [
          [{ 'Content-Type': 'text/plain' }, 'See the plan.'],
          [enclosed('plan.txt'), Buffer.from('the plan').toString('base64')],
        ]),
      )
      await turn()
      expect((await subjects()).sort()).toEqual(['Plan', 'Question'])
      const { data } = await service.as(company.amy).does(getTimeline, { params: { id: accountId }, query: { kind: 'email' } })
      expect(data.find(({ subject }: { subject: string }) => subject === 'Plan')).toMatchObject({
        attachments: [{ name: 'plan.txt', bytes: 8 }],
      })
      expect(await flags()).toEqual([['\\Seen'], ['\\Seen']])
      const read = (await get(id)).state
      expect(read).toMatchObject({ lastError: null, failures: 0, filed: 2, passedBy: 0 })
      expect(Date.parse(read.nextReadAt) - Date.parse(read.lastReadAt)).toBe(60_000)
      const audit = await service.as(company.ada).does(readAudit, { params: { id: data[0].id } })
      expect(audit.data).toMatchObject([{ action: 'insert', actorId: null, channel: 'mail' }])
    })

    it('rests a minute between two turns, and what was filed is not filed again', async () => {
      const { id } = await add()
      await arrives(mail('first'))
      await turn()
      await arrives(mail('second'))
      await turn()
      expect(await subjects()).toEqual(['first'])
      service.clock.advance({ minutes: 1 })
      await turn()
      await turn()
      expect((await subjects()).sort()).toEqual(['first', 'second'])
      expect((await get(id)).state).toMatchObject({ filed: 2, passedBy: 0 })
    })

    it('that was filed by the company’s address or by hand before is not filed twice', async () => {
      await add()
      await arrives(mail('same'), mail('same'))
      await turn()
      expect(await subjects()).toEqual(['same'])
      expect(await flags()).toEqual([['\\Seen'], ['\\Seen']])
    })

    it('goes on where it was when it was killed after filing and before marking', async () => {
      const { id } = await add()
      await arrives(mail('once'))
      await turn()
      // As the kill leaves it: filed, not marked, and not known to be read.
      const client = await dovecot.client(user())
      await client.mailboxOpen('INBOX')
      await client.messageFlagsRemove('1', ['\\Seen'])
      await client.logout()
      await inTenant(company.tenantId, () =>
        service.database.query('UPDATE mailbox_state SET last_uid = 0, uid_validity = NULL, next_read_at = $2 WHERE mailbox_id = $1', [
          id,
          service.clock.now(),
        ]),
      )
      await turn()
      expect(await subjects()).toEqual(['once'])
      expect(await flags()).toEqual([['\\Seen']])
    })

    it('is read anew when the server counts anew, and misses and doubles nothing', async () => {
      const { id } = await add()
      await arrives(mail('one'), mail('two'))
      await turn()
      const before = await place(id)
      // With one gone and all numbered anew, the third gets a number that was read before.
      const client = await dovecot.client(user())
      await client.mailboxOpen('INBOX')
      await client.messageDelete('1')
      await client.logout()
      dovecot.renumber(user())
      await arrives(mail('three'))
      service.clock.advance({ minutes: 1 })
      await turn()
      expect((await place(id)).validity).not.toBe(before.validity)
      expect((await subjects()).sort()).toEqual(['one', 'three', 'two'])
      expect((await get(id)).state).toMatchObject({ filed: 3, lastError: null })
    })

    it('takes so many in one turn and the others in the next, at once', async () => {
      const { id } = await add()
      await arrives(...Array.from({ length: 53 }, (_, n) => mail(`mail ${n}`)))
      await turn()
      const read = (await get(id)).state
      expect(read).toMatchObject({ filed: 50, nextReadAt: read.lastReadAt })
      await turn()
      expect((await get(id)).state).toMatchObject({ filed: 53 })
      expect(await subjects()).toHaveLength(50)
    })

    it('takes no more of one sender than the rate allows, and the others later', async () => {
      const { id } = await add()
      await arrives(...Array.from({ length: 45 }, (_, n) => mail(`a ${n}`)))
      await turn()
      await arrives(...Array.from({ length: 20 }, (_, n) => mail(`b ${n}`)))
      service.clock.advance({ seconds: 10 })
      await inTenant(company.tenantId, () => service.database.query('UPDATE mailbox_state SET next_read_at = $1', [service.clock.now()]))
      await turn()
      expect((await get(id)).state).toMatchObject({ filed: 60, lastError: null })
      service.clock.advance({ minutes: 2 })
      await turn()
      expect((await get(id)).state).toMatchObject({ filed: 65 })
    })

    it('moves what is filed, and leaves what is not for people where it is', async () => {
      count += 1
      const client = await dovecot.client(user())
      await client.mailboxCreate('Filed')
      await client.logout()
      count -= 1
      const { id } = await add({ after: 'move', moveTo: 'Filed' })
      await arrives(mail('wanted'), mail('stranger', { From: 'spam@elsewhere.example' }), mail('wanted too'))
      await turn()
      expect((await subjects()).sort()).toEqual(['wanted', 'wanted too'])
      expect([await flags(), await flags('Filed')]).toEqual([[[]], [[], []]])
      expect((await get(id)).state).toMatchObject({ filed: 2, passedBy: 1, lastPassedBy: { code: 'mail.sender_unknown' } })
    })

    it('passes by what is too large, and says so', async () => {
      const { id } = await add()
      await arrives(mail('large', {}, 'x'.repeat(300_000)), mail('small'))
      await turn()
      expect(await subjects()).toEqual(['small'])
      expect((await get(id)).state).toMatchObject({ filed: 1, passedBy: 1, lastPassedBy: { code: 'request.too_large' } })
      expect(await flags()).toEqual([[], ['\\Seen']])
    })

    it('keeps nothing of what machines write, so that nothing goes round', async () => {
      const { id } = await add()
      await arrives(
        mail('away', { 'Auto-Submitted': 'auto-replied' }),
        mail('list', { 'List-Id': '<news.customer.example>' }),
        mail('bounce', { 'Return-Path': '<>' }),
        mail('person', { 'Return-Path': '<li@customer.example>' }),
      )
      await turn()
      expect(await subjects()).toEqual(['person'])
      expect((await get(id)).state).toMatchObject({ filed: 1, passedBy: 0, lastError: null })
      expect(await flags()).toEqual([['\\Seen'], ['\\Seen'], ['\\Seen'], ['\\Seen']])
    })

    it('keeps a colleague’s e-mail that names nobody known, for them to decide', async () => {
      await add()
      await arrives(mail('Who is this?', { From: company.bob.email }))
      await turn()
      const { data } = await service.as(company.bob).does(listUnmatchedMails, { query: { status: 'waiting' } })
      expect(data).toMatchObject([{ subject: 'Who is this?', ownerId: company.bob.id }])
    })

    it('leaves alone what came before its day, and all of it when it is not active', async () => {
      await add({ since: '2999-01-01' })
      await arrives(mail('old'))
      await turn()
      expect(await flags()).toEqual([[]])
      const { id } = await add({ active: false })
      await arrives(mail('idle'))
      await turn()
      expect((await get(id)).state).toMatchObject({ nextReadAt: null, filed: 0 })
      await change(id, { active: true })
      await turn()
      expect(await subjects()).toEqual(['idle'])
    })

    it('by STARTTLS too, and without encryption only inside the house', async () => {
      for (const security of ['starttls', 'none']) {
        await add({ security, port: dovecot.port })
        await arrives(mail(security))
        await turn()
      }
      expect((await subjects()).sort()).toEqual(['none', 'starttls'])
    })
  })

  describe('that cannot be read', () => {
    it('with a wrong password says so, and is tried less and less often until it is mended', async () => {
      const { id } = await add({ secret: 'wrong' })
      await arrives(mail('later'))
      const pauses = []
      for (let n = 0; n < 8; n += 1) {
        await turn()
        const { state } = await get(id)
        expect(state).toMatchObject({ failures: n + 1, lastReadAt: null, lastError: { code: 'mailbox.wrong_password' } })
        pauses.push(Math.ceil((Date.parse(state.nextReadAt) - service.clock.now().getTime()) / 60_000))
        service.clock.advance({ minutes: pauses.at(-1)! })
      }
      expect(pauses).toEqual([2, 4, 8, 16, 32, 60, 60, 60])
      const zh = await service.as(company.ada).does(getMailbox, { params: { id }, headers: { 'accept-language': 'zh-CN' } })
      expect(zh.state.lastError.says).toContain('用户名和密码')
      await change(id, { secret: dovecot.password })
      expect((await get(id)).state).toMatchObject({ failures: 0, lastError: null })
      await turn()
      expect(await subjects()).toEqual(['later'])
    })

    it('of a server that is silent lets others be read meanwhile, and gives up in time', async () => {
      const silent = [await aSilentServer(''), await aSilentServer('* OK [CAPABILITY IMAP4rev1] here\r\n')]
      const ids = []
      for (const { port } of silent) ids.push((await add({ port, security: 'none' })).id)
      await add()
      await arrives(mail('not held up'))
      await turn()
      expect(await subjects()).toEqual(['not held up'])
      for (const id of ids) expect((await get(id)).state).toMatchObject({ failures: 1, lastError: { code: 'mailbox.silent' } })
      for (const { stop } of silent) stop()
    })

    it('is checked with a word of what is wrong', async () => {
      const checked = async (more: object) => {
        const { id } = await add(more)
        const { ok, trouble, messages } = await service.as(company.ada).does(checkMailbox, { params: { id } })
        return [ok, trouble?.code ?? null, messages]
      }
      expect(await checked({})).toEqual([true, null, 0])
      expect(await checked({ secret: 'wrong' })).toEqual([false, 'mailbox.wrong_password', null])
      expect(await checked({ trusts: null })).toEqual([false, 'mailbox.certificate', null])
      expect(await checked({ folder: 'Nowhere' })).toEqual([false, 'mailbox.no_folder', null])
      expect(await checked({ after: 'move', moveTo: 'Nowhere' })).toEqual([false, 'mailbox.no_folder', null])
      expect(await checked({ port: 9 })).toEqual([false, 'mailbox.unreachable', null])
      expect(await checked({ port: dovecot.port })).toEqual([false, 'mailbox.not_imap', null])
      expect(await checked({ host: '10.1.2.3' })).toEqual([false, 'mailbox.host_not_allowed', null])
      expect(await checked({ host: '169.254.169.254' })).toEqual([false, 'mailbox.host_not_allowed', null])
      expect(await checked({ host: 'no-such-host.invalid' })).toEqual([false, 'mailbox.host_unknown', null])
      expect(await checked({ host: '8.8.8.8', security: 'none' })).toEqual([false, 'mailbox.not_encrypted', null])
      const plain = await aSilentServer('* OK [CAPABILITY IMAP4rev1] here\r\n')
      expect(await checked({ port: plain.port, security: 'starttls' })).toEqual([false, 'mailbox.no_starttls', null])
      plain.stop()
    })
  })

  describe('as it is set up', () => {
    it('never shows its password, and keeps it sealed', async () => {
      const { id } = await add({ secret: 'correct horse' })
      const shown = JSON.stringify([
        await get(id),
        await service.as(company.ada).does(listMailboxes, {}),
        await service.as(company.ada).does(readAudit, { params: { id } }),
        await world.events(company.tenantId),
        await inTenant(company.tenantId, () => service.database.query('SELECT * FROM mailbox')),
      ])
      expect(shown).not.toContain('correct horse')
      const [row] = await inTenant(company.tenantId, () => service.database.query<{ sealed: Buffer }>('SELECT sealed FROM mailbox_secret'))
      expect(row!.sealed.length).toBeGreaterThan(20)
      expect(row!.sealed.includes('correct horse')).toBe(false)
    })

    it('is for administrators; sales-ops see how it goes', async () => {
      const { id } = await add()
      const { amy, olga, ada } = company
      const params = { id }
      expect((await service.as(amy).call(getMailbox, { params })).status).toBe(403)
      expect((await service.as(olga).does(getMailbox, { params })).name).toBe('Sales')
      for (const operation of [checkMailbox, deleteMailbox]) expect((await service.as(olga).call(operation, { params })).status).toBe(403)
      const { ada: stranger } = await world.company()
      for (const operation of [getMailbox, checkMailbox, deleteMailbox])
        expect((await service.as(stranger).call(operation, { params })).status).toBe(404)
      expect((await service.as(ada).call(deleteMailbox, { params })).status).toBe(204)
      expect((await service.as(ada).call(getMailbox, { params })).status).toBe(404)
      expect(await inTenant(company.tenantId, () => service.database.query('SELECT 1 FROM mailbox_secret'))).toEqual([])
    })

    it('does not hand its password to another server or user', async () => {
      const { id, version } = await add()
      const changed = (body: object) =>
        service.as(company.ada).call(changeMailbox, { params: { id }, body, headers: { 'if-match': `"${version}"` } })
      expect((await changed({ host: 'evil.example' })).body.code).toBe('mailbox.secret_needed')
      expect((await changed({ username: 'other' })).body.code).toBe('mailbox.secret_needed')
      expect((await changed({ after: 'move' })).body.code).toBe('mailbox.no_target')
      expect((await changed({ after: 'move', moveTo: 'INBOX' })).body.code).toBe('mailbox.same_folder')
      expect((await changed({ host: 'other.example', secret: 'new' })).status).toBe(200)
    })

    it('takes a host, no address of a page, and no password where none can be sealed', async () => {
      const body = { name: 'x', username: 'x', secret: 'x' }
      for (const host of ['https://imap.example.com', 'imap.example.com:993', 'a b', ''])
        expect((await service.as(company.ada).call(addMailbox, { body: { ...body, host } })).status).toBe(400)
      const other = await world.start(accountService)
      const { ada } = await world.company()
      await other.settled()
      expect((await other.as(ada).call(addMailbox, { body: { ...body, host: 'imap.example.com' } })).body.code).toBe('mailbox.no_key')
    })
  })

  const place = async (id: string) =>
    (await inTenant(company.tenantId, () =>
      service.database.one<{ validity: string; last: string }>(
        'SELECT uid_validity::text AS validity, last_uid::text AS last FROM mailbox_state WHERE mailbox_id = $1',
        [id],
      ),
    ))!
})

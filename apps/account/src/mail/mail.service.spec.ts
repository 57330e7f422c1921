import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  addContact,
  assignUnmatchedMail,
  discardUnmatchedMail,
  downloadAttachment,
  fileMail,
  getActivity,
  getTimeline,
  listUnmatchedMails,
  openAccount,
  OpportunityOpened,
  changeActivity,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import { Files, inTenant } from '@millrace/service'
import { aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'
import { anEml, anEmlOfParts, enclosed } from './mail.fixture.js'

let world: World
let service: TestService
let company: Company
let accountId: Id<'account'>
let contactId: Id<'contact'>

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService, { MAIL_LIMIT: '2000000' })
  company = await world.company()
  accountId = (await service.as(company.amy).does(openAccount, { body: { name: '云图科技' } })).id
  contactId = (await service.as(company.amy).does(addContact, { body: { accountId, name: '李雷', email: 'Li@Customer.example' } })).id
})
afterAll(() => world.stop())

let count = 0
/** Headers of a new e-mail from the contact to Amy. */
const usual = (given: Record<string, string> = {}) => ({
  From: '李雷 <li@customer.example>',
  To: company.amy.email,
  Subject: 'Offer',
  Date: 'Mon, 2 Nov 2026 16:00:00 +0800',
  'Message-ID': `<${(count += 1)}@customer.example>`,
  ...given,
})
const send = (eml: Buffer, person: Person = company.amy, query = {}) => service.as(person).call(fileMail, { body: eml, query })
const files = async (eml: Buffer, person?: Person, query = {}) => {
  const { status, body, text } = await send(eml, person, query)
  if (status !== 200) throw new Error(text)
  return body
}
const activity = (id: string, person = company.amy) => service.as(person).does(getActivity, { params: { id } })
const waiting = async (person = company.amy) =>
  (await service.as(person).does(listUnmatchedMails, { query: { status: 'waiting' } })).data as { id: string }[]
const onDisk = () => readdirSync(join(world.environment['STORAGE_FOLDER']!, company.tenantId), { withFileTypes: true }).length
/** How many files there are once all that was let go is removed. */
const settledDisk = async () => {
  await eventually(async () => (await unsettled()).length === 0)
  return onDisk()
}
const unsettled = () => inTenant(company.tenantId, () => service.database.query(`SELECT id FROM stored_file WHERE status <> 'kept'`))

describe('filing an e-mail', () => {
  it('makes an activity of it at the account of the contact who wrote it, with its files, and tells others without a word of it', async () => {
    const eml = anEmlOfParts(usual({ Cc: 'han@elsewhere.example' }), [
      [{ 'Content-Type': 'text/plain; charset=utf-8' }, 'We want 120 seats.'],
      [enclosed('plan.txt'), Buffer.from('the plan').toString('base64')],
      [enclosed('setup.exe'), Buffer.from('MZ').toString('base64')],
      [enclosed('lie.pdf'), Buffer.from('MZ').toString('base64')],
    ])
    const filed = await files(eml)
    expect(filed).toMatchObject({
      status: 'filed',
      unmatchedMailId: null,
      attachments: [{ name: 'plan.txt', bytes: 8 }],
      leftOut: [
        { name: 'setup.exe', code: 'file.not_accepted' },
        { name: 'lie.pdf', code: 'file.executable' },
      ],
    })
    expect(await activity(filed.activityId)).toMatchObject({
      kind: 'email',
      accountId,
      contactId,
      subject: 'Offer',
      text: 'We want 120 seats.',
      takesPlaceAt: '2026-11-02T08:00:00.000Z',
      loggedById: company.amy.id,
      mail: { from: { name: '李雷', address: 'li@customer.example' }, cc: [{ address: 'han@elsewhere.example' }] },
      attachments: [{ name: 'plan.txt' }],
    })
    const { body } = await service.as(company.amy).call(downloadAttachment, { params: { id: filed.attachments[0].id } })
    expect((body as Buffer).toString()).toBe('the plan')
    const [event, ...more] = (await world.events(company.tenantId)).filter(({ subject }) => subject === filed.activityId)
    expect(event).toMatchObject({
      name: 'activity.logged',
      at: '2026-11-02T08:00:00.000Z',
      payload: { kind: 'email', accountId, contactId },
    })
    expect([more, JSON.stringify(event)]).toEqual([[], expect.not.stringMatching(/seats|Offer|customer\.example/)])
    expect(await unsettled()).toEqual([])
  })

  it('finds the contact among those who received it, when a colleague wrote it', async () => {
    const eml = anEml(usual({ From: company.amy.email, To: 'nobody@elsewhere.example', Cc: 'LI@customer.example' }))
    expect(await activity((await files(eml)).activityId)).toMatchObject({ accountId, contactId })
  })

  it('adds nothing the second time, even at the same moment', async () => {
    const eml = anEmlOfParts(usual(), [[enclosed('a.txt'), Buffer.from('x').toString('base64')]])
    const disk = await settledDisk()
    const answers = await Promise.all(Array.from({ length: 5 }, () => files(eml)))
    expect(answers.map(({ status }) => status).sort()).toEqual(['filed', 'known', 'known', 'known', 'known'])
    expect(new Set(answers.map(({ activityId }) => activityId)).size).toBe(1)
    expect(await files(eml)).toMatchObject({ status: 'known', activityId: answers[0].activityId })
    expect([onDisk(), await unsettled()]).toEqual([disk + 1, []])
  })

  it('knows one without Message-ID again by its content', async () => {
    const { 'Message-ID': _, ...headers } = usual({ Subject: 'No id' })
    expect([
      (await files(anEml(headers))).status,
      (await files(anEml(headers))).status,
      (await files(anEml(headers, 'Other'))).status,
    ]).toEqual(['filed', 'known', 'filed'])
  })

  it('keeps those together that answer each other, whichever comes first, with the deal that they are about', async () => {
    const [first, answer, third] = [usual(), usual(), usual()]
    const one = await files(anEml(first))
    const thread = async (id: string) => (await activity(id)).mail.threadId as string
    const opportunityId = newId('opportunity')
    const deal = {
      opportunityId,
      title: 'CRM',
      accountId,
      ownerId: company.amy.id,
      processId: newId('process'),
      products: [],
      source: null,
    }
    const payload = { ...deal, stage: { key: 'first', name: 'First' }, amount: null, expectedCloseOn: null }
    await world.publish(company.tenantId, OpportunityOpened, opportunityId, payload)
    await service.settled()
    const change = { params: { id: one.activityId }, body: { opportunityId }, headers: { 'if-match': '"1"' } }
    await service.as(company.amy).does(changeActivity, change)
    const reply = await activity((await files(anEml({ ...usual(), 'In-Reply-To': first['Message-ID'] }))).activityId)
    expect(reply).toMatchObject({ opportunityId, mail: { threadId: await thread(one.activityId) } })
    const later = await files(anEml({ ...third, References: answer['Message-ID'] }))
    const before = await files(anEml(answer))
    expect(await thread(before.activityId)).toBe(await thread(later.activityId))
    expect(await thread((await files(anEml(usual()))).activityId)).not.toBe(await thread(one.activityId))
  })

  it('files an answer where its thread is, when a person is a contact of two accounts', async () => {
    const { amy } = company
    const first = usual()
    const one = await files(anEml(first))
    const other = await service.as(amy).does(openAccount, { body: { name: 'Other Ltd' } })
    await service.as(amy).does(addContact, { body: { accountId: other.id, name: '李雷', email: 'li@customer.example' } })
    expect((await activity((await files(anEml(usual()))).activityId)).accountId).toBe(other.id)
    const answer = await files(anEml({ ...usual(), 'In-Reply-To': first['Message-ID'] }))
    expect((await activity(answer.activityId)).accountId).toBe((await activity(one.activityId)).accountId)
  })

  it('refuses what is no e-mail, empty or too large, and nothing of it stays', async () => {
    const disk = await settledDisk()
    const refused = async (eml: Buffer) => {
      const { status, body } = await send(eml)
      return [status, body.code]
    }
    expect(await refused(Buffer.from('no e-mail'))).toEqual([422, 'mail.unreadable'])
    expect(await refused(Buffer.alloc(0))).toEqual([422, 'file.empty'])
    expect(await refused(anEml(usual(), 'x'.repeat(2_000_001)))).toEqual([413, 'request.too_large'])
    expect(await refused(anEml(usual({ 'X-Long': 'x'.repeat(1_500_000) })))).toEqual([422, 'mail.unreadable'])
    await eventually(async () => (await unsettled()).length === 0)
    expect(onDisk()).toBe(disk)
  })

  it('is when it was received, when its date lies in the future', async () => {
    const before = service.clock.now()
    const filed = await activity((await files(anEml(usual({ Date: 'Fri, 1 Jan 2100 00:00:00 +0000' })))).activityId)
    expect([before.toISOString(), filed.takesPlaceAt, filed.createdAt].toSorted()[1]).toBe(filed.takesPlaceAt)
  })
})

describe('an e-mail in which nobody is known', () => {
  const stranger = () => usual({ From: 'Han Meimei <han@nobody.example>' })

  it('waits with whoever handed it in, until it is assigned, with its files', async () => {
    const disk = await settledDisk()
    const eml = anEmlOfParts(stranger(), [
      [{ 'Content-Type': 'text/plain' }, 'Do you sell CRM?'],
      [enclosed('a.txt'), Buffer.from('x').toString('base64')],
    ])
    const taken = await files(eml)
    expect(taken).toMatchObject({ status: 'unmatched', activityId: null, attachments: [] })
    const [mail] = await waiting()
    expect(mail).toMatchObject({
      id: taken.unmatchedMailId,
      ownerId: company.amy.id,
      sender: { name: 'Han Meimei', address: 'han@nobody.example' },
      subject: 'Offer',
      excerpt: 'Do you sell CRM?',
    })
    expect([await waiting(company.bob), (await waiting(company.mona)).length]).toEqual([[], 1])
    expect(await files(eml)).toMatchObject({ status: 'known', unmatchedMailId: taken.unmatchedMailId })

    const assign = (person: Person, body: object) =>
      service.as(person).call(assignUnmatchedMail, { params: { id: taken.unmatchedMailId }, body })
    expect((await assign(company.bob, { accountId })).status).toBe(404)
    expect((await assign(company.amy, { accountId: newId('account') })).body).toMatchObject({ status: 422, field: 'accountId' })
    expect((await assign(company.amy, { accountId, contactId: newId('contact') })).body).toMatchObject({ status: 422, field: 'contactId' })
    const { activity: made } = (await assign(company.amy, { accountId, contactId })).body
    expect(made).toMatchObject({ kind: 'email', accountId, contactId, text: 'Do you sell CRM?', attachments: [{ name: 'a.txt' }] })
    expect((await assign(company.amy, { accountId })).body.activity.id).toBe(made.id)
    expect(await waiting()).toEqual([])
    expect(await files(eml)).toMatchObject({ status: 'known', activityId: made.id, unmatchedMailId: null })
    await eventually(() => onDisk() === disk + 1) // the file it brought; its source is gone
    const { data } = await service.as(company.amy).does(getTimeline, { params: { id: accountId }, query: { kind: 'email' } })
    expect(data.map(({ id }: { id: string }) => id)).toContain(made.id)
  })

  it('is assigned once, by one of two who do it at the same moment', async () => {
    const { unmatchedMailId: id } = await files(anEml(stranger()))
    const both = await Promise.all(
      [company.amy, company.mona].map((person) => service.as(person).call(assignUnmatchedMail, { params: { id }, body: { accountId } })),
    )
    expect(new Set(both.flatMap(({ status, body }) => (status === 200 ? [body.activity.id] : []))).size).toBe(1)
    expect(both.every(({ status }) => status === 200 || status === 409)).toBe(true)
  })

  it('is discarded with everything in it, and stays known', async () => {
    const disk = await settledDisk()
    const eml = anEml(stranger())
    const { unmatchedMailId: id } = await files(eml)
    expect((await service.as(company.bob).call(discardUnmatchedMail, { params: { id } })).status).toBe(404)
    const discarded = await service.as(company.amy).does(discardUnmatchedMail, { params: { id } })
    expect(discarded).toMatchObject({ status: 'discarded', sender: null, subject: '', excerpt: '', recipients: [] })
    expect(await service.as(company.amy).does(discardUnmatchedMail, { params: { id } })).toEqual(discarded)
    const assign = await service.as(company.amy).call(assignUnmatchedMail, { params: { id }, body: { accountId } })
    expect(assign.body).toMatchObject({ status: 409, code: 'unmatched_mail.illegal_move' })
    expect((await files(eml)).status).toBe('known')
    await eventually(() => onDisk() === disk)
  })

  it('is whose the one who hands it in says, among those whose work they see', async () => {
    const { amy, bob, mona } = company
    const taken = await files(anEml(stranger()), mona, { ownerId: amy.id })
    expect((await waiting())[0]).toMatchObject({ id: taken.unmatchedMailId, ownerId: amy.id })
    expect((await send(anEml(stranger()), amy, { ownerId: bob.id })).body).toMatchObject({ status: 422, code: 'reference.unknown' })
  })

  it('is one too for a rep whose colleague knows the sender, and tells nothing of it', async () => {
    const headers = usual()
    const mine = await files(anEml(headers))
    const { bob } = company
    expect(await files(anEml(headers), bob)).toMatchObject({ status: 'known', activityId: null, unmatchedMailId: null })
    expect(await files(anEml(usual()), bob)).toMatchObject({ status: 'unmatched', activityId: null })
    expect(mine.activityId).not.toBeNull()
  })

  it('is of its own company alone', async () => {
    const { amy } = await world.company()
    const eml = anEml(usual())
    await files(eml)
    expect(await files(eml, amy)).toMatchObject({ status: 'unmatched' })
  })
})

it('an e-mail whose filing a crash cut off is tidied up, and filed when it comes again', async () => {
  const disk = await settledDisk()
  const eml = anEml(usual())
  const own = service.app.get(Files)
  const { Readable } = await import('node:stream')
  await inTenant(company.tenantId, () => own.receive(Readable.from([eml]), 10_000))
  expect(onDisk()).toBe(disk + 1)
  service.clock.advance({ hours: 2 })
  await own.tidy()
  expect(onDisk()).toBe(disk)
  expect((await files(eml)).status).toBe('filed')
})

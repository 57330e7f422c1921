import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  addAttachment,
  changeActivity,
  downloadAttachment,
  getActivity,
  listActivities,
  logActivity,
  openAccount,
  readAudit,
  removeAttachment,
} from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { Files, inTenant } from '@millrace/service'
import { aWorld, eventually, type Company, type Person, type TestService, type World } from '@millrace/testing'
import { accountService } from '../account.module.js'

let world: World
let service: TestService
let company: Company
let accountId: string

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService, { FILE_LIMIT: '1000000' })
  company = await world.company()
  accountId = (await service.as(company.amy).does(openAccount, { body: { name: '云图科技' } })).id
})
afterAll(() => world.stop())

const pdf = (text = 'x') => Buffer.from(`%PDF-1.7\n${text}`)
const anActivity = async (person = company.amy) =>
  (await service.as(person).does(logActivity, { body: { kind: 'visit', accountId, subject: 'x' } })).id as string
const attach = (id: string, name: string, body: Buffer, person = company.amy) =>
  service.as(person).call(addAttachment, { params: { id }, query: { name }, body })
/** Everything in the store, whatever its name. */
const onDisk = (tenantId = company.tenantId) => {
  const folder = join(world.environment['STORAGE_FOLDER']!, tenantId)
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
const rows = () => inTenant(company.tenantId, () => service.database.query('SELECT id, status FROM stored_file'))

describe('attaching a file to an activity', () => {
  it('keeps it to the last byte, shows it with the activity and gives it back to be saved', async () => {
    const id = await anActivity()
    const content = Buffer.concat([pdf(), Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251))])
    const { status, body: attachment } = await attach(id, '报价单 (最终).pdf', content)
    expect(status).toBe(200)
    expect(attachment).toMatchObject({
      activityId: id,
      name: '报价单 (最终).pdf',
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
      addedById: company.amy.id,
    })
    expect((await service.as(company.amy).does(getActivity, { params: { id } })).attachments).toEqual([attachment])
    const { data } = await service.as(company.amy).does(listActivities, { query: { accountId } })
    expect(data[0]).not.toHaveProperty('attachments')
    const { headers, body } = await service.as(company.amy).call(downloadAttachment, { params: { id: attachment.id } })
    expect(content.equals(body as Buffer)).toBe(true)
    expect(headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(content.length),
      'content-disposition': `attachment; filename="___ (__).pdf"; filename*=UTF-8''%E6%8A%A5%E4%BB%B7%E5%8D%95%20%28%E6%9C%80%E7%BB%88%29.pdf`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
    })
  })

  it('adds nothing when the same file comes again under the same name', async () => {
    const id = await anActivity()
    const before = onDisk().length
    const [one, again, other] = [await attach(id, 'a.pdf', pdf()), await attach(id, 'a.pdf', pdf()), await attach(id, 'b.pdf', pdf())]
    expect(again.body).toEqual(one.body)
    expect(other.body.id).not.toBe(one.body.id)
    expect((await service.as(company.amy).does(getActivity, { params: { id } })).attachments).toHaveLength(2)
    expect(onDisk().length).toBe(before + 2)
    const together = await Promise.all(Array.from({ length: 5 }, () => attach(id, 'c.pdf', pdf('c'))))
    expect(new Set(together.map(({ body }) => body.id)).size).toBe(1)
    expect(onDisk().length).toBe(before + 3)
  })

  it('refuses what is no document, a lie, empty or too large, and nothing of it stays', async () => {
    const id = await anActivity()
    const [files, stored] = [onDisk(), await rows()]
    const refused = async (name: string, body: Buffer) => {
      const answer = await attach(id, name, body)
      return [answer.status, answer.body.code]
    }
    expect(await refused('setup.exe', Buffer.from('MZ'))).toEqual([422, 'file.not_accepted'])
    expect(await refused('offer.pdf', Buffer.from('MZ\u0090\u0000'))).toEqual([422, 'file.executable'])
    expect(await refused('offer.pdf', Buffer.from('<html><script>'))).toEqual([422, 'file.disguised'])
    expect(await refused('offer.pdf', Buffer.alloc(0))).toEqual([422, 'file.empty'])
    expect(await refused('offer.pdf', Buffer.concat([pdf(), Buffer.alloc(1_000_000)]))).toEqual([413, 'request.too_large'])
    expect(await refused('', pdf())).toEqual([400, 'request.invalid'])
    expect([onDisk(), await rows()]).toEqual([files, stored])
    expect((await service.as(company.amy).does(getActivity, { params: { id } })).attachments).toEqual([])
  })

  it('makes a name safe and no path of it', async () => {
    const id = await anActivity()
    expect((await attach(id, '../../../etc/passwd\u0000.pdf', pdf())).body.name).toBe('passwd.pdf')
    expect((await attach(id, 'C:\\x\\invoice\u202efdp.exe.pdf', pdf())).body.name).toBe('invoicefdp.exe.pdf')
  })

  it('leaves nothing of an upload that breaks off half way', async () => {
    const id = await anActivity()
    const [files, stored] = [onDisk(), await rows()]
    const token = await world.token(company.amy)
    const upload = request(`${service.url}/v1/activities/${id}/attachments?name=a.pdf`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream', 'content-length': '500000' },
    })
    upload.on('error', () => undefined)
    upload.write(Buffer.concat([pdf(), Buffer.alloc(100_000)]))
    await eventually(async () => (await rows()).length > stored.length)
    upload.destroy()
    await eventually(async () => (await rows()).length === stored.length)
    expect([onDisk(), await rows()]).toEqual([files, stored])
  })

  it('is tidied up after a crash between the file and its record', async () => {
    const [files, stored] = [onDisk(), await rows()]
    const own = service.app.get(Files)
    await inTenant(company.tenantId, () => own.receive(Readable.from([pdf()]), 1_000))
    expect(onDisk().length).toBe(files.length + 1)
    await own.tidy()
    expect(onDisk().length).toBe(files.length + 1) // it may still become an attachment
    service.clock.advance({ hours: 2 })
    await own.tidy()
    expect([onDisk(), await rows()]).toEqual([files, stored])
  })

  it('has a limit for each activity', async () => {
    const id = await anActivity()
    for (let n = 0; n < 50; n += 1) expect((await attach(id, `${n}.txt`, Buffer.from(`text ${n}`))).status).toBe(200)
    const before = onDisk().length
    expect((await attach(id, '50.txt', Buffer.from('text 50'))).body).toMatchObject({ status: 409, code: 'attachment.too_many', limit: 50 })
    expect(onDisk().length).toBe(before)
  })
})

describe('removing an attachment', () => {
  it('takes the file away for good; that it was there, and who removed it, stays known', async () => {
    const id = await anActivity()
    const before = onDisk().length
    const { body: attachment } = await attach(id, 'a.pdf', pdf())
    const params = { id: attachment.id as string }
    expect((await service.as(company.amy).call(removeAttachment, { params })).status).toBe(204)
    expect((await service.as(company.amy).call(removeAttachment, { params })).status).toBe(204)
    expect((await service.as(company.amy).call(downloadAttachment, { params })).body).toMatchObject({
      status: 404,
      code: 'attachment.not_found',
    })
    expect((await service.as(company.amy).does(getActivity, { params: { id } })).attachments).toEqual([])
    await eventually(() => onDisk().length === before)
    const { data } = await service.as(company.ada).does(readAudit, { params })
    expect(data).toMatchObject([
      { action: 'insert' },
      { action: 'update', actorId: company.amy.id, change: { removedById: { to: company.amy.id } } },
    ])
    expect((await attach(id, 'a.pdf', pdf())).body.id).not.toBe(attachment.id)
  })
})

describe('who sees an attachment', () => {
  it('is who sees its activity: another rep and another company find none', async () => {
    const id = await anActivity()
    const { body: attachment } = await attach(id, 'a.pdf', pdf())
    const stranger = await world.company()
    const params = { id: attachment.id as string }
    const status = async (person: Person) => (await service.as(person).call(downloadAttachment, { params })).status
    expect(await Promise.all([company.amy, company.mona, company.fred, company.bob, stranger.ada].map(status))).toEqual([
      200, 200, 200, 404, 404,
    ])
    for (const person of [company.bob, stranger.ada]) {
      expect((await service.as(person).call(removeAttachment, { params })).status).toBe(404)
      expect((await attach(id, 'b.pdf', pdf(), person)).body.code).toBe('activity.not_found')
    }
    expect((await attach(id, 'b.pdf', pdf(), company.fred)).body).toMatchObject({ status: 403, permission: 'attachment.add' })
    expect((await attach(newId('activity'), 'b.pdf', pdf())).status).toBe(404)
    expect(onDisk(stranger.tenantId)).toEqual([])
  })

  it('and a change of the activity keeps them', async () => {
    const id = await anActivity()
    await attach(id, 'a.pdf', pdf())
    const changed = await service
      .as(company.amy)
      .does(changeActivity, { params: { id }, body: { subject: 'y' }, headers: { 'if-match': '"1"' } })
    expect(changed.attachments).toHaveLength(1)
  })
})

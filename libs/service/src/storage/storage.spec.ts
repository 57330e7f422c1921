import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { newId } from '@millrace/domain'
import { Unavailable } from '../access.js'
import { DiskStorage } from './disk.storage.js'
import { openStorage, storageSettings } from './index.js'
import { anS3Server, type S3Server } from './s3-server.fixture.js'
import { S3Storage } from './s3.storage.js'
import { storedName, type Storage } from './storage.js'
import { z } from 'zod'

const folder = mkdtempSync(join(tmpdir(), 'millrace-storage-'))
let s3: S3Server
beforeAll(async () => void (s3 = await anS3Server()))
afterAll(async () => {
  await s3.stop()
  rmSync(folder, { recursive: true, force: true })
})

const aName = () => storedName(newId('tenant'), newId('file'))
const filesOf = (path: string) => readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
const stores: Record<string, { open: () => Storage; count: () => number }> = {
  'A folder': { open: () => new DiskStorage(folder), count: () => filesOf(folder).length },
  'A store that speaks S3': { open: () => new S3Storage(s3.options), count: () => s3.kept.size },
}

describe.each(Object.entries(stores))('%s', (_, { open, count }) => {
  it('gives back what it keeps, to the last byte', async () => {
    const [store, name] = [open(), aName()]
    const parts = Array.from({ length: 40 }, (_, n) => Buffer.alloc(100_000 + n, n))
    await store.put(name, Readable.from(parts, { objectMode: false }))
    expect((await buffer(await store.open(name))).equals(Buffer.concat(parts))).toBe(true)
  })

  it('keeps files apart, and forgets one without the others', async () => {
    const [store, one, other] = [open(), aName(), aName()]
    await store.put(one, Readable.from([Buffer.from('one')]))
    await store.put(other, Readable.from([Buffer.from('other')]))
    await store.remove(one)
    await store.remove(one)
    await expect(store.open(one)).rejects.toThrow()
    expect((await buffer(await store.open(other))).toString()).toBe('other')
  })

  it('keeps nothing of a file that breaks off', async () => {
    const [store, before] = [open(), count()]
    const broken = async function* () {
      yield Buffer.alloc(200_000)
      throw new Error('the line went dead')
    }
    await expect(store.put(aName(), Readable.from(broken(), { objectMode: false }))).rejects.toThrow('the line went dead')
    expect(count()).toBe(before)
  })
})

describe('A folder', () => {
  it('shows files to nobody else on the machine, under names of our ids alone', async () => {
    const name = aName()
    await new DiskStorage(folder).put(name, Readable.from([Buffer.from('x')]))
    expect(readFileSync(join(folder, name), 'utf8')).toBe('x')
    expect(() => storedName(newId('tenant'), '../../etc/passwd')).toThrow()
    expect(() => storedName('..', newId('file'))).toThrow()
  })

  it('also removes what a crash has left of a file', async () => {
    const [store, name] = [new DiskStorage(folder), aName()]
    await store.put(name, Readable.from([Buffer.from('x')]))
    writeFileSync(join(folder, `${name}.part`), 'half')
    await store.remove(name)
    expect([existsSync(join(folder, `${name}.part`)), existsSync(join(folder, name))]).toEqual([false, false])
  })
})

describe('A store that speaks S3', () => {
  it('is signed with the secret: another one is refused, and the fault names no key', async () => {
    const wrong = new S3Storage({ ...s3.options, secretAccessKey: 'other' })
    await expect(wrong.put(aName(), Readable.from([Buffer.from('x')]))).rejects.toThrow(
      /^the file store refused PUT: 403 SignatureDoesNotMatch$/,
    )
  })

  it('is away, and may be asked again, when it fails or does not answer', async () => {
    s3.failWith = 503
    await expect(new S3Storage(s3.options).put(aName(), Readable.from([Buffer.from('x')]))).rejects.toThrow(Unavailable)
    const nowhere = new S3Storage({ ...s3.options, endpoint: 'http://127.0.0.1:9' })
    await expect(nowhere.open(aName())).rejects.toThrow(Unavailable)
  })

  it('has to be named whole', () => {
    const settings = z.object(storageSettings)
    expect(openStorage(settings.parse({}))).toBeInstanceOf(DiskStorage)
    expect(() => openStorage(settings.parse({ STORAGE: 's3', S3_BUCKET: 'millrace' }))).toThrow('S3_ENDPOINT')
    const { endpoint, bucket, accessKeyId, secretAccessKey } = s3.options
    const whole = {
      STORAGE: 's3',
      S3_ENDPOINT: endpoint,
      S3_BUCKET: bucket,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
    }
    expect(openStorage(settings.parse(whole))).toBeInstanceOf(S3Storage)
  })
})

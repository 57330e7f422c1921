/**
 * The receiving side of B3, in a process of its own: `own` is a service of ours with one handler, `raw` what the bus's client alone does. Keeps
 * when each event was there, by the machine's monotonic clock, and tells when asked.
 */
import type { Received, ServiceDefinition, Transaction } from '@millrace/service'
import type { LeadCaptured } from '@millrace/contracts'
import pg from 'pg'
import { builtFile, monotonic } from './ground.ts'
import type { BusUrls } from './events.ts'

const [kind, urlsText = '{}'] = process.argv.slice(2)
const urls = JSON.parse(urlsText) as BusUrls
const arrived: [string, number][] = []

const stop = kind === 'own' ? await own() : urls.bus.startsWith('kafka:') ? await rawKafka() : await rawPostgres()
process.on('message', () => process.send!(arrived.splice(0)))
process.on('disconnect', () => void stop().finally(() => process.exit(0)))
process.send!('ready')

async function own(): Promise<() => Promise<void>> {
  const { Controller, Module } = await import('@nestjs/common')
  const contracts = await import('@millrace/contracts')
  const { On, start } = await import('@millrace/service')
  const { probe } = await import('./events.ts')
  class Notes {
    async note(event: Received<typeof LeadCaptured>, tx: Transaction) {
      await tx.query('INSERT INTO probe (id) VALUES ($1)', [event.id])
      tx.onCommit(() => arrived.push([event.subject, monotonic()]))
    }
  }
  // Node's type stripping knows no decorators.
  On(contracts.LeadCaptured)(Notes.prototype, 'note', Object.getOwnPropertyDescriptor(Notes.prototype, 'note')!)
  Controller()(Notes)
  class Root {}
  Module({ controllers: [Notes] })(Root)
  const definition: ServiceDefinition = { name: 'insight', module: Root, schemas: [], migrations: probe }
  const service = await start(definition, {
    ...{ PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'warn', DATABASE_URL: urls.receiver, BUS_URL: urls.bus },
    ...{ OIDC_ISSUER: 'http://127.0.0.1', OIDC_JWKS_URL: 'http://127.0.0.1/jwks' },
  })
  return () => service.stop()
}

async function rawKafka(): Promise<() => Promise<void>> {
  await builtFile('libs/service/dist/bus/kafka.bus.js') // mends the client's idle loop, here as well
  const { Kafka, logLevel } = await import('kafkajs')
  const kafka = new Kafka({ clientId: 'bench-raw', brokers: urls.bus.slice('kafka://'.length).split(','), logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: 'bench-raw', maxWaitTimeInMs: 500, minBytes: 1 })
  await consumer.connect()
  await consumer.subscribe({ topics: [urls.rawTopic], fromBeginning: true })
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()))
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 4,
    eachBatch: async ({ batch }) => {
      const at = monotonic()
      for (const { key } of batch.messages) arrived.push([String(key), at])
    },
  })
  await joined
  return () => consumer.disconnect()
}

async function rawPostgres(): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: urls.raw })
  await client.connect()
  let last = '0'
  let reading: Promise<unknown> | undefined
  let again = false
  const read = async () => {
    do {
      again = false
      const { rows } = await client.query<{ id: string; key: string }>({
        name: 'next',
        text: 'SELECT id, key, value FROM raw_log WHERE id > $1 ORDER BY id',
        values: [last],
      })
      const at = monotonic()
      for (const { key } of rows) arrived.push([key, at])
      last = rows.at(-1)?.id ?? last
    } while (again)
  }
  client.on('notification', () => {
    again = true
    reading ??= read().finally(() => (reading = undefined))
  })
  await client.query('LISTEN raw_log')
  return () => client.end()
}

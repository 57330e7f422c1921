import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { topicOf, type ServiceName } from '../../libs/contracts/src/services.ts'
import type { Bus, BusMessage } from '../../libs/service/src/bus/bus.ts'
import type { Api, Json } from '../parts/api.ts'
import { root } from '../parts/platform.ts'
import type { Drill, DrillRun } from './drill.ts'
import type { Company, Ground } from './ground.ts'

/** Within this the events behind a poisoned one have to be applied, in seconds. */
const mostSeconds = 5
const others = 24
/** How often a handler may be tried before its event is parked: once with what came with it, once with each smaller half of that, four times alone. */
const mostTries = 1 + Math.floor(Math.log2(others)) + 4
const topic = topicOf('lead')
const converted = 'millrace.lead.converted.v1'
/** Who acts on converted leads. */
const readers: readonly ServiceName[] = ['account', 'opportunity', 'insight']

/** Events that cannot be applied. */
export const d7: Drill = {
  id: 'D7',
  title: 'poison: events that cannot be applied',
  buses: ['embedded', 'kafka'],
  does:
    'Put on the topic of leads: bad JSON, an unknown type, a broken schema, and more than 1 MiB (Kafka refuses that; the topic is then told to take it, so that the services have to). Each has to be parked with its code by every service that ' +
    `reads it, and what comes behind it in the same stream has to be applied within ${mostSeconds} s. Then handlers that always throw, by triggers in the databases: one conversion cannot be applied by \`account\`, ` +
    `one deal not by \`insight\`. Each is parked after at most ${mostTries} tries, ${others} conversions behind it are applied within ${mostSeconds} s, later events of the same deal wait behind it in order; when the trigger is gone, ` +
    'replaying restores what was missing. Four callers walk journeys in the other company meanwhile.',
  async run(run) {
    const ground = await run.ground()
    const [company, other] = ground.companies
    const load = ground.load(4, [other])
    const { openBus } = (await import(pathToFileURL(join(root, 'libs/service/dist/bus/index.js')).href)) as {
      openBus(url: string, clientId: string): Promise<Bus>
    }
    const bus = await openBus(ground.installation.bus, 'millrace-drill')
    run.defer(() => bus.close())
    const rows: string[][] = [['Poison', 'Parked by', 'As', 'Events behind it applied after']]
    const broken: string[] = []
    const saw: string[] = []

    for (const poison of poisons(company)) {
      run.halt.throwIfAborted()
      const api = company.as('integration')
      const lead = await api.post('/v1/leads', { companyName: `Poisoned ${crypto.randomUUID()}` })
      const message = poison.message(lead.id)
      if (message.value.length > 1_048_576 && run.bus === 'kafka') {
        const refused = await bus.publish([message]).then(
          () => undefined,
          (error: Error) => error.message,
        )
        if (refused === undefined) broken.push(`${poison.name}: Kafka took it`)
        else saw.push(`Kafka refuses an event of ${message.value.length} bytes: ${refused}`)
        await takeMore(ground.installation.bus)
      }
      await bus.publish([message])
      const since = performance.now()
      // The poison does not keep back what comes after it, of the same record either.
      await api.patch(`/v1/leads/${lead.id}`, { companyName: 'Behind the poison' }, lead.version)
      await shown(api, lead, 'lead.changed')
      const seconds = (performance.now() - since) / 1_000
      const parked: { service: ServiceName; event: Json }[] = []
      for (const service of readers) {
        const event = await within(10, async () =>
          (await parkedBy(api, service)).find(({ eventId }) => eventId === message.headers['ce_id']),
        )
        if (!event) broken.push(`${poison.name}: ${service} did not park it`)
        else if (event.code !== poison.code) broken.push(`${poison.name}: ${service} parked it as ${event.code}`)
        else parked.push({ service, event })
      }
      if (seconds > mostSeconds) broken.push(`${poison.name}: what was behind it took ${seconds.toFixed(1)} s`)
      rows.push([poison.name, parked.map(({ service }) => service).join(', '), poison.code, `${seconds.toFixed(1)} s`])
      run.note(poison.name, { parked: parked.length, seconds })
    }

    await brokenConversion(run, ground, company, rows, broken)
    await brokenDeal(ground, company, rows, broken)
    const recoverySeconds = await ground.rest(load)
    return {
      done: [`${rows.length - 1} kinds of poison`, `${load.finished} journeys finished`],
      saw,
      broken: [...broken, ...load.broken],
      recoverySeconds,
      table: rows,
    }
  },
}

interface Poison {
  readonly name: string
  readonly code: string
  message(key: string): BusMessage
}

function poisons({ tenantId }: Company): Poison[] {
  const message = (key: string, type: string, value: string): BusMessage => ({
    topic,
    key,
    value: Buffer.from(value),
    headers: {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: `drill-${crypto.randomUUID()}`,
      ce_source: '/millrace/lead',
      ce_type: type,
      ce_subject: key,
      ce_time: new Date().toISOString(),
      ce_tenantid: tenantId,
      ce_journeyid: '',
      ce_sequence: '2',
    },
  })
  return [
    { name: 'bad JSON', code: 'event.bad_json', message: (key) => message(key, converted, '{"leadId":') },
    { name: 'unknown type', code: 'event.unknown_type', message: (key) => message(key, 'millrace.lead.exploded.v1', '{}') },
    { name: 'broken schema', code: 'event.broken_schema', message: (key) => message(key, converted, JSON.stringify({ leadId: 7 })) },
    {
      name: 'more than 1 MiB',
      code: 'event.broken_schema',
      message: (key) => message(key, converted, JSON.stringify({ leadId: key, junk: 'x'.repeat(1_200_000) })),
    },
  ]
}

/** One conversion that the account service cannot apply, many others behind it. */
async function brokenConversion(run: DrillRun, ground: Ground, company: Company, rows: string[][], broken: string[]): Promise<void> {
  const name = 'a conversion whose handler throws'
  const api = company.as('integration')
  const ready = async (companyName: string) => {
    const email = `${crypto.randomUUID()}@poison.example`
    const lead = await api.post('/v1/leads', { companyName, email, ownerId: company.reps[0]!.id })
    await api.post(`/v1/leads/${lead.id}/qualify`)
    return lead
  }
  const leads: Json[] = []
  for (let n = 0; n < others; n += 1) leads.push(await ready(`Behind ${n} ${crypto.randomUUID()}`))
  const poisoned = await ready('Poisoned account')
  const trap = await aTrap(ground, 'account', 'BEFORE INSERT ON account', `NEW.name = 'Poisoned account'`)

  const convert = (lead: Json) => company.as('integration').post(`/v1/leads/${lead.id}/convert`, { opportunity: { title: 'Poison' } })
  const { accountId } = await convert(poisoned)
  const answers = await Promise.all(leads.map(convert))
  const since = performance.now()
  // Asked of a caller that does not wait for its own writes: it shall see how long it really takes.
  const plain = company.as('integration', { patience: 0 })
  for (const answer of answers)
    if (!(await within(30, () => plain.get(`/v1/accounts/${answer.accountId}`).catch(() => undefined))))
      broken.push(`${name}: an account behind it was never opened`)
  const seconds = (performance.now() - since) / 1_000
  if (seconds > mostSeconds) broken.push(`${name}: what was behind it took ${seconds.toFixed(1)} s`)
  const parked = await within(10, async () => (await parkedBy(api, 'account')).find(({ subject }) => subject === poisoned.id))
  if (parked?.code !== 'event.handler_failed') broken.push(`${name}: ${parked ? `it was parked as ${parked.code}` : 'it was not parked'}`)
  const tries = await trap.sprung()
  if (tries > mostTries) broken.push(`${name}: it was tried ${tries} times`)
  await trap.remove()
  if (parked) {
    const replayed = await api.post(`/v1/parked-events/${parked.id}/replay`)
    if (replayed.failed) broken.push(`${name}: replaying failed`)
  }
  if (!(await within(10, () => plain.get(`/v1/accounts/${accountId}`).catch(() => undefined))))
    broken.push(`${name}: replaying did not open the account`)
  rows.push([name, 'account', `event.handler_failed after ${tries} tries; replayed`, `${seconds.toFixed(1)} s`])
  run.note(name, { tries, seconds })
}

/** A deal whose changes insight cannot apply: its later events wait in order. */
async function brokenDeal(ground: Ground, company: Company, rows: string[][], broken: string[]): Promise<void> {
  const name = 'a deal whose handler throws'
  const api = company.as('integration')
  const lead = await api.post('/v1/leads', {
    companyName: 'Deal',
    email: `${crypto.randomUUID()}@poison.example`,
    ownerId: company.reps[0]!.id,
  })
  await api.post(`/v1/leads/${lead.id}/qualify`)
  const { opportunityId } = await api.post(`/v1/leads/${lead.id}/convert`, { opportunity: { title: 'Poison' } })
  await api.get(`/v1/opportunities/${opportunityId}`)
  await shown(api, lead, 'opportunity.opened')
  const trap = await aTrap(ground, 'insight', 'BEFORE UPDATE ON deal', `NEW.id = '${opportunityId}'`)
  await api.post(`/v1/opportunities/${opportunityId}/complete-item`, { item: 'item-1', value: true })
  await api.post(`/v1/opportunities/${opportunityId}/move`, { stage: 'stage-2' })
  await api.post(`/v1/opportunities/${opportunityId}/complete-item`, { item: 'item-2', value: true })
  // A caller who waits for what it wrote would wait for ever here.
  const parked = async () => (await parkedBy(company.as('integration'), 'insight')).filter(({ subject }) => subject === opportunityId)
  const first = await within(15, async () =>
    (await parked()).some(({ code }) => code === 'event.behind') ? (await parked())[0] : undefined,
  )
  if (first?.code !== 'event.handler_failed') broken.push(`${name}: its first event was not parked, or nothing waits behind it`)
  const waiting = (await parked()).length
  await trap.remove()
  if (first) {
    const replayed = await company.as('integration').post(`/v1/parked-events/${first.id}/replay`)
    if (replayed.failed || replayed.applied < waiting)
      broken.push(`${name}: of ${waiting} events ${replayed.applied} were applied by replaying`)
  }
  if ((await parked()).length) broken.push(`${name}: some stay parked after replaying`)
  rows.push([name, 'insight', `event.handler_failed, ${waiting - 1} more wait behind it; replayed`, '–'])
}

/** Makes the database refuse, and counts how often it did: a sequence keeps its number when the transaction is undone. */
async function aTrap(
  ground: Ground,
  service: ServiceName,
  event: string,
  when: string,
): Promise<{ sprung(): Promise<number>; remove(): Promise<void> }> {
  const ask = async <Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: ground.installation.databases[service] })
    await client.connect()
    try {
      return (await client.query<Row>(sql)).rows
    } finally {
      await client.end()
    }
  }
  await ask(`
    CREATE SCHEMA drill;
    CREATE SEQUENCE drill.sprung;
    CREATE FUNCTION drill.spring() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN PERFORM nextval('drill.sprung'); RAISE EXCEPTION 'poisoned by the drill'; END $$;
    CREATE TRIGGER drill ${event} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION drill.spring();`)
  return {
    sprung: async () => Number((await ask<{ count: string }>('SELECT last_value AS count FROM drill.sprung'))[0]!.count),
    remove: async () => void (await ask(`DROP SCHEMA drill CASCADE`)),
  }
}

async function parkedBy(api: Api, service: ServiceName): Promise<Json[]> {
  return (await api.get('/v1/parked-events', { service })).data as Json[]
}

/** Waits until the timeline of a lead's journey tells of an event. */
async function shown(api: Api, lead: Json, event: string): Promise<void> {
  const found = await within(30, async () => {
    const { steps } = await api.get(`/v1/journeys/${lead.journeyId}`)
    return steps.some((step: Json) => step.event === event) || undefined
  })
  if (!found) throw new Error(`${event} of ${lead.id} never came to the timeline`)
}

/** What a question answers at last; undefined when it answers nothing for so many seconds. */
async function within<T>(seconds: number, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  const until = performance.now() + seconds * 1_000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined || performance.now() > until) return answer
    await sleep(50)
  }
}

/** Tells Kafka to take larger messages on the topic. */
async function takeMore(busUrl: string): Promise<void> {
  const { ConfigResourceTypes, Kafka, logLevel } = (await import('kafkajs')).default
  const admin = new Kafka({ brokers: busUrl.slice('kafka://'.length).split(','), logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const configEntries = [{ name: 'max.message.bytes', value: '4000000' }]
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }] })
  } finally {
    await admin.disconnect()
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import { apiOf, type Api } from '../parts/api.ts'
import { aPlatform, databaseUrl, pgClients, settled } from './ground.ts'
import { anIssuer, filled } from './growth.ts'
import { inTurn, type Benchmark, type Figure, type Run } from './measure.ts'

const most = 100_000
const bytesPerRecord = 3_000
const chunk = 500

/** A4: how long it takes until the book of somebody who leaves is in other hands. */
export const handover: Benchmark = {
  id: 'handover',
  title: 'A book changes hands',
  alone: true,
  meaning:
    'How long an administrator waits until all that a leaver owned is a colleague’s, in all services, with every record told and noted.',
  how: `A person with ${most.toLocaleString('en')} records (fewer, where \`--leads\` says so), stored by SQL: a fifth each leads and accounts, two contacts and an activity with each account. \`POST /v1/handovers\`, then \`…/start\`; the time counts from the start until the handover says that it has moved in all five services, and the services have applied the events. Each round it goes on to the other of two people.`,
  yardstick: `The owner of as many rows of another company in the same tables by \`UPDATE … WHERE id = ANY (…)\`, ${chunk} at once, with a row in a table like the outbox for each lead and account; one connection of \`pg\` for each of the two databases, no row-level security. Nothing is noted for undoing or for the audit trail, and nobody applies the events.`,
  async run(run) {
    const size = Math.min(most, Math.max(...run.leads))
    const issuer = await anIssuer(run)
    const ground = await aPlatform(run, (url) => ({
      OIDC_ISSUER: `${url},${issuer.url}`,
      OIDC_JWKS_URL: `${url}/oauth/jwks,${issuer.url}/jwks`,
    }))
    const { platform, tenantId, superuser } = ground
    const { newId } = await import('@millrace/domain')
    const token = await issuer.tokenOf(tenantId, { id: newId('user'), roles: ['administrator'] })
    const admin = apiOf(platform.url, async () => token, { patience: 60 })
    const people: string[] = []
    for (const name of ['Amy', 'Bob'])
      people.push((await admin.post('/v1/users', { name, email: `${name.toLowerCase()}@bench.example`, roles: ['sales_rep'] })).id)
    const [leadUrl, accountUrl] = [databaseUrl(superuser, 'millrace_lead'), databaseUrl(superuser, 'millrace_account')]
    const another = newId('tenant')
    const nouns = size / 5
    for (const tenant of [tenantId, another]) {
      await filled(run, leadUrl, ['lead'], nouns, [tenant], 0, nouns, [leadsOf(people[0]!)], bytesPerRecord)
      await filled(run, accountUrl, ['account', 'contact', 'activity'], nouns, [tenant], 0, nouns, accountsOf(people[0]!), bytesPerRecord)
    }
    await settled(run, ground)

    let holder = 0
    const ours = async () => {
      const [from, to] = [people[holder]!, people[1 - holder]!]
      const began = performance.now()
      const { id } = await admin.post('/v1/handovers', { fromUserId: from, toUserId: to, reason: 'Bench' })
      const ready = await until(run, admin, id, 'ready')
      const prepared = performance.now()
      await admin.post(`/v1/handovers/${id}/start`)
      await until(run, admin, id, 'moved')
      const moved = performance.now()
      await settled(run, ground)
      holder = 1 - holder
      const [counted, all] = [ready.records as number, size]
      if (counted !== all) throw new Error(`the handover counted ${counted} records of ${all}`)
      return {
        preparing: (prepared - began) / 1_000,
        moving: (moved - prepared) / 1_000,
        applied: (performance.now() - prepared) / 1_000,
      }
    }
    const [leads, accounts] = [(await pgClients(run, leadUrl, 1))[0]!, (await pgClients(run, accountUrl, 1))[0]!]
    for (const client of [leads, accounts]) await client.query('CREATE TABLE told (LIKE outbox INCLUDING ALL)')
    let other = 0
    const yardstick = async () => {
      const owner = people[1 - other]!
      const began = performance.now()
      const move = async (client: typeof leads, noun: 'lead' | 'account') => {
        for (let n = 0; n < nouns; n += chunk)
          await client.query(byHand[noun], [
            another,
            Array.from({ length: Math.min(chunk, nouns - n) }, (_, k) => idOf(noun, n + k)),
            owner,
          ])
      }
      await Promise.all([move(leads, 'lead'), move(accounts, 'account')])
      other = 1 - other
      const seconds = (performance.now() - began) / 1_000
      for (const client of [leads, accounts]) await client.query('TRUNCATE told')
      return { preparing: 0, moving: seconds, applied: seconds }
    }
    const rounds = await inTurn(run, { ours, yardstick })
    type Times = (typeof rounds)[0]['ours']
    const figure = (name: string, unit: string, better: Figure['better'], read: (times: Times) => number, alone = false): Figure => ({
      ...{ name, unit, better },
      rounds: rounds.map(({ ours, yardstick }) => ({ ours: read(ours), yardstick: alone ? null : read(yardstick) })),
    })
    return {
      figures: [
        figure('records moved', '1/s', 'more', ({ moving }) => size / moving),
        figure(`${size.toLocaleString('en')} records moved`, 's', 'less', ({ moving }) => moving),
        figure('until every service knows', 's', 'less', ({ applied }) => applied, true),
        figure('counted before', 's', 'less', ({ preparing }) => preparing, true),
      ],
      remarks: [],
    }
  },
}

async function until(run: Run, admin: Api, id: string, status: string) {
  for (;;) {
    run.halt.throwIfAborted()
    const handover = await admin.get(`/v1/handovers/${id}`)
    if (handover.status === status) return handover
    if (handover.failure) throw new Error(`the handover failed: ${handover.failure.text as string}`)
    await sleep(100)
  }
}

const idOf = (noun: string, n: number) => `${noun}_01g${String(n).padStart(23, '0')}`
const given = `FROM unnest($1::text[]) AS t(tenant), generate_series($2::int, $3::int) AS n, LATERAL (SELECT lpad(n::text, 23, '0') AS place) AS made`
const id = (noun: string, n = 'place') => `'${noun}_01g' || ${n}`
const at = `timestamptz '2026-01-01' + n * interval '1 second'`
const common = `tenant_id, id, version, journey_id, created_at, updated_at`

const leadsOf = (owner: string) =>
  `INSERT INTO lead (${common}, status, company_name, company_key, contact_name, contact_key, email, email_key, country, source, owner_id, duplicate_of)
   SELECT tenant, ${id('lead')}, 1, ${id('journey')}, ${at}, ${at}, 'assigned', 'Works ' || n || ' Ltd', 'works ' || n, 'Li ' || n, 'li ' || n, n || '@works.example',
     n || '@works.example', 'CN', 'Bench', '${owner}', '[]' ${given}`

const accountsOf = (owner: string) => {
  const twice = `${given}, generate_series(0, 1) AS more, LATERAL (SELECT lpad((n * 2 + more)::text, 23, '0') AS own) AS second`
  return [
    `INSERT INTO account (${common}, name, name_key, country, owner_id)
     SELECT tenant, ${id('account')}, 1, ${id('journey')}, ${at}, ${at}, 'Works ' || n || ' Ltd', 'works ' || n, 'CN', '${owner}' ${given}`,
    `INSERT INTO contact (${common}, account_id, owner_id, name, name_key, roles)
     SELECT tenant, ${id('contact', 'own')}, 1, ${id('journey')}, ${at}, ${at}, ${id('account')}, '${owner}', 'Li ' || own, 'li ' || own, '[]' ${twice}`,
    `INSERT INTO activity (${common}, kind, account_id, owner_id, subject, takes_place_at, companions)
     SELECT tenant, ${id('activity')}, 1, ${id('journey')}, ${at}, ${at}, 'call', ${id('account')}, '${owner}', 'Asked about the offer', ${at}, '[]' ${given}`,
  ]
}

const moved = (noun: string) =>
  `UPDATE ${noun} SET owner_id = $3, version = version + 1, updated_at = now() WHERE tenant_id = $1 AND id = ANY ($2::text[]) RETURNING id`
const tell = (noun: string) =>
  `INSERT INTO told (tenant_id, event_id, topic, key, headers, payload)
   SELECT $1, gen_random_uuid()::text, 'millrace.${noun}.${noun}.v1', id, '{}', json_build_object('${noun}Id', id, 'ownerId', $3)::text FROM moved`
const followers = `contacts AS (UPDATE contact SET owner_id = $3 WHERE tenant_id = $1 AND account_id = ANY ($2::text[])),
  activities AS (UPDATE activity SET owner_id = $3 WHERE tenant_id = $1 AND account_id = ANY ($2::text[]))`
const byHand = {
  lead: `WITH moved AS (${moved('lead')}) ${tell('lead')}`,
  account: `WITH moved AS (${moved('account')}), ${followers} ${tell('account')}`,
}

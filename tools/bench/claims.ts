import { randomUUID } from 'node:crypto'
import { Client } from 'undici'
import { apiOf } from '../parts/api.ts'
import { aPlatform, databaseUrl, pgClients } from './ground.ts'
import { anIssuer } from './growth.ts'
import { inTurn, quantile, type Benchmark, type Figure, type Run } from './measure.ts'

const racers = 32
const leads = 50

/** What a race for the same leads came to. */
interface Race {
  readonly perSecond: number
  readonly p99: number
  /** Leads that not exactly one got, over all races of the round. */
  readonly wrong: number
}

/** Claims one lead for one person: true, when they got it. */
type Claim = (racer: number, lead: number) => Promise<boolean>

/** L7: many who want the same leads out of a pool. */
export const claims: Benchmark = {
  id: 'claims',
  title: 'A race for the leads of a pool',
  alone: true,
  meaning: 'How fast each of many people who go for the same leads at the same moment is told whether it is theirs.',
  how: `${racers} people, each on a connection of their own, claim the same ${leads} leads of a pool in the same order through the gateway (\`POST /v1/leads/{id}/claim\`), as fast as they are answered; then the winners put them back, which does not count, and they race again until the time is over. After each race every lead has to have exactly one winner, and everybody else the answer that somebody was faster.`,
  yardstick: `The same race by one guarded \`UPDATE … WHERE status = 'pooled'\` a claim over ${racers} connections of \`pg\` from Node: no limits of the pool, event, audit, or kept answer.`,
  async run(run) {
    const issuer = await anIssuer(run)
    const { platform, tenantId, superuser } = await aPlatform(run, (url) => ({
      OIDC_ISSUER: `${url},${issuer.url}`,
      OIDC_JWKS_URL: `${url}/oauth/jwks,${issuer.url}/jwks`,
    }))
    const { newId } = await import('@millrace/domain')
    const adminToken = await issuer.tokenOf(tenantId, { id: newId('user'), roles: ['administrator'] })
    const admin = apiOf(platform.url, async () => adminToken, { patience: 60 })
    const pool = await admin.post('/v1/pools', { name: 'Race' })
    const people = await Promise.all(
      Array.from({ length: racers }, (_, n) =>
        admin.post('/v1/users', { name: `Racer ${n}`, email: `racer${n}@bench.example`, roles: ['sales_rep'] }),
      ),
    )
    const tokens = await Promise.all(people.map(({ id }) => issuer.tokenOf(tenantId, { id, roles: ['sales_rep'] })))
    const reps = tokens.map((token) => apiOf(platform.url, async () => token, { patience: 60 }))
    const ids: string[] = []
    for (let n = 0; n < leads; n += 1) {
      const { id } = await admin.post('/v1/leads', { companyName: `Race ${n} Ltd`, ownerId: people[0]!.id })
      await admin.post(`/v1/leads/${id}/release`, { poolId: pool.id, reason: 'other' })
      ids.push(id)
    }
    const clients = Array.from({ length: racers }, () => new Client(platform.url, { pipelining: 1 }))
    run.defer(() => Promise.all(clients.map((client) => client.destroy())))
    const ours: Claim = async (racer, lead) => {
      const { statusCode, body } = await clients[racer]!.request({
        method: 'POST',
        path: `/v1/leads/${ids[lead]!}/claim`,
        headers: { authorization: `Bearer ${tokens[racer]!}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
        body: '{}',
      })
      const text = await body.text()
      if (statusCode === 200) return true
      if (statusCode === 409 && text.includes('lead.not_pooled')) return false
      throw new Error(`${statusCode} ${text.slice(0, 300)}`)
    }
    const putBack = (winners: readonly (number | undefined)[]) =>
      Promise.all(
        winners.map(async (winner, lead) => {
          if (winner !== undefined) await reps[winner]!.post(`/v1/leads/${ids[lead]!}/release`, { poolId: pool.id, reason: 'other' })
        }),
      )

    const writers = await pgClients(run, databaseUrl(superuser, 'millrace_lead'), racers)
    await writers[0]!.query('CREATE TABLE race AS SELECT * FROM lead WHERE tenant_id = $1', [tenantId])
    await writers[0]!.query('CREATE UNIQUE INDEX ON race (tenant_id, id)')
    const byHand: Claim = async (racer, lead) => {
      const { rowCount } = await writers[racer]!.query({
        name: 'claim',
        text: `UPDATE race SET status = 'assigned', owner_id = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'pooled'`,
        values: [tenantId, ids[lead], people[racer]!.id],
      })
      return rowCount === 1
    }
    const putBackByHand = () => writers[0]!.query(`UPDATE race SET status = 'pooled', owner_id = NULL`)

    run.report('  warming up')
    await races(run, ours, putBack)
    await races(run, byHand, putBackByHand)
    const rounds = await inTurn(run, { ours: () => races(run, ours, putBack), yardstick: () => races(run, byHand, putBackByHand) })
    const figure = (name: string, unit: string, better: Figure['better'], read: (race: Race) => number, absolute?: number): Figure => ({
      ...{ name, unit, better, absolute },
      rounds: rounds.map(({ ours, yardstick }) => ({ ours: read(ours), yardstick: read(yardstick) })),
    })
    return {
      figures: [
        figure(`claims answered, ${racers} people, ${leads} leads`, '1/s', 'more', ({ perSecond }) => perSecond, 1_000),
        figure('answer p99', 'ms', 'less', ({ p99 }) => p99),
        figure('leads without exactly one winner', 'count', 'less', ({ wrong }) => wrong, 0),
      ],
      remarks: [],
    }
  },
}

async function races(run: Run, claim: Claim, putBack: (winners: readonly (number | undefined)[]) => Promise<unknown>): Promise<Race> {
  const times: number[] = []
  let [milliseconds, wrong] = [0, 0]
  while (milliseconds < run.seconds * 1_000) {
    run.halt.throwIfAborted()
    const winners = Array.from({ length: leads }, (): number[] => [])
    const began = performance.now()
    await Promise.all(
      Array.from({ length: racers }, async (_, racer) => {
        for (let lead = 0; lead < leads; lead += 1) {
          const sent = performance.now()
          if (await claim(racer, lead)) winners[lead]!.push(racer)
          times.push(performance.now() - sent)
        }
      }),
    )
    milliseconds += performance.now() - began
    wrong += winners.filter(({ length }) => length !== 1).length
    await putBack(winners.map(([first]) => first))
  }
  return { perSecond: times.length / (milliseconds / 1_000), p99: quantile(times, 0.99), wrong }
}

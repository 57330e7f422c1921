import { aPlatform, databaseUrl, httpSenders, underLoad, withClient, type Load } from './ground.ts'
import { errorsOf } from './create-lead.ts'
import { filled, insertLeads } from './growth.ts'
import { inTurn, type Benchmark } from './measure.ts'

const pageSize = 50
const deepest = 10_000
/** Pages that are asked in turn: the first ones, and those that end with the deepest. */
const pages = 20
const connections = 4
const bytesPerLead = 1_500
const list = 'status=new&sort=-createdAt'

/** B9: what a page deep in a list costs. */
export const deepPage: Benchmark = {
  id: 'B9',
  title: 'A page deep in a list',
  alone: true,
  meaning: 'Whether somebody, or a program, that reads a long list to its end gets slower on the way.',
  how: `A company with as many leads as \`--leads\` says last, stored by SQL; \`GET /v1/leads?${list}&limit=${pageSize}\` through the gateway over ${connections} connections, ${pages} pages in turn that end with page ${deepest.toLocaleString('en')} (or half way through the list, where it is shorter): the cursors are those that the platform gave, as the row before says them.`,
  yardstick: `The first ${pages} pages of the same list, in the same round.`,
  async run(run) {
    const size = Math.max(...run.leads)
    const ground = await aPlatform(run)
    const leadUrl = databaseUrl(ground.superuser, 'millrace_lead')
    await filled(run, leadUrl, ['lead'], size, [ground.tenantId], 0, size, [insertLeads], bytesPerLead)
    const { cursors, page } = await withClient(leadUrl, async (client) => {
      const { rows: counted } = await client.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM lead WHERE tenant_id = $1 AND status = 'new'`,
        [ground.tenantId],
      )
      const last = Math.min(deepest, Math.max(pages + 1, Math.floor(counted[0]!.count / pageSize / 2)))
      const { rows } = await client.query<{ key: string; id: string }>(
        `SELECT key, id FROM (SELECT created_at::text AS key, id, row_number() OVER (ORDER BY created_at DESC, id DESC) AS n FROM lead
           WHERE tenant_id = $1 AND status = 'new') AS numbered WHERE n % ${pageSize} = 0 AND n <= $2 ORDER BY n`,
        [ground.tenantId, last * pageSize],
      )
      return { cursors: rows.map(({ key, id }) => Buffer.from(JSON.stringify(['-createdAt', key, id])).toString('base64url')), page: last }
    })
    const readers = (from: number) => {
      let n = 0
      return httpSenders(
        run,
        ground.platform.url,
        connections,
        () => {
          const cursor = cursors[from + (n++ % pages) - 1]
          return {
            method: 'GET',
            path: `/v1/leads?${list}&limit=${pageSize}${cursor ? `&cursor=${cursor}` : ''}`,
            headers: { authorization: `Bearer ${ground.token}` },
          }
        },
        200,
      )
    }
    const [deep, first] = [readers(page - pages), readers(0)]
    const one = (workers: typeof deep) => underLoad(workers, run.seconds, run.halt)
    run.report('  warming up')
    await one(deep)
    await one(first)
    const rounds = await inTurn(run, { ours: () => one(deep), yardstick: () => one(first) })
    const figure = (read: (load: Load) => number) => rounds.map(({ ours, yardstick }) => ({ ours: read(ours), yardstick: read(yardstick) }))
    const name = `page ${page.toLocaleString('en')} of ${size.toLocaleString('en')} leads`
    const loads = rounds.flatMap(({ ours, yardstick }) => [ours, yardstick])
    return {
      figures: [
        { name: `${name}, p99`, unit: 'ms', better: 'less', ratio: 1.2, stretch: 1.05, rounds: figure(({ p99 }) => p99) },
        { name: `${name}, p50`, unit: 'ms', better: 'less', rounds: figure(({ p50 }) => p50) },
        { name: 'errors', unit: 'count', better: 'less', absolute: 0, rounds: figure(({ errors }) => errors) },
      ],
      remarks: errorsOf(loads),
    }
  },
}

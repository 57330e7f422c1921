import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import { getSalesFigures, getFunnel, OrgUnitCreated, ProductCreated, UserCreated } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { aWorld } from '@millrace/testing'
import { Telling } from './deal/deals.fixture.js'
import { insightService } from './insight.module.js'

it('ridgeway', async () => {
  const world = await aWorld()
  const insight = await world.start(insightService)
  const company = await world.company()
  const read = (f: string): any[] => parse(readFileSync('/work/shared/data/crm-sales-opportunities/' + f), { columns: true, bom: true })
  const t = new Telling(company.tenantId)
  const jan = new Date('2016-01-01T00:00:00Z')
  const root = newId('org_unit')
  const unit = (name: string, parent: string) => {
    const unitId = newId('org_unit')
    t.tell(OrgUnitCreated, unitId, { unitId, name, parentId: root, path: `${parent}${unitId}/` }, { at: jan })
    return `${parent}${unitId}/`
  }
  t.tell(OrgUnitCreated, root, { unitId: root, name: 'R', parentId: null, path: `/${root}/` }, { at: jan })
  const regions = new Map<string, string>(),
    teams = new Map<string, string>(),
    users = new Map<string, any>()
  for (const r of read('sales_teams.csv')) {
    if (!regions.has(r.regional_office)) regions.set(r.regional_office, unit(r.regional_office, `/${root}/`))
    if (!teams.has(r.manager)) teams.set(r.manager, unit(r.manager, regions.get(r.regional_office)!))
    const userId = newId('user')
    users.set(r.sales_agent, userId)
    t.tell(
      UserCreated,
      userId,
      {
        userId,
        name: r.sales_agent,
        email: userId + '@x.example',
        unitId: teams.get(r.manager)!.split('/').at(-2) as any,
        roles: ['sales_rep'],
        active: true,
      },
      { at: jan },
    )
  }
  const products = new Map<string, any>()
  for (const r of read('products.csv')) {
    const productId = newId('product')
    products.set(r.product, productId)
    t.tell(ProductCreated, productId, { productId, code: r.product, name: r.product, family: null, active: true }, { at: jan })
  }
  products.set('GTXPro', products.get('GTX Pro'))
  const road = t.road(
    'hardware',
    [
      { key: 'prospecting', name: 'Prospecting' },
      { key: 'engaging', name: 'Engaging' },
    ],
    jan,
  )
  for (const r of read('sales_pipeline.csv')) {
    const at = new Date((r.engage_date || '2017-01-01') + 'T00:00:00Z')
    const d = t.deal(
      road,
      at,
      { ownerId: users.get(r.sales_agent), products: [{ productId: products.get(r.product), name: r.product }] },
      0,
    )
    if (r.deal_stage === 'Prospecting') continue
    d.to(1, at)
    if (r.deal_stage === 'Won') d.win(new Date(r.close_date + 'T00:00:00Z'), { amount: r.close_value + '.00', currency: 'USD' })
    if (r.deal_stage === 'Lost') d.lose(new Date(r.close_date + 'T00:00:00Z'))
  }
  const n = t.messagesSoFar().length
  let s = performance.now()
  await t.send(world.bus)
  console.log(n, 'sent', performance.now() - s)
  const lag = setInterval(() => {}, 1000)
  for (;;) {
    try {
      await insight.settled()
      break
    } catch {}
  }
  clearInterval(lag)
  console.log('applied', performance.now() - s, JSON.stringify(process.cpuUsage(c0)), await pgcpu(world))
  for (const groupBy of ['none', 'region', 'product', 'owner', 'account', 'month']) {
    s = performance.now()
    const a = await insight.as(company.eva).does(getSalesFigures, { query: { groupBy } })
    console.log(
      groupBy,
      performance.now() - s,
      JSON.stringify(
        groupBy === 'owner' ? a.data.slice(0, 2) : a.data.map((d: any) => [d.name, d.won, d.lost, d.open, d.revenue[0]?.amount]),
      ),
      JSON.stringify(a.total),
    )
  }
  s = performance.now()
  const f = await insight.as(company.eva).does(getFunnel, { query: { process: 'hardware', compareWith: 'company' } })
  console.log('funnel', performance.now() - s, JSON.stringify(f.scope))
  await world.stop()
}, 280000)
import { readdirSync } from 'node:fs'
function pgcpu(_: any) {
  const out: string[] = []
  for (const pid of readdirSync('/proc'))
    if (/^\d+$/.test(pid))
      try {
        const cmd = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        if (!cmd.includes('postgres: millrace_insight')) continue
        const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
        out.push(cmd.slice(10, 60).trim() + ' ' + (Number(f[11]) + Number(f[12])) / 100)
      } catch {}
  return out.join(' | ')
}

import { services, type Language, type ServiceName } from '@millrace/contracts'

/** What one service said about itself. */
export interface ServiceState {
  readonly name: string
  /** It answers requests, though perhaps something is missing. */
  readonly serves: boolean
  readonly missing: readonly string[]
}

/** Asks every service whether it is ready. */
export function statesOf(addresses: Record<ServiceName, string>): Promise<ServiceState[]> {
  return Promise.all(
    Object.keys(services).map(async (name) => {
      try {
        const answer = await fetch(`${addresses[name as ServiceName]}/readyz`, { signal: AbortSignal.timeout(2_000) })
        const { missing = [] } = (await answer.json()) as { missing?: string[] }
        return { name, serves: answer.ok, missing }
      } catch {
        return { name, serves: false, missing: ['does not answer'] }
      }
    }),
  )
}

const texts = {
  en: {
    title: 'Millrace · lead to cash',
    lead: 'The platform is running. This is its one public address; everything below is served from here.',
    services: 'Services',
    ready: 'ready',
    degraded: 'ready, without',
    down: 'not ready',
    next: 'How to go on',
    steps: [
      [
        'npm run demo',
        'one new lead becomes an account, a deal, a quote, a contract, an order, an invoice, a receipt and a balanced ledger',
      ],
      ['.millrace/demo.json', 'users, client ids and secrets of the demo companies Ridgeway and Northfold'],
      ['POST /oauth/token', 'an access token for a program (client credentials); people sign in with code + PKCE at /oauth/authorize'],
    ],
    links: {
      '/v1/openapi.json': 'the HTTP API (OpenAPI 3.1)',
      '/v1/asyncapi.json': 'the events (AsyncAPI 3.1)',
      '/v1/problems': 'every problem code with its texts',
      '/.well-known/openid-configuration': 'OpenID Connect',
    },
  },
  'zh-CN': {
    title: '渠成 Millrace · 线索到回款',
    lead: '平台正在运行。这是唯一的公开地址,以下内容均由此提供。',
    services: '服务',
    ready: '就绪',
    degraded: '就绪,但缺少',
    down: '未就绪',
    next: '接下来',
    steps: [
      ['npm run demo', '一条新线索依次成为客户、商机、报价、合同、订单、发票、收款,并得到平衡的账簿'],
      ['.millrace/demo.json', '演示公司 Ridgeway 与 Northfold 的用户、客户端标识和密钥'],
      ['POST /oauth/token', '程序用客户端凭据获取访问令牌;人员在 /oauth/authorize 以授权码 + PKCE 登录'],
    ],
    links: {
      '/v1/openapi.json': 'HTTP 接口(OpenAPI 3.1)',
      '/v1/asyncapi.json': '事件(AsyncAPI 3.1)',
      '/v1/problems': '全部问题代码及说明',
      '/.well-known/openid-configuration': 'OpenID Connect',
    },
  },
} as const

/** The page at `/`: what runs, and how to go on. */
export function page(states: readonly ServiceState[], language: Language): string {
  const text = texts[language]
  const rows = states
    .map(
      ({ name, serves, missing }) =>
        `<li class="${missing.length ? 'no' : 'ok'}"><b>${name}</b><span>${missing.length ? `${serves ? text.degraded : text.down}: ${missing.map(escape).join('; ')}` : text.ready}</span></li>`,
    )
    .join('')
  const steps = text.steps.map(([what, why]) => `<li><code>${what}</code><span>${why}</span></li>`).join('')
  const links = Object.entries(text.links)
    .map(([href, what]) => `<li><a href="${href}">${href}</a><span>${what}</span></li>`)
    .join('')
  return `<!doctype html><html lang="${language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${text.title}</title>
<style>
:root{color-scheme:light dark;--line:#d8dee6;--soft:#5b6776;--ok:#16794c;--no:#b42318;--bg:#f6f8fa;--card:#fff;--ink:#14202b}
@media(prefers-color-scheme:dark){:root{--line:#2c3844;--soft:#9aa7b5;--ok:#4cc38a;--no:#ff8b7d;--bg:#10161c;--card:#18212a;--ink:#e8eef4}}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,"PingFang SC","Microsoft YaHei",sans-serif}
main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem}h1{font-size:1.7rem;margin:0 0 .25rem}p{color:var(--soft);margin:0 0 1.5rem}
h2{font-size:1rem;margin:2rem 0 .6rem}ul{list-style:none;margin:0;padding:0;background:var(--card);border:1px solid var(--line);border-radius:.6rem}
li{display:grid;grid-template-columns:minmax(11rem,17rem) 1fr;gap:.25rem 1rem;padding:.6rem 1rem;border-top:1px solid var(--line)}li:first-child{border-top:0}
.services{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr))}.services li{display:block;border-top:0}.ok span{color:var(--ok)}.no span{color:var(--no)}.services span{display:block;font-size:.9rem}
code,a{font:.95em ui-monospace,monospace;overflow-wrap:anywhere}a{color:inherit}span{color:var(--soft)}
@media(max-width:40rem){li{grid-template-columns:1fr}}
</style><main><h1>${text.title}</h1><p>${text.lead}</p><h2>${text.services}</h2><ul class="services">${rows}</ul><h2>${text.next}</h2><ul>${steps}${links}</ul></main></html>`
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!)
}

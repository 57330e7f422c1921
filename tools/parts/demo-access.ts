import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { clientToken } from '../sign-in.ts'
import { apiOf, type Api } from './api.ts'

interface DemoTenant {
  readonly name: string
  readonly users: { email: string; password: string; roles: string[] }[]
  readonly clients: { name: string; clientId: string; clientSecret: string; roles: string[] }[]
}

/** The folder of data and secrets. */
export const home = resolve(process.env['MILLRACE_HOME'] ?? join(import.meta.dirname, '../../.millrace'))

/** Where the platform answers. */
export const baseUrl = process.env['MILLRACE_URL'] ?? `http://127.0.0.1:${process.env['PORT'] ?? 8080}`

/** What the seed wrote about a demo company. */
export function demoTenant(name: string): DemoTenant {
  const file = join(home, 'demo.json')
  if (!existsSync(file)) throw new Error(`${file} is not there: run npm start first and wait for "ready"`)
  const { tenants } = JSON.parse(readFileSync(file, 'utf8')) as { tenants: DemoTenant[] }
  const found = tenants.find((tenant) => tenant.name.toLowerCase() === name.toLowerCase())
  if (!found) throw new Error(`there is no demo company "${name}"; there are: ${tenants.map((tenant) => tenant.name).join(', ')}`)
  return found
}

const tokens = new Map<string, Promise<string>>()

/** Calls the API as one of a demo company's clients; its access token is asked for once. */
export function asClient(tenant: DemoTenant, client: string): Api {
  const { clientId, clientSecret } = tenant.clients.find(({ name }) => name === client)!
  const ask = () => clientToken(baseUrl, clientId, clientSecret).then((answer) => answer.access_token)
  return apiOf(baseUrl, () => {
    const known = tokens.get(clientId) ?? ask()
    tokens.set(clientId, known)
    known.catch(() => tokens.delete(clientId))
    return known
  })
}

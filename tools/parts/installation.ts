import { join } from 'node:path'
import { services, type ServiceName } from '../../libs/contracts/src/services.ts'
import type { Installation } from '../verify/verify.ts'
import { readIfThere } from './processes.ts'

const names = Object.keys(services) as ServiceName[]

/**
 * Where a platform keeps its data: what the environment names (`DATABASE_URL_LEAD` …, `BUS_URL`, `VERIFY_SUPERUSER_URL`, `MILLRACE_URL`), else what
 * `npm start` keeps in its home. Throws when there is neither.
 */
export async function installationOf(home: string): Promise<Installation> {
  const named = names.flatMap((name) => {
    const url = process.env[`DATABASE_URL_${name.toUpperCase()}`]
    return url ? [[name, url] as const] : []
  })
  const { BUS_URL: bus, VERIFY_SUPERUSER_URL: superuser, MILLRACE_URL: url } = process.env
  if (named.length) {
    if (!bus) throw new Error('BUS_URL is not set: with databases of its own, the bus has to be named too')
    return { databases: Object.fromEntries(named), bus, ...(url && { url }), ...(superuser && { superuser }) }
  }
  const [password, port, busUrl] = ['postgres/password', 'postgres/port', 'bus.url'].map((file) => readIfThere(join(home, file))?.trim())
  if (!password || !port || !busUrl)
    throw new Error(`No platform was started in ${home}: run npm start first, or name the databases (DATABASE_URL_LEAD …) and BUS_URL`)
  // Only the superuser of that server sees the rows of all companies.
  const database = (name: string) => `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}`
  return {
    databases: Object.fromEntries(names.map((name) => [name, database(`millrace_${name}`)])),
    bus: busUrl,
    superuser: database('postgres'),
    ...(url && { url }),
  }
}

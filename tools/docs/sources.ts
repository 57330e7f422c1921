import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Lifecycle } from '@millrace/domain'
import type { z } from 'zod'

/** A table of states, and whose it is. */
export interface FoundLifecycle extends Lifecycle<string> {
  readonly service: string
}

/** The environment of one program, and of how many. */
export interface Configuration {
  readonly title: string
  readonly variables: Readonly<Record<string, z.ZodType>>
}

const role = /\.(controller|service|queries|schema|consumers|import|module|fixture|spec|problems)\.js$/

/** Every lifecycle that a domain file of a built service exports. A domain file has no role in its name, and importing it does nothing. */
export async function lifecycles(root: string): Promise<FoundLifecycle[]> {
  const found: FoundLifecycle[] = []
  for (const service of apps(root)) {
    const dist = join(root, 'apps', service, 'dist')
    for (const noun of subfolders(dist).filter((folder) => folder !== 'migrations'))
      for (const file of filesOf(join(dist, noun)))
        if (file.endsWith('.js') && !role.test(file))
          for (const value of await exportsOf(join(dist, noun, file))) if (isLifecycle(value)) found.push({ ...value, service })
  }
  return found
}

/** The environment of everything that runs: what all read, then what each reads beyond that. */
export async function configurations(root: string): Promise<Configuration[]> {
  // The file, not the library: topicsConfig is no part of what services use.
  const shared = (await import(pathToFileURL(join(root, 'libs/service/dist/config.js')).href)) as Record<string, z.ZodObject>
  const { baseConfig, serviceConfig, topicsConfig } = shared as {
    baseConfig: z.ZodObject
    serviceConfig: z.ZodObject
    topicsConfig: z.ZodObject
  }
  const without = (config: z.ZodObject, ...known: z.ZodObject[]) =>
    Object.fromEntries(Object.entries(config.shape).filter(([name, each]) => !known.some(({ shape }) => shape[name] === each)))
  const found = [
    { title: 'The gateway and every service', variables: baseConfig.shape },
    { title: 'Every service', variables: without(serviceConfig, baseConfig) },
  ]
  for (const app of apps(root)) {
    const file = join(root, 'apps', app, 'dist/config.js')
    for (const value of existsSync(file) ? await exportsOf(file) : [])
      if (isObjectShape(value)) found.push({ title: `Also ${app}`, variables: without(value, baseConfig, serviceConfig) })
  }
  return [...found, { title: 'The topics (`npm run topics`)', variables: topicsConfig.shape }]
}

function apps(root: string): string[] {
  return subfolders(join(root, 'apps')).filter(
    (app) => existsSync(join(root, 'apps', app, 'src')) && existsSync(join(root, 'apps', app, 'dist')),
  )
}

function subfolders(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
}

async function exportsOf(file: string): Promise<unknown[]> {
  return Object.values((await import(pathToFileURL(file).href)) as object)
}

function isLifecycle(value: unknown): value is Lifecycle<string> {
  return typeof value === 'object' && value !== null && 'noun' in value && 'states' in value && 'moves' in value
}

function isObjectShape(value: unknown): value is z.ZodObject {
  return typeof value === 'object' && value !== null && 'shape' in value && 'safeParse' in value
}

import type { ServiceName } from '@millrace/contracts'
import { accountService } from '@millrace/account'
import { billingService } from '@millrace/billing'
import { cpqService } from '@millrace/cpq'
import { startGateway } from '@millrace/gateway'
import { identityService } from '@millrace/identity'
import { insightService } from '@millrace/insight'
import { leadService } from '@millrace/lead'
import { opportunityService } from '@millrace/opportunity'
import type { TestService, World } from '@millrace/testing'
import type { Stage } from './company.fixture.ts'

/** Every service and the gateway in this process. */
export interface WholePlatform {
  readonly stage: Stage
  readonly running: ReadonlyMap<ServiceName, TestService>
  stop(): Promise<void>
}

/** Starts all services of the world and the gateway. */
export async function wholePlatform(world: World): Promise<WholePlatform> {
  const running = new Map<ServiceName, TestService>()
  const sealed = { ACCOUNT_SECRET: 'a secret of tests, at least 32 characters' }
  for (const definition of [leadService, accountService, opportunityService, cpqService, billingService, insightService])
    running.set(definition.name, await world.start(definition, definition === accountService ? sealed : {}))
  const identity = { PUBLIC_URL: 'http://127.0.0.1', IDENTITY_SECRET: 'a secret of tests, at least 32 characters' }
  running.set('identity', await world.start(identityService, identity))
  const gateway = await startGateway({
    ...world.environment,
    ...Object.fromEntries([...running].map(([name, { url }]) => [`SERVICE_${name.toUpperCase()}_URL`, url])),
    PUBLIC_URL: 'http://127.0.0.1',
    RATE_LIMIT: '100000',
  })
  return {
    stage: { url: gateway.url, token: (person, claims) => world.token(person, claims), quiet: () => world.events('*') },
    running,
    async stop() {
      await gateway.stop()
      await world.stop()
    },
  }
}

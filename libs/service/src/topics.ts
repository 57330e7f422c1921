import { setTimeout as delay } from 'node:timers/promises'
import { topics } from '@millrace/contracts'
import type { Bus } from './bus/bus.js'
import { openBus } from './bus/index.js'
import { readConfig, topicsConfig } from './config.js'

const patienceMs = 30_000

/** Creates every topic of the platform that is missing. Waits up to 30 s for the bus. */
async function createTopics(): Promise<void> {
  const config = readConfig(topicsConfig, process.env)
  const bus = await reach(config.BUS_URL)
  try {
    const options = { partitions: config.TOPIC_PARTITIONS, replicas: config.TOPIC_REPLICAS, retentionDays: config.TOPIC_RETENTION_DAYS }
    for (const topic of topics) {
      await bus.createTopics([topic], options)
      console.log(`topic ${topic} is there`)
    }
  } finally {
    await bus.close()
  }
}

async function reach(url: string): Promise<Bus> {
  const until = performance.now() + patienceMs
  let bus: Bus | undefined
  for (;;) {
    try {
      bus ??= await openBus(url, 'millrace-topics')
      await bus.ping()
      return bus
    } catch (error) {
      if (performance.now() > until) {
        await bus?.close()
        throw new Error(`no answer from the bus within ${patienceMs / 1_000} s: ${(error as Error).message}`, { cause: error })
      }
      await delay(500)
    }
  }
}

await createTopics().catch((error: Error) => {
  console.error(`The topics cannot be created. ${error.message}`)
  process.exitCode = 1
})

import type { Bus, EventLog } from './bus.js'

/** Opens the bus that a URL names: `kafka://host:9092,host:9092` or `postgres://user:password@host:5432/database`. */
export async function openBus(url: string, clientId: string): Promise<Bus> {
  if (url.startsWith('kafka://')) {
    const { KafkaBus } = await import('./kafka.bus.js')
    return KafkaBus.open(url.slice('kafka://'.length).split(','), clientId)
  }
  const { EmbeddedBus } = await import('./embedded.bus.js')
  return EmbeddedBus.open(url)
}

/** Opens the log of the bus that a URL names, to read it only. */
export async function openLog(url: string, clientId: string): Promise<EventLog> {
  if (url.startsWith('kafka://')) {
    const { KafkaLog } = await import('./kafka.bus.js')
    return new KafkaLog(url.slice('kafka://'.length).split(','), clientId)
  }
  const { EmbeddedLog } = await import('./embedded.log.js')
  return new EmbeddedLog(url)
}

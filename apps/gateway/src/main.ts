import { ConfigError, stopOnSignal } from '@millrace/service'
import { startGateway } from './gateway.module.js'

try {
  stopOnSignal(await startGateway(process.env))
} catch (error) {
  process.stderr.write(`gateway: ${error instanceof ConfigError ? error.message : ((error as Error).stack ?? String(error))}\n`)
  process.exit(1)
}

import { run } from '@millrace/service'
import { cpqService } from './cpq.module.js'

await run(cpqService)

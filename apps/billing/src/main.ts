import { run } from '@millrace/service'
import { billingService } from './billing.module.js'

await run(billingService)

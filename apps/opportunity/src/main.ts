import { run } from '@millrace/service'
import { opportunityService } from './opportunity.module.js'

await run(opportunityService)

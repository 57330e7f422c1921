import { run } from '@millrace/service'
import { leadService } from './lead.module.js'

await run(leadService)

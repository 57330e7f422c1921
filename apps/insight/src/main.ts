import { run } from '@millrace/service'
import { insightService } from './insight.module.js'

await run(insightService)

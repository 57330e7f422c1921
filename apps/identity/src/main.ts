import { run } from '@millrace/service'
import { identityService } from './identity.module.js'

await run(identityService)

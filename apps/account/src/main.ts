import { run } from '@millrace/service'
import { accountService } from './account.module.js'

await run(accountService)

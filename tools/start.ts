// `npm start`: the whole platform on this machine, until Ctrl-C.
import { parseArgs } from 'node:util'
import { startPlatform } from './parts/platform.ts'
import { untilStopped } from './parts/processes.ts'

const { values } = parseArgs({
  options: { bus: { type: 'string', default: 'embedded' }, seed: { type: 'boolean', default: true } },
  allowNegative: true,
})
if (values.bus !== 'embedded' && values.bus !== 'kafka') throw new Error('--bus is embedded or kafka')
const { bus, seed } = values

await untilStopped(async (halt) => {
  console.log('Millrace starts')
  const platform = await startPlatform({ bus, seed, halt, report: console.log })
  console.log(`ready ${platform.url}`)
  return () => platform.stop()
})

// `npm run topics`: creates the topics that are missing on the bus named by BUS_URL, e.g. kafka://127.0.0.1:9092 (TOPIC_PARTITIONS, TOPIC_REPLICAS, TOPIC_RETENTION_DAYS).
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
execFileSync(
  process.execPath,
  [join(root, 'node_modules/nx/dist/bin/nx.js'), 'run-many', '-t', 'build', '--projects=service', '--outputStyle=static'],
  { cwd: root, stdio: 'ignore', env: { ...process.env, NX_DAEMON: 'false' } },
)
execFileSync(process.execPath, [join(root, 'libs/service/dist/topics.js')], { cwd: root, stdio: 'inherit' })

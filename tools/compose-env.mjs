// `npm run compose:env`: writes .env for docker compose, readable by its owner only. What is there already stays; what docker-compose.yml
// asks for (`${NAME:?…}`) and .env lacks is added with a random secret. Plain JavaScript without packages: who runs containers installs none.
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const file = resolve(process.argv[2] ?? join(root, '.env'))
const compose = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
const names = [...new Set([...compose.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name))]

const before = existsSync(file)
  ? readFileSync(file, 'utf8')
  : '# The public address, without a slash at its end; the port belongs to both.\nPORT=8080\nPUBLIC_URL=http://127.0.0.1:8080\n'
const missing = names.filter((name) => !new RegExp(`^[ \\t]*(export[ \\t]+)?${name}[ \\t]*=[ \\t]*\\S`, 'm').test(before))
if (missing.length) {
  const lines = missing.map((name) => `${name}=${randomBytes(32).toString('base64url')}\n`)
  writeFileSync(file, before.replace(/([^\n])$/, '$1\n') + lines.join(''), { mode: 0o600 })
  chmodSync(file, 0o600)
  console.log(`${file}: ${missing.length} secrets were added; next: docker compose up --build`)
} else console.log(`${file} has every secret already; nothing was changed`)

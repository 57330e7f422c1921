// `npm run compose:env`: writes .env for docker compose with random secrets, once; readable by its owner only.
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

const file = resolve(import.meta.dirname, '../.env')
if (existsSync(file)) {
  console.log('.env is there already; nothing was changed')
} else {
  const secret = () => randomBytes(24).toString('base64url')
  const names = ['POSTGRES_PASSWORD', 'DATABASE_PASSWORD', 'IDENTITY_SECRET', 'BOOTSTRAP_CLIENT_SECRET']
  const lines = [
    'PORT=8080',
    'PUBLIC_URL=http://127.0.0.1:8080',
    'BOOTSTRAP_CLIENT_ID=operator',
    ...names.map((name) => `${name}=${secret()}${secret()}`),
  ]
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 })
  console.log('.env was written; next: docker compose up --build')
}

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '@millrace/testing'
import { ImapFlow } from 'imapflow'

/** A real IMAP server with any number of users, all with the one password. */
export interface Dovecot {
  readonly port: number
  readonly tlsPort: number
  /** The self-made certificate, for `localhost` and 127.0.0.1. */
  readonly certificate: string
  readonly password: string
  /** Signs in as a user; who opens closes. */
  client(user: string): Promise<ImapFlow>
  /** Forgets the numbers of a user's e-mails, as a server does that was set up anew from the files. */
  renumber(user: string): void
  stop(): Promise<void>
}

const binary = ['/usr/sbin/dovecot', '/usr/local/sbin/dovecot', '/opt/homebrew/sbin/dovecot'].find((path) => existsSync(path))

/** Why there is no IMAP server to test with; undefined: there is one. */
export const noDovecot = binary ? undefined : 'there is no IMAP server: install dovecot 2.3 (Debian, Ubuntu: apt-get install dovecot-imapd)'

/** Starts Dovecot as whoever runs the tests, in a folder of its own. Mail of root is kept as nobody's: Dovecot serves none of root's. */
export async function aDovecot(): Promise<Dovecot> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-imap-'))
  chmodSync(folder, 0o755)
  const [port, tlsPort] = [await freePort(), await freePort()]
  const me = userInfo()
  const root = me.uid === 0
  const [uid, gid] = root ? [65_534, 65_534] : [me.uid, me.gid]
  const mail = join(folder, 'mail')
  mkdirSync(mail)
  if (root) chownSync(mail, uid, gid)
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
  ]
  execFileSync('openssl', [...made, ...subject], { stdio: 'pipe' })
  const group = execFileSync('id', ['-gn']).toString().trim()
  const own = [`default_internal_user = ${me.username}`, `default_login_user = ${me.username}`, `default_internal_group = ${group}`]
  const services = ['anvil', 'stats', 'imap-login', 'auth', 'auth-worker', 'log'].map((name) => `service ${name} {\n  chroot =\n}`)
  writeFileSync(
    join(folder, 'dovecot.conf'),
    `
protocols = imap
listen = 127.0.0.1
base_dir = ${join(folder, 'run')}
state_dir = ${join(folder, 'state')}
log_path = ${join(folder, 'log')}
ssl = yes
ssl_cert = <${cert}
ssl_key = <${key}
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:${mail}/%u
auth_failure_delay = 0
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${mail}/%u
}
${root ? '' : [...own, ...services].join('\n')}
# It would let whoever gave a wrong password wait longer each time.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = ${tlsPort}
    ssl = yes
  }
}
`,
  )
  const server = spawn(binary!, ['-F', '-c', join(folder, 'dovecot.conf')], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(server, 'exit')
  let said = ''
  server.stderr.on('data', (part: Buffer) => (said += part.toString()))
  server.stdout.on('data', (part: Buffer) => (said += part.toString()))
  const log = () => (existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8') : '')
  while (!(await listens(port))) {
    if (server.exitCode !== null) throw new Error(`Dovecot did not start: ${said}${log()}`)
    await delay(50)
  }
  return {
    port,
    tlsPort,
    certificate: readFileSync(cert, 'utf8'),
    password: 'secret',
    async client(user) {
      const client = new ImapFlow({
        host: '127.0.0.1',
        port,
        secure: false,
        doSTARTTLS: false,
        auth: { user, pass: 'secret' },
        logger: false,
      })
      client.on('error', () => undefined)
      await client.connect().catch((error: unknown) => {
        throw new Error(`${String(error)}\n${log()}`)
      })
      return client
    },
    renumber(user) {
      for (const name of [
        'dovecot-uidlist',
        'dovecot.index',
        'dovecot.index.log',
        'dovecot.index.cache',
        'dovecot.list.index',
        'dovecot.list.index.log',
      ])
        rmSync(join(mail, user, name), { force: true })
    },
    async stop() {
      server.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A server that takes connections, says what it is given, and then nothing more. */
export async function aSilentServer(greeting: string): Promise<{ port: number; stop(): void }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.unref()
    if (greeting) socket.write(greeting)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, stop: () => void server.close() }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

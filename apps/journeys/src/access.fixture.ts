import { operations, reach, roles, type Operation, type Role, type Visibility } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { operator, type Colleague, type Company, type Records, type Somebody, type Stage } from './company.fixture.ts'
import { curlOf, inParallel, send, wellFormed, type Attack, type Known, type Reply } from './hostile.fixture.ts'

/**
 * Every operation × every credential × records of oneself, a mate, the team below, another team and another company. What the answer has to be is
 * worked out from the grants that the operations declare, which is what docs/generated/access.md shows.
 *
 * Let through: the operation's own status, or a refusal that only comes after the access check and that the state of the record explains (409, 422,
 * or one of `rules`). Refused: exactly the status and the code that is expected, so nothing that was let through can look like it.
 */
export interface Verdict {
  readonly operations: number
  readonly cases: number
  /** What was answered otherwise, with a request to repeat it. */
  readonly findings: readonly string[]
}

/** Refusals by a rule of the business that has nothing to do with the access table, though they are 403. */
const rules = new Set([
  'contract.own_approval',
  'user.beyond_sales',
  'password.wrong',
  'pool.not_for_you',
  'pool.only_people',
  'view.not_yours',
])

type Expected = { readonly through: true } | { readonly through: false; readonly status: number; readonly code: string }

const through: Expected = { through: true }
const refused = (status: number, code: string): Expected => ({ through: false, status, code })

/** Whose record a request is about, seen from who asks. */
interface About {
  readonly what: string
  readonly known: Known
  /** None: it belongs to the company as a whole. */
  readonly owner: Colleague | undefined
  readonly tenantId: string
}

/** What each operation needs so that it does not fail for another reason than access. Most need nothing: their declaration tells. */
const saying: Readonly<Record<string, (asker: Asker, about: About) => { query?: Record<string, string>; body?: unknown }>> = {
  // Whoever has it keeps it, so that the next request finds it where it was.
  assignLead: (_, { owner }) => ({ body: { ownerId: owner?.id } }),
  assignAccount: (_, { owner }) => ({ body: { ownerId: owner?.id } }),
  assignOpportunity: (_, { owner }) => ({ body: { ownerId: owner?.id } }),
  releaseLead: () => ({ body: { poolId: newId('pool'), reason: 'other' } }),
  changeMyPassword: ({ password }) => ({ body: { oldPassword: password, newPassword: password } }),
  createUser: () => ({ body: { name: 'New', email: `${newId('x')}@example.com`, roles: ['sales_rep'] } }),
  createTenant: () => ({
    body: {
      name: newId('x'),
      currency: 'CNY',
      zone: 'Asia/Shanghai',
      language: 'en',
      administrator: { name: 'x', email: `${newId('x')}@example.com`, password: newId('x') },
    },
  }),
  createProduct: () => ({ body: { code: newId('x'), name: 'New' } }),
  createPriceBook: () => ({ body: { name: newId('x'), currency: 'CNY' } }),
  draftProcess: () => ({ body: { template: 'simple', name: 'New', family: newId('x').slice(2) } }),
  addLegalEntity: () => ({ body: { name: 'New', zone: 'Asia/Shanghai', currency: 'CNY', prefix: newId('x').slice(-10).toUpperCase() } }),
  captureLead: () => ({ body: { companyName: newId('x') } }),
  openAccount: () => ({ body: { name: newId('x') } }),
  getFunnel: (_, { known }) => ({ query: { process: known.get('process family')! } }),
  replanCollection: () => ({ body: { terms: [{ share: '100', daysAfterSigning: 90 }] } }),
  saveView: () => ({ body: { name: 'Leads', list: 'listLeads' } }),
  changeView: () => ({ body: { name: 'Leads' } }),
  changeMailbox: () => ({ body: { name: 'Changed' } }),
  // Whom it is shown to stays, so that the next request finds it.
  shareView: () => ({ body: { with: 'company' } }),
  sendPublicForm: () => ({ body: { submission: newId('x').slice(2), values: { email: `${newId('x')}@example.com` } } }),
  answerPublicSurvey: () => ({ body: { score: 4 } }),
  createServicePlan: () => ({
    body: { name: 'New', accountClass: 'individual', steps: [{ key: 'call', kind: 'call', everyDays: 30, text: 'Call' }] },
  }),
  draftScorecard: () => ({ body: { name: 'New', rules: [{ name: 'Fair', condition: 'lead.source == "fair"', points: 1 }] } }),
  draftAccountScorecard: () => ({
    body: {
      name: 'New',
      parts: {
        ...{ fit: { most: 0, rules: [] }, value: { most: 0, rules: [] } },
        behaviour: { most: 5, rules: [{ name: 'New', condition: 'account.activities > 0', points: 5 }] },
      },
    },
  }),
  dismissSuggestion: () => ({ body: { family: 'Seats', reason: 'Has its own' } }),
  listLeads: () => ({ query: { limit: '200' } }),
  addMailbox: () => ({ body: { name: 'New', host: '127.0.0.1', username: 'new', secret: 'x', active: false } }),
  createLeadForm: () => ({ body: { name: 'New', fields: [{ name: 'email' }] } }),
  prepareHandover: (_, { owner }) => ({ body: { fromUserId: newId('user'), toUserId: owner?.id, reason: 'x' } }),
  startImport: () => ({ query: { kind: 'leads' }, body: 'companyName\nImported\n' }),
  createCalendar: () => ({
    body: { name: newId('x'), zone: 'Asia/Shanghai', week: [[{ from: '09:00', to: '18:00' }], [], [], [], [], [], []] },
  }),
  changeCalendar: () => ({ body: { zone: 'Asia/Shanghai' } }),
  noteAbsence: (_, { owner }) => ({ body: { userId: owner?.id, startsAt: '2029-02-01T00:00:00Z', endsAt: '2029-02-02T00:00:00Z' } }),
  changeAbsence: () => ({ body: { kind: 'training' } }),
  // They want nothing that comes later, so that each lead stays with who has it.
  createAssignmentRule: (_, { owner }) => ({
    body: { name: 'New', position: 2, condition: 'false', target: { kind: 'users', userIds: [owner?.id] } },
  }),
  changeAssignmentRule: () => ({ body: { atWorkOnly: true } }),
  dryRunAssignment: () => ({ body: { leads: 5 } }),
  assignOpenLeads: () => ({ body: { limit: 5 } }),
  createTerritory: () => ({ body: { name: 'New', condition: 'false' } }),
  changeTerritory: () => ({ body: { name: 'South Pole' } }),
  changeAssignmentSettings: () => ({ body: { capacity: 100_000 } }),
  createRecycleRule: (_, { known }) => ({
    body: { name: 'New', position: 2, condition: 'false', afterAttempts: 9, poolId: known.get('pool') },
  }),
  changeRecycleRule: () => ({ body: { afterAttempts: 8 } }),
  changeClockSettings: () => ({ body: { remindMinutes: 30 } }),
  planNextStep: () => ({ body: { text: 'Call again' } }),
}

interface Asker extends Somebody {
  readonly password?: string
}

/** Asks everything, and says what was answered otherwise than the access table has it. Notes in `succeeded` which operations were done. */
export async function accessMatrix(stage: Stage, ours: Company, theirs: Company, succeeded: Set<string>): Promise<Verdict> {
  const findings: string[] = []
  let cases = 0
  const foreign = new Map(theirs.records.flatMap(({ done, open }) => [...done, ...open]))
  const theirIds = new Set([...foreign.values(), ...theirs.common.values()])
  const check = async (who: Asker, what: string, operation: Operation, about: About, expected: Expected) => {
    cases += 1
    const attack = asked(operation, await stage.token(who), about, who)
    const reply = await send(stage.url, attack)
    if (reply.status < 300) succeeded.add(operation.id)
    const fault = faultOf(operation, reply, expected) ?? leak(operation, reply, who, ours, theirIds)
    if (fault) findings.push(`${operation.id} by ${what}, ${about.what}: ${fault}\n    ${curlOf(attack)}`)
  }

  const jobs: (() => Promise<void>)[] = []
  const takings: typeof jobs = []
  const company = operations.filter(({ callers }) => callers !== 'operator')
  const platforms = operations.filter(({ callers }) => callers === 'operator')
  // Lists first: the records that they have to show must not be pushed off the first page by those that the matrix makes.
  const ordered = [...company].sort((a, b) => Number(!a.list) - Number(!b.list))
  for (const operation of ordered)
    for (const role of roles) {
      const who = { ...ours.people[role], password: ours.password }
      for (const about of operation.path.includes('{') ? aboutRecords(operation, role, ours, theirs) : [ownOf(role, ours)])
        (takes(operation) ? takings : jobs).push(() => check(who, role, operation, about, expectedOf(operation, who, about)))
    }
  const anyone = ownOf('administrator', ours)
  for (const operation of platforms) {
    for (const role of roles) jobs.push(() => check(ours.people[role], role, operation, anyone, refused(403, 'tenant.operator_only')))
    jobs.push(() => check(operator, 'the operator', operation, anyone, through))
  }
  for (const operation of company.filter(({ callers, rule }) => callers !== 'both' && rule !== 'public'))
    jobs.push(() => check(operator, 'the operator', operation, anyone, refused(403, 'tenant.none')))
  // A token of the other company's, on our records: it has all roles, and there is nothing for it.
  for (const operation of company.filter(({ path, rule }) => path.includes('{') && rule !== 'public'))
    for (const about of aboutRecords(operation, 'sales_rep', ours, theirs).filter(({ tenantId }) => tenantId === ours.tenantId))
      jobs.push(() => check(theirs.ada, 'somebody of another company', operation, about, missing(operation)))
  await inParallel(jobs, (job) => job())
  await inParallel(takings, (job) => job())

  for (const [what, authorization, code] of await worthlessTokens(stage, ours.people.administrator))
    await inParallel(operations, async (operation) => {
      if (operation.rule === 'public') return
      cases += 1
      const { headers, ...attack } = asked(operation, '', anyone, ours.people.administrator)
      const { authorization: _, ...others } = headers
      const forged = { ...attack, headers: { ...others, ...(authorization !== undefined && { authorization }) } }
      const fault = faultOf(operation, await send(stage.url, forged), refused(401, code))
      if (fault) findings.push(`${operation.id} with ${what}: ${fault}\n    ${curlOf(forged)}`)
    })
  return { operations: operations.length, cases, findings }
}

function asked(operation: Operation, token: string, about: About, who: Asker): Attack {
  const said = saying[operation.id]?.(who, about)
  const plain = wellFormed(operation, token, about.known)
  const { 'if-match': condition, ...headers } = plain.headers
  return {
    ...plain,
    headers: { ...headers, ...(condition && { 'if-match': condition }), prefer: 'wait=10' },
    ...(said?.query && { path: `${plain.path.split('?')[0]}?${new URLSearchParams(said.query).toString()}` }),
    ...(said && 'body' in said && { body: typeof said.body === 'string' ? said.body : JSON.stringify(said.body) }),
  }
}

/** What may be asked about with a role: its own record, a mate's, one of the team below, of another team and of another company. */
function aboutRecords(operation: Operation, role: Role, ours: Company, theirs: Company): About[] {
  const owned = ours.records[0]!.done.has(nounOf(operation))
  const about = (what: string, { owner, done, open }: Records, { common, tenantId }: Company): About => ({
    what,
    known: new Map([...common, ...done, ...(operation.method === 'GET' ? [] : open)]),
    owner,
    tenantId,
  })
  const theirRecord = about(
    'a record of another company',
    theirs.records.find(({ owner }) => owner.name === 'Bob')!,
    theirs,
  )
  if (!owned) return [ownOf(role, ours), theirRecord]
  const of = (name: string) => ours.records.find(({ owner }) => owner.name === name)!
  return [
    { ...about('their own record', of(ours.people[role].name), ours) },
    about('a record of a mate', of('Zoe'), ours),
    about('a record of the team below', of('Nia'), ours),
    about('a record of another team', of('Bob'), ours),
    theirRecord,
  ]
}

function ownOf(role: Role, { people, records, common, tenantId }: Company): About {
  const { owner, done, open } = records.find((one) => one.owner.id === people[role].id)!
  return { what: 'the company’s or their own record', known: new Map([...common, ...done, ...open]), owner, tenantId }
}

/** The noun that an operation’s path names, e.g. `price_book`. */
function nounOf({ path }: Operation): string {
  const names: Record<string, string> = {
    territories: 'territory',
    'price-books': 'price_book',
    'legal-entities': 'legal_entity',
    mailboxes: 'mailbox',
    opportunities: 'opportunity',
  }
  const plural = path.split('/')[2]!
  return names[plural] ?? plural.replace(/s$/, '').replaceAll('-', '_')
}

/** The grants in the declaration of the operation, applied. */
function expectedOf(operation: Operation, who: Asker, { owner, tenantId, known }: About): Expected {
  const { rule } = operation
  if (rule === 'public') return through
  if (typeof rule === 'object') {
    const far = reach(who.roles, rule)
    if (!far) return refused(403, 'access.forbidden')
    const asker = who as Colleague & Asker
    if (operation.path.includes('{') && (tenantId !== who.tenantId || (owner && !covers(far, asker, owner)))) return missing(operation)
    if (operation.path.startsWith('/v1/parked-events/{') && !known.has('parked')) return missing(operation)
    if (operation.path.startsWith('/v1/import-mappings/{')) return missing(operation) // whoever comes first forgets it, so there is none
  } else if (operation.path.includes('{') && tenantId !== who.tenantId) return missing(operation)
  return through
}

/** What a record that is not there, or not for them, is answered with. The audit of one is empty. */
function missing(operation: Operation): Expected {
  return operation.id === 'readAudit' ? through : refused(404, 'not_found')
}

function covers(far: Visibility, who: Colleague, owner: Colleague): boolean {
  if (owner.id === who.id || far === 'company') return true
  if (far === 'team') return owner.unitId === who.unitId
  return far === 'subtree' && owner.unitPath.startsWith(who.unitPath)
}

/** Whether it takes the record away from those who had it: asked last. */
function takes({ method, id }: Operation): boolean {
  return method === 'DELETE' || id === 'releaseAccount' || id === 'claimAccount'
}

function faultOf(operation: Operation, { status, text }: Reply, expected: Expected): string | undefined {
  const code = status < 300 ? '' : codeIn(text)
  if (expected.through) {
    if (status === operation.status) return undefined
    if (takes(operation) && status === 404) return undefined // somebody else who may was first
    if (operation.method !== 'GET' && (status === 409 || status === 422 || rules.has(code))) return undefined
    return `should have been let through, was answered ${status} ${text.slice(0, 300)}`
  }
  const as = `should have been refused with ${expected.status} ${expected.code}`
  return status === expected.status && (code === expected.code || code.endsWith(`.${expected.code}`))
    ? undefined
    : `${as}, was answered ${status} ${text.slice(0, 300)}`
}

function codeIn(text: string): string {
  try {
    return (JSON.parse(text) as { code?: string }).code ?? ''
  } catch {
    return ''
  }
}

/** An answer may name no record of another company, and none of our own that the asker does not see; a list has to show those that they do. */
function leak(operation: Operation, { status, text }: Reply, who: Asker, ours: Company, theirIds: ReadonlySet<string>): string | undefined {
  if (status >= 300 || who.tenantId !== ours.tenantId || typeof operation.rule !== 'object') return undefined
  const ids = new Set(text.match(/\b[a-z]+(?:_[a-z]+)*_[0-7][0-9a-hjkmnp-tv-z]{25}\b/g))
  for (const id of ids) if (theirIds.has(id)) return `names ${id} of another company`
  const far = reach(who.roles, operation.rule)!
  const noun = nounOf(operation)
  for (const { owner, done, open } of ours.records) {
    const seen = covers(far, who as Colleague, owner)
    if (!seen)
      for (const id of [...done.values(), ...open.values()]) if (ids.has(id)) return `names ${id}, which ${who.roles[0]} may not see`
    if (!operation.list || !seen) continue
    for (const id of [done.get(noun), open.get(noun)]) if (id && !ids.has(id)) return `does not show ${id}, which ${who.roles[0]} may see`
  }
  return undefined
}

/** Authorization headers that are worth nothing, and what they are answered with. `elsewhere`: an address that some of them name as the place of keys. */
export async function worthlessTokens(
  stage: Pick<Stage, 'token'>,
  who: Somebody,
  elsewhere = 'https://elsewhere.example',
): Promise<(readonly [what: string, header: string | undefined, code: string])[]> {
  const genuine = await stage.token(who)
  const [head, payload, signature] = genuine.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JWTPayload
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const past = Math.floor(performance.timeOrigin / 1_000) - 3_600
  const stranger = await generateKeyPair('ES256')
  const ours = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg: string; kid: string }
  const signed = (header: object) => new SignJWT(claims).setProtectedHeader({ alg: 'ES256', ...header }).sign(stranger.privateKey)
  const saying = async (said: Record<string, unknown>) => `Bearer ${await stage.token(who, said)}`
  return [
    ['no token', undefined, 'token.missing'],
    ['another scheme', `Basic ${Buffer.from('a:b').toString('base64')}`, 'token.missing'],
    ['garbage', 'Bearer x.y.z', 'token.invalid'],
    ['an expired token', await saying({ exp: past, iat: past - 60 }), 'token.expired'],
    ['a token that never expires', await saying({ exp: undefined }), 'token.invalid'],
    ['a token that is not valid yet', await saying({ nbf: past + 400 * 86_400 }), 'token.invalid'],
    ['a token of another audience', await saying({ aud: 'millrace-console' }), 'token.invalid'],
    ['a token of no audience', await saying({ aud: undefined }), 'token.invalid'],
    ['a token of another issuer', await saying({ iss: elsewhere }), 'token.invalid'],
    ['a token of nobody', await saying({ sub: undefined }), 'token.invalid'],
    ['a token of no company', await saying({ tenant: undefined }), 'token.invalid'],
    ['a token of a company that is a pattern', await saying({ tenant: '%' }), 'token.invalid'],
    ['a token whose roles are a word', await saying({ roles: 'administrator' }), 'token.invalid'],
    ['a token without signature, alg none', `Bearer ${part({ alg: 'none', typ: 'JWT' })}.${payload}.`, 'token.invalid'],
    ['a tampered payload', `Bearer ${head}.${part({ ...claims, tenant: '*', roles })}.${signature}`, 'token.invalid'],
    ['a tampered signature', `Bearer ${head}.${payload}.${'A'.repeat(signature.length)}`, 'token.invalid'],
    ['a token of another key', `Bearer ${await signed({ kid: ours.kid })}`, 'token.invalid'],
    [
      'a token that says where its key is',
      `Bearer ${await signed({ kid: 'x', jku: `${elsewhere}/jwks`, x5u: elsewhere })}`,
      'token.invalid',
    ],
    ['a token that brings its key', `Bearer ${await signed({ kid: 'x', jwk: await exportJWK(stranger.publicKey) })}`, 'token.invalid'],
  ]
}

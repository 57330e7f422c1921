import {
  addCustomField,
  createLeadForm,
  createSegment,
  createServicePlan,
  createSurvey,
  draftScorecard,
  draftAccountScorecard,
  changeAccountScorecard,
  activateAccountScorecard,
  previewAccountScorecard,
  dismissSuggestion,
  trainScoreModel,
  draftAccountPlan,
  changeScorecard,
  activateScorecard,
  changeAccount,
  changeAccountPlan,
  activateAccountPlan,
  closeAccountPlan,
  getImport,
  getScoreModel,
  useScoreModel,
  acceptQuote,
  addAttachment,
  addContact,
  addLegalEntity,
  addMailbox,
  approveContract,
  cancelHandover,
  captureLead,
  changeAccountPoolSettings,
  claimAccount,
  claimLead,
  completeItem,
  convertLead,
  createApiClient,
  createOrgUnit,
  createAssignmentRule,
  createCalendar,
  createPool,
  createRecycleRule,
  createTerritory,
  listAbsences,
  logLeadContact,
  noteAbsence,
  planNextStep,
  createPriceBook,
  createProduct,
  createTenant,
  createUser,
  creditInvoice,
  declineQuote,
  deleteImportMapping,
  discardImport,
  discardUnmatchedMail,
  draftContract,
  draftProcess,
  draftQuote,
  fileMail,
  finishServiceDue,
  getHandover,
  getOpportunity,
  getProcess,
  issueInvoice,
  keepAccountApart,
  keepLeadApart,
  LeadConverted,
  listCollectionPlans,
  listOrders,
  listParkedEvents,
  listReceivables,
  listServiceDues,
  logActivity,
  loseOpportunity,
  mediaTypes,
  mergeAccount,
  mergeLead,
  moveOpportunity,
  nurtureLead,
  openAccount,
  openOpportunity,
  previewImport,
  postponeServiceDue,
  prepareHandover,
  publishProcess,
  qualifyLead,
  recordReceipt,
  releaseAccount,
  releaseLead,
  reopenItem,
  replanCollection,
  retireProcess,
  roles,
  rotateApiClientSecret,
  saveView,
  saveImportMapping,
  sendQuote,
  sendSurvey,
  shareView,
  signContract,
  skipServiceDue,
  startHandover,
  startImport,
  startWaitingImport,
  submitContract,
  undoHandover,
  workLead,
  writeOffReceivable,
  type Operation,
  type Role,
} from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import type { Bus } from '@millrace/service'
import { send, type Known } from './hostile.fixture.ts'

// Tests and the drill D21 both play here. Node runs the drill's sources as they are, hence the imports of `.ts`.

/** Where a hostile suite plays: a platform that trusts an issuer of ours. */
export interface Stage {
  /** The gateway. */
  readonly url: string
  /** A signed access token; `claims` overrides what it says. */
  token(person: Somebody, claims?: Record<string, unknown>): Promise<string>
  /** Resolves when everything that was written is sent and applied everywhere. */
  quiet(): Promise<unknown>
}

/** What a token says of who acts. */
export interface Somebody {
  readonly id: Id<'user'>
  readonly tenantId: Id<'tenant'>
  readonly roles: readonly Role[]
}

/** The operator of the platform, who belongs to no company. */
export const operator: Somebody = { id: 'platform-operator' as Id<'user'>, tenantId: '*' as Id<'tenant'>, roles: ['administrator'] }

/** A colleague and where they stand in the organisation. */
export interface Colleague extends Somebody {
  readonly name: string
  readonly unitId: Id<'org_unit'>
  readonly unitPath: string
}

/** One record of each noun of sales, all of one owner. */
export interface Records {
  readonly owner: Colleague
  /** From lead to receipt, each as far as it goes. */
  readonly done: Known
  /** Those that can still be changed. */
  readonly open: Known
}

/** A company with records of every noun. Somebody of each role sits in the north team. */
export interface Company {
  readonly tenantId: Id<'tenant'>
  /** Who may do everything. */
  readonly ada: Somebody
  readonly password: string
  readonly people: Readonly<Record<Role, Colleague>>
  /** Records of the people of the north team, of a mate there, of a rep in the team below and of a rep in the south. */
  readonly records: readonly Records[]
  /** What belongs to nobody: products, processes, users … */
  readonly common: Known
}

interface Said {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Calls operations as somebody, who reads their own writes. Throws unless it is done. */
export function walker(stage: Stage, who: Somebody, succeeded: Set<string>): (operation: Operation, said?: Said) => Promise<any> {
  let causality: string | undefined
  return async (operation, { params = {}, query, body } = {}) => {
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '')
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const reply = await send(stage.url, {
      what: operation.id,
      method: operation.method,
      path: query ? `${path}?${new URLSearchParams(query).toString()}` : path,
      headers: {
        authorization: `Bearer ${await stage.token(who)}`,
        prefer: 'wait=30',
        ...(operation.method !== 'GET' && { 'if-match': '*' }),
        ...(text !== undefined && { 'content-type': mediaTypes(operation.accepts)[0]! }),
        ...(causality && { 'millrace-causality': causality }),
      },
      body: text,
    })
    if (reply.status >= 300) throw new Error(`${operation.id} answered ${reply.status}: ${reply.text.slice(0, 500)}`)
    causality = (reply.headers['millrace-causality'] as string | undefined) ?? causality
    succeeded.add(operation.id)
    return reply.text && operation.media === undefined ? JSON.parse(reply.text) : undefined
  }
}

/** Signs a company up and walks a road from lead to cash for each owner. Notes which operations were done. */
export async function aCompany(stage: Stage, name: string, succeeded: Set<string>): Promise<Company> {
  const password = 'correct horse battery'
  const salt = newId('x').slice(-8)
  const email = (person: string) => `${person.toLowerCase()}@${name.toLowerCase()}-${salt}.example`
  const tenant = await walker(
    stage,
    operator,
    succeeded,
  )(createTenant, {
    body: {
      name: `${name} ${salt}`,
      currency: 'CNY',
      zone: 'Asia/Shanghai',
      language: 'en',
      administrator: { name: 'Root', email: email('root'), password },
    },
  })
  const ada: Somebody = { id: tenant.administratorId, tenantId: tenant.id, roles: [...roles] }
  const as = (who: Somebody) => walker(stage, who, succeeded)
  const does = as(ada)
  const unit = async (called: string, parentId: string) => (await does(createOrgUnit, { body: { name: called, parentId } })) as Unit
  const [north, south] = [await unit('North', tenant.rootUnitId), await unit('South', tenant.rootUnitId)]
  const below = await unit('Northwest', north.id)
  const person = async (called: string, role: Role, where: Unit): Promise<Colleague> => {
    const body = { name: called, email: email(called), password, roles: [role], unitId: where.id }
    const { id } = await does(createUser, { body })
    return { id, tenantId: tenant.id, roles: [role], name: called, unitId: where.id, unitPath: where.path }
  }
  const people = {} as Record<Role, Colleague>
  for (const role of roles) people[role] = await person(role.replace('_', '-'), role, north)
  const owners = [
    ...Object.values(people),
    await person('Zoe', 'sales_rep', north),
    await person('Nia', 'sales_rep', below),
    await person('Bob', 'sales_rep', south),
  ]

  const common = new Map<string, string>([['tenant', tenant.id]])
  const make = async (operation: Operation, body: unknown) => {
    const { id } = await does(operation, { body })
    common.set(id.slice(0, -27), id)
    return id as string
  }
  const productId = await make(createProduct, { code: salt, name: 'CRM seat', family: 'Seats' })
  await make(createPriceBook, { name: 'Partners', currency: 'CNY', isDefault: false })
  await make(addLegalEntity, { name: 'Cloudmap Trade', zone: 'Asia/Shanghai', currency: 'CNY', prefix: salt.slice(-6).toUpperCase() })
  await make(createUser, { name: 'Tess', email: email('tess'), roles: ['sales_rep'], unitId: south.id })
  const leaver = await person('Lea', 'sales_rep', north)
  await make(createOrgUnit, { name: 'Spare', parentId: south.id })
  await make(createApiClient, { name: 'program', roles: ['integrator'] })
  const aForm = { name: 'Contact', fields: [{ name: 'email' }], perMinute: 600 }
  await make(createLeadForm, aForm)
  await make(createSegment, { name: 'Software', condition: 'account.industry == "software"' })
  await make(createSurvey, { kind: 'nps', name: 'Loyalty', question: { en: 'Would you recommend us?', 'zh-CN': '您会推荐我们吗?' } })
  // One of its own for the public: whoever may renews the key of the other.
  common.set('form key', (await does(createLeadForm, { body: aForm })).key)
  // Inactive, at an address that is not allowed: nobody is called.
  await make(addMailbox, { name: 'Sales', host: '127.0.0.1', username: 'sales', secret: password, active: false })
  const labels = { en: 'Area', 'zh-CN': '面积' }
  common.set(
    'lead_custom_field',
    (await does(addCustomField, { query: { record: 'lead' }, body: { key: 'area', type: 'number', labels } })).id,
  )
  await make(draftScorecard, { name: 'Rules', rules: [{ name: 'Fair', condition: 'lead.source == "fair"', points: 30 }] })
  await make(draftAccountScorecard, { name: 'Rules', parts: accountRules('account.orders > 0') })
  await make(trainScoreModel, {})
  const poolId = await make(createPool, { name: 'Fair' })
  const nineToSix = [{ from: '09:00', to: '18:00' }]
  await make(createCalendar, { name: 'Office', zone: 'Asia/Shanghai', week: [...Array(5).fill(nineToSix), [], []], isDefault: true })
  // Nothing of the road comes from Antarctica, so nobody gets what another was to have.
  await make(createTerritory, { name: 'South Pole', condition: 'lead.country == "AQ"', memberIds: [people.sales_rep.id] })
  const target = { kind: 'territory', territoryId: common.get('territory') }
  await make(createAssignmentRule, { name: 'South Pole', position: 1, condition: 'lead.country == "AQ"', target })
  await make(createRecycleRule, { name: 'Nobody there', position: 1, condition: 'lead.country == "AQ"', afterAttempts: 9, poolId })
  await does(shareView, {
    params: { id: await make(saveView, { name: 'Fresh', list: 'listLeads', sort: '-createdAt' }) },
    body: { with: 'company' },
  })
  const { id: usual } = await does(draftProcess, { body: { template: 'simple', name: 'Usual', family: 'usual' } })
  await does(publishProcess, { params: { id: usual }, body: { isDefault: true } })
  common.set('process family', 'usual')
  await make(draftProcess, { template: 'simple', name: 'Ours', family: 'ours' })
  const started = await does(startImport, { query: { kind: 'leads' }, body: 'companyName\nImported\n' })
  common.set('lead_import', started.id)
  await stage.quiet()
  // She owns nothing, so that whoever starts it moves nothing.
  await make(prepareHandover, { fromUserId: leaver.id, toUserId: people.sales_rep.id, reason: 'Lea has left' })
  await stage.quiet()

  const road = (owner: Colleague) => records(as(ada), as(people.executive), owner, productId)
  const made: Records[] = []
  const queue = [...owners]
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let next = queue.shift(); next; next = queue.shift()) made.push(await road(next))
    }),
  )
  await stage.quiet()
  const steps = ['event', 'visit', 'meeting'].map((kind) => ({ key: kind, kind, everyDays: 7, text: 'Invite' }))
  await make(createServicePlan, { name: 'Key accounts', accountClass: 'key', steps })
  await owe(does, made)
  return { tenantId: tenant.id, ada, password, people, records: made, common }
}

/** Rules of an account scorecard: one that gives points where the condition holds. */
function accountRules(condition: string) {
  const none = { most: 0, rules: [] }
  return { fit: none, value: { most: 60, rules: [{ name: 'Worth it', condition, points: 60 }] }, behaviour: none }
}

/** Waits for what the service plan owes to the account of each, and keeps one of it. */
async function owe(does: Does, made: readonly Records[]): Promise<void> {
  for (const { done } of made)
    for (;;) {
      const { data } = await does(listServiceDues, { query: { accountId: done.get('account')! } })
      if (data.length === 3) {
        ;(done as Map<string, string>).set('service_due', data[0].id)
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
}

/** What neither a road nor the questions of the access matrix bring to success, done once, so that no operation is without it. */
export async function doTheRest(stage: Stage, { ada, common, people }: Company, succeeded: Set<string>): Promise<void> {
  const does = walker(stage, ada, succeeded)
  const to = (id: string, body?: unknown) => ({ params: { id }, body })
  const client = await does(createApiClient, { body: { name: 'another', roles: ['integrator'] } })
  await does(rotateApiClientSecret, to(client.id))
  const waiting = () => does(startImport, { query: { kind: 'leads', preview: 'true' }, body: 'companyName\nWaited\n' })
  const file = await waiting()
  await does(previewImport, to(file.id, {}))
  await does(startWaitingImport, to(file.id, {}))
  await does(discardImport, to((await waiting()).id))
  const saved = { name: 'Given up', columns: ['公司'], mapping: { columns: { companyName: '公司' } } }
  const mapping = await does(saveImportMapping, { query: { kind: 'leads' }, body: saved })
  await does(deleteImportMapping, to(mapping.id))
  const draft = await does(draftProcess, { body: { template: 'simple', name: 'Given up', family: 'given-up' } })
  await does(retireProcess, to(draft.id))

  const [lead, like, other] = [0, 1, 2].map(() => does(captureLead, { body: { email: 'same@example.com', ownerId: people.sales_rep.id } }))
  const leadId = (await lead).id
  await does(keepLeadApart, to(leadId, { leadId: (await other).id }))
  await does(mergeLead, to(leadId, { leadId: (await like).id }))
  await does(logLeadContact, to(leadId, { reached: true }))
  await does(planNextStep, to(leadId, { text: 'Call again' }))
  await does(nurtureLead, to(leadId, { wakeAt: new Date(Date.now() + 86_400_000).toISOString() }))
  await does(releaseLead, to(leadId, { poolId: common.get('pool'), reason: 'other' }))
  await does(claimLead, to(leadId))

  const rules = [{ name: 'Web', condition: 'lead.source == "web"', points: 20 }]
  const scorecard = await does(draftScorecard, { body: { name: 'Other rules', rules } })
  await does(changeScorecard, to(scorecard.id, { name: 'Changed rules' }))
  await does(activateScorecard, to(scorecard.id))
  const accountScorecard = await does(draftAccountScorecard, { body: { name: 'Other rules', parts: accountRules('account.contacts > 0') } })
  await does(changeAccountScorecard, to(accountScorecard.id, { name: 'Changed rules' }))
  await does(previewAccountScorecard, { body: { parts: accountRules('account.openDeals > 0') } })
  await does(activateAccountScorecard, to(accountScorecard.id))
  await learn(does)
  const empty = { fromUserId: people.finance.id, toUserId: people.sales_rep.id, reason: 'Moves on', only: 'false' }
  const { id: cancelled } = await does(prepareHandover, { body: empty })
  await does(cancelHandover, to(cancelled))
  const { id: handover } = await does(prepareHandover, { body: empty })
  const becomes = async (status: string) => {
    while ((await does(getHandover, to(handover))).status !== status) await stage.quiet()
  }
  await becomes('ready')
  await does(startHandover, to(handover))
  await becomes('moved')
  await does(undoHandover, to(handover))
  await becomes('undone')
  const [account, same, another] = [0, 1, 2].map(() => does(openAccount, { body: { name: 'Twice Ltd' } }))
  const accountId = (await account).id
  await does(keepAccountApart, to(accountId, { accountId: (await another).id }))
  await does(mergeAccount, to(accountId, { accountId: (await same).id }))
  await does(changeAccountPoolSettings, { body: { warnDays: 14, blockedDays: 0 } })
  await does(dismissSuggestion, to(accountId, { family: 'Seats', reason: 'Has its own' }))
  await does(releaseAccount, to(accountId))
  await does(claimAccount, to(accountId))

  const { done, open } = await records(does, walker(stage, people.executive, succeeded), people.sales_rep, common.get('product')!)
  const plan = { goals: [{ key: 'a', text: 'A' }], actions: [{ key: 'a', text: 'A', ownerId: people.sales_rep.id, dueOn: '2027-01-10' }] }
  await does(changeAccountPlan, to(done.get('account_plan')!, plan))
  await does(activateAccountPlan, to(done.get('account_plan')!))
  await does(closeAccountPlan, to(done.get('account_plan')!, { note: 'Reached' }))
  const owes = (await does(createServicePlan, {
    body: {
      name: 'Surveys',
      accountClass: 'key',
      steps: ['a', 'b', 'c'].map((key) => ({ key, kind: 'event', everyDays: 5, text: 'Invite' })),
    },
  })) as { id: string }
  const dues = async () => (await does(listServiceDues, { query: { planId: owes.id, accountId: done.get('account')! } })).data
  while ((await dues()).length < 3) await new Promise((resolve) => setTimeout(resolve, 50))
  const [first, second, third] = await dues()
  const inAWeek = new Date(Date.now() + 9 * 86_400_000).toISOString().slice(0, 10)
  await does(finishServiceDue, to(first.id))
  await does(skipServiceDue, to(second.id, { reason: 'Closed' }))
  await does(postponeServiceDue, to(third.id, { to: inAWeek, reason: 'They asked' }))
  const deal = open.get('opportunity')!
  await does(sendQuote, to(open.get('quote')!))
  await does(declineQuote, to(open.get('quote')!, { reason: 'Too dear' }))
  await walkOn(does, deal, done.get('contact')!)
  const item = (await does(getOpportunity, { params: { id: deal } })).checklist[0].items.find(({ done }: { done: unknown }) => done)
  await does(reopenItem, to(deal, { item: item.key }))
  await does(loseOpportunity, to(deal, { reason: 'price' }))
  await does(creditInvoice, to(done.get('invoice')!, { amount: { amount: '1.00', currency: 'CNY' } }))
  await does(writeOffReceivable, to(done.get('receivable')!, { reason: 'Insolvent' }))
  await does(discardUnmatchedMail, to(open.get('unmatched_mail')!))

  const later = await records(does, walker(stage, people.executive, succeeded), people.sales_rep, common.get('product')!, false)
  const body = { terms: [{ share: '100', daysAfterSigning: 90 }] }
  await does(replanCollection, to(later.done.get('collection_plan')!, body))
}

/** Has a model learnt from leads that come from two places, and uses it. */
async function learn(does: Does): Promise<void> {
  const rows = Array.from({ length: 120 }, (_, n) => `${newId('x')}@example.com,${n % 2 ? 'web' : 'fair'}`)
  const file = await does(startImport, { query: { kind: 'leads' }, body: `email,source\n${rows.join('\n')}\n` })
  const until = async (operation: Operation, id: string, isSo: (record: { status: string }) => boolean) => {
    while (!isSo(await does(operation, { params: { id } }))) await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await until(getImport, file.id, ({ status }) => status === 'done')
  const { id } = await does(trainScoreModel, { body: { success: 'lead.source == "web"', among: 'lead.source != ""', fields: ['source'] } })
  await until(getScoreModel, id, ({ status }) => status !== 'training')
  await does(useScoreModel, { params: { id } })
}

/** Answers what the first stage asks for, and goes on to the second. */
async function walkOn(does: Does, id: string, contactId: string): Promise<void> {
  const deal = await does(getOpportunity, { params: { id } })
  const { stages } = await does(getProcess, { params: { id: deal.processId } })
  const answers: Record<string, unknown> = { tick: true, text: 'Seen', contact_role: { contactId, role: 'buyer' } }
  for (const { key, kind } of stages[0].items)
    if (kind in answers) await does(completeItem, { params: { id }, body: { item: key, value: answers[kind] } })
  await does(moveOpportunity, { params: { id }, body: { stage: stages[1].key } })
}

/** Sends an event that no service can apply, so that the company has one that is parked; adds it to what belongs to nobody. */
export async function park(stage: Stage, bus: Bus, { tenantId, ada, common }: Company): Promise<void> {
  const subject = newId('lead')
  const headers = {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: newId('event'),
    ce_source: `/millrace/${LeadConverted.service}`,
    ce_type: LeadConverted.type,
    ce_subject: subject,
    ce_time: '2026-11-02T08:00:00.000Z',
    ce_tenantid: tenantId,
    ce_journeyid: newId('journey'),
    ce_sequence: '1',
  }
  await bus.publish([{ topic: LeadConverted.topic, key: subject, headers, value: Buffer.from('{}') }])
  await stage.quiet()
  const { data } = await walker(stage, ada, new Set())(listParkedEvents, { query: { service: 'account' } })
  ;(common as Map<string, string>).set('parked', data[0].id)
}

/** One record of each noun of a company, those that can still be changed first. */
export function knownOf({ common, records: [first] }: Company): Known {
  return new Map([...common, ...first!.done, ...first!.open])
}

interface Unit {
  readonly id: Id<'org_unit'>
  readonly path: string
}

type Does = ReturnType<typeof walker>

/** A road for an owner; without `billed` it ends before the first invoice, and nothing of it is due before a month has passed. */
async function records(does: Does, approves: Does, owner: Colleague, productId: string, billed = true): Promise<Records> {
  const [done, open] = [new Map<string, string>(), new Map<string, string>()]
  const keep = (known: Map<string, string>, record: { id: string }) => known.set(record.id.slice(0, -27), record.id)
  const lead = async (known: Map<string, string>) => {
    const body = {
      companyName: `Cloudmap ${newId('x').slice(-10)}`,
      contactName: '李雷',
      email: `${newId('x')}@example.com`,
      ownerId: owner.id,
    }
    const captured = await does(captureLead, { body })
    keep(known, captured)
    return captured
  }
  await lead(open)
  const { id, journeyId } = await lead(done)
  done.set('journey', journeyId)
  await does(workLead, { params: { id } })
  await does(qualifyLead, { params: { id } })
  const { accountId, opportunityId } = await does(convertLead, { params: { id }, body: { opportunity: { title: 'CRM' } } })
  done.set('account', accountId)
  done.set('opportunity', opportunityId)
  const away = { startsAt: '2030-02-01T00:00:00Z', endsAt: '2030-02-02T00:00:00Z' }
  if (billed && !(await does(listAbsences, { query: { userId: owner.id } })).data.length)
    keep(done, await does(noteAbsence, { body: { userId: owner.id, ...away } }))
  keep(done, await does(addContact, { body: { accountId, name: 'Han Meimei' } }))
  await does(changeAccount, { params: { id: accountId }, body: { class: 'key' } })
  const nextStep = { text: 'Offer', on: '2026-11-30' }
  const activity = await does(logActivity, { body: { accountId, kind: 'note', subject: 'Seen', nextStep } })
  keep(done, activity)
  for (const known of [done, open]) {
    const name = `${known.size}.txt`
    keep(known, await does(addAttachment, { params: { id: activity.id }, query: { name }, body: name }))
    const mail = `From: ${newId('x')}@nobody.example\nSubject: Who is this?\n\nHello`
    known.set('unmatched_mail', (await does(fileMail, { query: { ownerId: owner.id }, body: mail })).unmatchedMailId)
  }
  const question = { en: 'Are you satisfied?', 'zh-CN': '您满意吗?' }
  const survey = await does(createSurvey, { body: { kind: 'csat', name: 'Satisfaction', question } })
  const asked = await does(sendSurvey, { params: { id: survey.id }, body: { contactId: done.get('contact') } })
  keep(done, asked.invitation)
  done.set('survey token', asked.link.split('/').at(-2))
  keep(done, await does(draftAccountPlan, { body: { accountId, title: 'Next year', startsOn: '2027-01-01', endsOn: '2027-12-31' } }))
  await does(getOpportunity, { params: { id: opportunityId } })
  keep(open, await does(openOpportunity, { body: { title: 'Next', accountId, ownerId: owner.id } }))

  const quote = (deal: string) =>
    does(draftQuote, {
      body: {
        opportunityId: deal,
        currency: 'CNY',
        lines: [{ productId, quantity: '3', price: { amount: '999.99', currency: 'CNY' } }],
        vat: { rate: '13', mode: 'on_top' },
        terms: [
          { share: '40', daysAfterSigning: billed ? 0 : 30, label: 'first' },
          { share: '60', daysAfterSigning: 60, label: 'second' },
        ],
      },
    })
  const contract = async (quoteId: string, known: Map<string, string>) => {
    await does(sendQuote, { params: { id: quoteId } })
    await does(acceptQuote, { params: { id: quoteId }, body: { signer: '李雷' } })
    const drafted = await does(draftContract, { body: { quoteId } })
    keep(known, drafted)
    return drafted.id as string
  }
  keep(open, await quote(open.get('opportunity')!))
  await contract((await quote(open.get('opportunity')!)).id, open)
  const accepted = await quote(opportunityId)
  keep(done, accepted)
  const contractId = await contract(accepted.id, done)
  await does(submitContract, { params: { id: contractId } })
  await approves(approveContract, { params: { id: contractId } })
  await does(signContract, { params: { id: contractId }, body: { customerSigner: '李雷' } })
  keep(done, (await does(listOrders, { query: { contractId } })).data[0])
  const { data: due } = await does(listReceivables, { query: { contractId, sort: 'dueOn' } })
  keep(done, due[0])
  keep(open, due[1])
  keep(done, (await does(listCollectionPlans, { query: { contractId } })).data[0])
  if (!billed) return { owner, done, open }
  keep(done, await does(issueInvoice, { body: { receivableIds: [due[0].id], kind: 'commercial', buyer: { name: 'Cloudmap' } } }))
  const amount = { amount: '5.00', currency: 'CNY' }
  keep(done, await does(recordReceipt, { body: { accountId, amount, receivedOn: '2026-11-21' } }))
  return { owner, done, open }
}

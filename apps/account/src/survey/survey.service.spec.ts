import {
  addContact,
  answerPublicSurvey,
  assignAccount,
  changeSurvey,
  createSurvey,
  embedPublicSurvey,
  getSurveyFigures,
  getSurveyInvitation,
  listSurveyInvitations,
  listSurveys,
  mergeAccount,
  openAccount,
  readAudit,
  readPublicSurvey,
  sendSurvey,
  showPublicSurvey,
  type Operation,
} from '@millrace/contracts'
import { aWorld, type Company, type Person, type TestService, type World } from '@millrace/testing'
import request from 'supertest'
import { accountService } from '../account.module.js'

let world: World
let service: TestService

beforeAll(async () => {
  world = await aWorld()
  service = await world.start(accountService)
})
afterAll(() => world.stop())
beforeEach(() => service.clock.set(new Date('2026-11-02T08:00:00Z')))

const question = { en: 'Would you recommend us?', 'zh-CN': '您会推荐我们吗?' }
const commentQuestion = { en: 'Why <b>?', 'zh-CN': '为什么?' }
const create = (company: Company, body: object = {}) =>
  service.as(company.mona).does(createSurvey, { body: { kind: 'nps', name: 'Loyalty', question, commentQuestion, ...body } })
const aContact = async (person: Person, name = 'Key Ltd') => {
  const account = await service.as(person).does(openAccount, { body: { name } })
  return service.as(person).does(addContact, { body: { accountId: account.id, name: 'Li Lei' } })
}
const send = async (person: Person, surveyId: string, contactId: string) => {
  const { invitation, link } = await service.as(person).does(sendSurvey, { params: { id: surveyId }, body: { contactId } })
  return {
    id: invitation.id as string,
    invitation,
    link: link as string,
    token: /public-surveys\/([^/]+)\/page$/.exec(link as string)![1]!,
  }
}
/** Somebody whom nobody knows, with a link. */
const anybody = (operation: Operation, token: string, body?: object, headers: Record<string, string> = {}, query = '') => {
  const path = operation.path.replace('{token}', token) + query
  return body ? request(service.url).post(path).set(headers).send(body) : request(service.url).get(path).set(headers)
}
const answer = async (token: string, body: object, headers: Record<string, string> = {}) => {
  const { status, body: told } = await anybody(answerPublicSurvey, token, body, headers)
  return [status, status < 300 ? told.thanks : told.code] as [number, string]
}

describe('a survey that a contact answers', () => {
  it('is sent by the link, answered once, and told without the comment and without the link', async () => {
    const company = await world.company()
    const { amy } = company
    const survey = await create(company)
    const contact = await aContact(amy)
    const { id, link, token, invitation } = await send(amy, survey.id, contact.id)
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1\/public-surveys\/[A-Za-z0-9_-]{32}\/page$/)
    expect(invitation).toMatchObject({ status: 'sent', ownerId: amy.id, sentById: amy.id, score: null, comment: null })
    expect(invitation.expiresAt).toMatch(/^2026-12-02T08:00:0/)
    expect(await answer(token, { score: 9, comment: '很好', language: 'zh-CN' })).toEqual([200, '感谢您的反馈。'])
    expect(await answer(token, { score: 0 })).toEqual([409, 'survey.already_answered'])
    expect(await service.as(amy).does(getSurveyInvitation, { params: { id } })).toMatchObject({
      status: 'answered',
      score: 9,
      comment: '很好',
    })
    const told = (await world.events(company.tenantId)).filter(({ subject }) => subject === id)
    const facts = {
      invitationId: id,
      surveyId: survey.id,
      kind: 'nps',
      accountId: contact.accountId,
      contactId: contact.id,
      ownerId: amy.id,
    }
    expect(told.map(({ name, payload }) => [name, payload])).toEqual([
      ['survey_invitation.sent', { ...facts, expiresAt: invitation.expiresAt }],
      ['survey_invitation.answered', { ...facts, score: 9 }],
    ])
    const audit = await service.as(company.ada).does(readAudit, { params: { id } })
    expect(JSON.stringify([told, audit])).not.toContain(token)
  })

  it('by two at once is answered once', async () => {
    const company = await world.company()
    const { token } = await send(company.amy, (await create(company)).id, (await aContact(company.amy)).id)
    const answers = await Promise.all([1, 2, 3, 4, 5].map((score) => answer(token, { score })))
    expect(answers.map(([status]) => status).sort()).toEqual([200, 409, 409, 409, 409])
    expect((await world.events(company.tenantId)).filter(({ name }) => name === 'survey_invitation.answered')).toHaveLength(1)
  })

  it('is not answered by looking at it, however often a program does', async () => {
    const company = await world.company()
    const { id, token } = await send(company.amy, (await create(company)).id, (await aContact(company.amy)).id)
    for (const operation of [showPublicSurvey, embedPublicSurvey, readPublicSurvey, answerPublicSurvey]) await anybody(operation, token)
    expect(await service.as(company.amy).does(getSurveyInvitation, { params: { id } })).toMatchObject({ status: 'sent', version: 1 })
    expect((await anybody(readPublicSurvey, token)).body).toMatchObject({
      state: 'open',
      lowest: 0,
      highest: 10,
      question,
      commentQuestion,
    })
  })

  it('is refused when it has expired, under an unknown link, with a score that is none, and with a comment nobody asked for', async () => {
    const company = await world.company()
    const survey = await create(company, { kind: 'csat', commentQuestion: null, expiresInDays: 5 })
    const { token } = await send(company.amy, survey.id, (await aContact(company.amy)).id)
    const wrong = await anybody(answerPublicSurvey, token, { score: 6, comment: 'x' }, { 'accept-language': 'zh-CN' })
    expect([wrong.status, wrong.body.errors]).toMatchObject([
      400,
      [
        { pointer: '/score', code: 'survey.no_such_score', detail: '评分超出范围。请选择 1 到 5 之间的分数。' },
        { pointer: '/comment', code: 'survey.not_asked' },
      ],
    ])
    expect(await answer('x'.repeat(32), { score: 5 })).toEqual([404, 'survey.unknown_link'])
    service.clock.advance({ days: 5 })
    expect(await answer(token, { score: 5 })).toEqual([409, 'survey.expired'])
  })

  it('that is sent again has a new link, and the old one is worth nothing', async () => {
    const company = await world.company()
    const [survey, contact] = [await create(company), await aContact(company.amy)]
    const first = await send(company.amy, survey.id, contact.id)
    const again = await Promise.all([1, 2, 3].map(() => send(company.amy, survey.id, contact.id)))
    expect(new Set([first, ...again].map(({ id }) => id)).size).toBe(1)
    expect(await answer(first.token, { score: 1 })).toEqual([404, 'survey.unknown_link'])
    const open = []
    for (const { token } of again) open.push((await answer(token, { score: 8 }))[0])
    expect(open.sort()).toEqual([200, 404, 404])
    const next = await send(company.amy, survey.id, contact.id)
    expect(next.id).not.toBe(first.id)
    service.clock.advance({ days: 31 })
    expect((await send(company.amy, survey.id, contact.id)).id).not.toBe(next.id)
  })

  it('too often from one address is refused for a while', async () => {
    const company = await world.company()
    const { token } = await send(company.amy, (await create(company)).id, (await aContact(company.amy)).id)
    const from = async (address: string) => (await answer(token, { score: 11 }, { 'x-forwarded-for': address }))[0]
    const valid = async (address: string) => (await answer(token, { score: 7 }, { 'x-forwarded-for': address }))[0]
    expect(await from('203.0.113.9')).toBe(400) // what is no score at all is not even counted
    const statuses = []
    for (let n = 0; n < 61; n += 1) statuses.push(await valid('203.0.113.9'))
    expect([statuses[0], statuses[59], statuses[60]]).toEqual([200, 409, 429])
    expect(await valid('203.0.113.10')).toBe(409)
  })
})

describe('the page of a survey', () => {
  const page = (token: string, headers: Record<string, string> = {}, query = '') =>
    anybody(showPublicSurvey, token, undefined, { accept: 'text/html', ...headers }, query)

  it('asks in the language of the reader or the one they choose, and runs nothing that others wrote', async () => {
    const company = await world.company()
    const { token } = await send(company.amy, (await create(company)).id, (await aContact(company.amy)).id)
    const english = await page(token)
    expect(english.status).toBe(200)
    expect(english.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'referrer-policy': 'no-referrer' })
    expect(english.headers['content-security-policy']).toContain("script-src 'self';")
    expect(english.text).toContain('<html lang="en">')
    expect(english.text).toContain('Would you recommend us?')
    expect(english.text).toContain('Why &#60;b&#62;?')
    expect(english.text.match(/type="radio"/g)).toHaveLength(11)
    expect(english.text).not.toMatch(/<script(?! src=)|\son\w+=/)
    expect((await page(token, { 'accept-language': 'zh-CN,zh' })).text).toContain('您会推荐我们吗?')
    expect((await page(token, { 'accept-language': 'zh-CN,zh' }, '?lang=en')).text).toContain('Would you recommend us?')
    const script = await anybody(embedPublicSurvey, token)
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
  })

  it('says so when the link was used, has expired or is none; a program is told by a problem', async () => {
    const company = await world.company()
    const survey = await create(company)
    const [used, old] = [
      await send(company.amy, survey.id, (await aContact(company.amy)).id),
      await send(company.amy, survey.id, (await aContact(company.amy)).id),
    ]
    await answer(used.token, { score: 3 })
    expect((await page(used.token)).text).toContain('has been answered already')
    service.clock.advance({ days: 30 })
    expect((await page(old.token, {}, '?lang=zh-CN')).text).toContain('该调查已过期')
    expect((await page('x'.repeat(32))).text).toContain('leads to no survey')
    const problem = await anybody(showPublicSurvey, 'x'.repeat(32))
    expect([problem.status, problem.body.code]).toEqual([404, 'survey.unknown_link'])
    for (const { token } of [used, old]) expect((await page(token)).text).not.toContain('<form')
  })
})

describe('what came of a survey', () => {
  it('is counted by month and by who was responsible when it was sent, of the accounts that one sees', async () => {
    const company = await world.company()
    const { amy, bob, mona, olga } = company
    const survey = await create(company)
    const put = async (person: Person, score: number | null) => {
      const contact = await aContact(person)
      const { token } = await send(person, survey.id, contact.id)
      if (score !== null) await answer(token, { score })
      return contact as { accountId: string }
    }
    await put(amy, 10)
    const moved = await put(amy, 3)
    service.clock.set(new Date('2026-12-31T17:00:00Z'))
    await put(amy, null)
    await put(bob, 9)
    await service.as(olga).does(assignAccount, { params: { id: moved.accountId }, body: { ownerId: bob.id } })
    const figures = (person: Person, query: object = {}) =>
      service.as(person).does(getSurveyFigures, { params: { id: survey.id }, query: { ...query } })
    expect(await figures(olga)).toMatchObject({
      ...{ kind: 'nps', from: '2026-01-01', to: '2026-12-31' },
      total: { sent: 4, answered: 3, responsePercent: '75.0', promoters: 2, detractors: 1, nps: '33.3' },
      months: [
        { month: '2026-11', sent: 2, nps: '0.0' },
        { month: '2026-12', sent: 2, nps: '100.0' },
      ],
    })
    const owners = (await figures(olga)).owners as { ownerId: string; sent: number }[]
    expect(owners.map(({ ownerId, sent }) => [ownerId, sent]).sort()).toEqual([[amy.id, 3] as const, [bob.id, 1] as const].sort())
    expect((await figures(olga, { from: '2026-12-01' })).total).toMatchObject({ sent: 2 })
    expect((await figures(mona)).total).toMatchObject({ sent: 2, answered: 1 })
    const wrong = await service
      .as(olga)
      .call(getSurveyFigures, { params: { id: survey.id }, query: { from: '2026-12-02', to: '2026-12-01' } })
    expect([wrong.status, wrong.body.code]).toEqual([422, 'survey.period'])
  })

  it('is seen by who sees the account, and goes with it when it is merged', async () => {
    const company = await world.company()
    const { amy, bob, mona, olga } = company
    const survey = await create(company)
    const [contact, other] = [await aContact(amy), await aContact(amy)]
    const { id, token } = await send(amy, survey.id, contact.id)
    const seen = async (person: Person, query: object = {}) =>
      (await service.as(person).does(listSurveyInvitations, { query: { ...query } })).data.map((one: { id: string }) => one.id)
    expect([await seen(amy), await seen(mona), await seen(bob)]).toEqual([[id], [id], []])
    expect((await service.as(bob).call(getSurveyInvitation, { params: { id } })).status).toBe(404)
    await service.as(olga).does(mergeAccount, { params: { id: other.accountId }, body: { accountId: contact.accountId } })
    expect(await seen(amy, { accountId: other.accountId })).toEqual([id])
    expect((await answer(token, { score: 6 }))[0]).toBe(200)
    expect(await seen(amy, { ownerId: amy.id, status: 'answered', 'score.lte': 6 })).toEqual([id])
  })

  it('is refused to strangers; reps send surveys and managers make them', async () => {
    const company = await world.company()
    const { amy, bob, mona } = company
    const survey = await create(company)
    const contact = await aContact(amy)
    const status = async (person: Person, operation: Operation, body?: object) =>
      (await service.as(person).call(operation, { params: { id: survey.id }, ...(body && { body }), headers: { 'if-match': '*' } })).status
    const made = { kind: 'csat', name: 'x', question }
    expect([await status(amy, createSurvey, made), await status(mona, createSurvey, made)]).toEqual([403, 201])
    const stranger = await world.company()
    expect(await status(stranger.amy, sendSurvey, { contactId: contact.id })).toBe(404)
    expect(await status(bob, sendSurvey, { contactId: contact.id })).toBe(422)
    await service.as(mona).does(changeSurvey, { params: { id: survey.id }, body: { active: false }, headers: { 'if-match': '"1"' } })
    const refused = await service.as(amy).call(sendSurvey, { params: { id: survey.id }, body: { contactId: contact.id } })
    expect([refused.status, refused.body.code]).toEqual([409, 'survey.inactive'])
    expect((await service.as(amy).does(listSurveys, { query: { active: 'true', kind: 'nps' } })).data).toEqual([])
  })
})

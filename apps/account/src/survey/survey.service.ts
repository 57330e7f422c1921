import { randomBytes } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { SurveyAnswered, SurveySent, type changeSurvey, type createSurvey, type Input, type Sent } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, Events, withContext } from '@millrace/service'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { AccountService } from '../account/account.service.js'
import { Contact } from '../contact/contact.js'
import { DueListService } from '../service-plan/due-list.service.js'
import { SurveyInvitation } from './invitation.js'
import { hashed, SurveyQueries } from './survey.queries.js'
import { Survey, type SurveyAnswer, type SurveyData } from './survey.js'

const minuteSeconds = 60
/** Answers that one address may send in a minute: many customers may sit behind one. */
const perMinute = 60

/** Use cases of surveys. */
@Injectable()
export class SurveyService {
  private readonly limiter = new RateLimiterMemory({ points: perMinute, duration: minuteSeconds })

  constructor(
    private readonly db: Database,
    private readonly events: Events,
    private readonly clock: Clock,
    private readonly accounts: AccountService,
    private readonly dueList: DueListService,
    private readonly queries: SurveyQueries,
  ) {}

  create(given: Input<typeof createSurvey>['body']): Promise<Survey> {
    return this.db.transaction(async (tx) => {
      const survey = Survey.create({ ...begun('survey', this.clock.now()), ...given })
      await tx.insert(survey)
      return survey
    })
  }

  change(id: Id<'survey'>, given: Input<typeof changeSurvey>['body']): Promise<Survey> {
    const said = Object.entries(given).filter(([, value]) => value !== undefined)
    return this.db.transaction(async (tx) =>
      tx.update((await tx.lock(Survey, id)).change(Object.fromEntries(said) as Partial<SurveyData>, this.clock.now())),
    )
  }

  /** Invites a contact, and answers the token of the link: it is kept nowhere. One who has not answered yet gets another link. */
  send(id: Id<'survey'>, contactId: Id<'contact'>): Promise<{ invitation: SurveyInvitation; token: string }> {
    return this.db.transaction(async (tx) => {
      const survey = await tx.get(Survey, id)
      const contact = await tx.find(Contact, contactId)
      if (!contact) throw Refusal.invalid('reference.unknown', { field: 'contactId', value: contactId })
      const account = await this.accounts.standing(tx, contact.accountId)
      // Two at once make one invitation.
      tx.lockKeys([`survey ${id} ${contactId}`])
      const now = this.clock.now()
      const { actor } = context()
      const token = newToken()
      const by = {
        sentById: actor?.kind === 'user' ? (actor.id as Id<'user'>) : null,
        responsibleId: account.ownerId,
        tokenHash: hashed(token),
      }
      const [waiting] = (await tx.lockBy(SurveyInvitation, { survey_id: id, contact_id: contactId, status: 'sent' })).filter(
        (one) => one.stateAt(now) === 'open',
      )
      const invitation = waiting
        ? waiting.sendAgain(survey, by, now)
        : SurveyInvitation.send(
            { ...begun('survey_invitation', now), ...by, journeyId: account.journeyId, accountId: account.id, contactId },
            survey,
          )
      if (waiting) await tx.update(invitation)
      else await tx.insert(invitation)
      await this.dueList.tick(tx, account.id, 'survey', now)
      await this.events.publish(tx, SurveySent, invitation, { ...facts(invitation), expiresAt: invitation.expiresAt })
      return { invitation, token }
    })
  }

  /** What the person with the link answers: once, and for whatever company. */
  async answer(token: string, given: SurveyAnswer): Promise<void> {
    await this.limiter.consume(context().from!.address).catch(() => {
      throw new Refusal('rate.exceeded')
    })
    const { tenantId, survey, invitation: found } = await this.queries.byToken(token)
    await withContext({ ...context(), tenantId, visibility: 'company', channel: 'form' }, () =>
      this.db.transaction(async (tx) => {
        const before = await tx.lock(SurveyInvitation, found.id)
        // Sent again meanwhile.
        if (before.tokenHash !== found.tokenHash) throw new Refusal('survey.unknown_link', {}, 'notFound')
        const now = this.clock.now()
        const invitation = before.answer(given, now)
        survey.mustTake(given)
        await tx.update(invitation)
        await this.events.publish(tx, SurveyAnswered, invitation, { ...facts(invitation), score: given.score }, now)
      }),
    )
  }
}

function newToken(): string {
  return randomBytes(24).toString('base64url')
}

function facts({ id, surveyId, kind, accountId, contactId, responsibleId }: SurveyInvitation): Omit<Sent<typeof SurveySent>, 'expiresAt'> {
  return { invitationId: id, surveyId, kind, accountId, contactId, ownerId: responsibleId }
}

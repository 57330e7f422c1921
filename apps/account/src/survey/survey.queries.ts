import { hash } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import {
  listSurveyInvitations,
  listSurveys,
  type Answer,
  type getSurvey,
  type getSurveyFigures,
  type getSurveyInvitation,
  type Input,
  type readPublicSurvey,
} from '@millrace/contracts'
import { addDays, addMonths, dayOf, Refusal, startOfDay, startOfMonth, type Id } from '@millrace/domain'
import { Clock, Database, Directory, inTenant, visibleOwners } from '@millrace/service'
import { Account } from '../account/account.js'
import { ofSeenAccounts } from '../account/account.queries.js'
import { SurveyInvitation } from './invitation.js'
import { figuresOf, scale, Survey, type ScoreCount } from './survey.js'

const mostMonths = 120

interface Counted extends ScoreCount {
  readonly ownerId: Id<'user'> | null
  readonly month: string
}

@Injectable()
export class SurveyQueries {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly directory: Directory,
  ) {}

  list(query: Input<typeof listSurveys>['query']) {
    return this.db.list(Survey, listSurveys, query, surveyView)
  }

  async get(id: string) {
    return surveyView(await this.db.get(Survey, id))
  }

  invitations(query: Input<typeof listSurveyInvitations>['query']) {
    const where = ofSeenAccounts()
    return this.db.list(SurveyInvitation, listSurveyInvitations, query, invitationView, {
      fields: { ownerId: { sql: 'responsible_id', type: 'text', nullable: true } },
      ...(where && { where }),
    })
  }

  /** The invitation, if the actor sees its account. */
  async invitation(id: string): Promise<Answer<typeof getSurveyInvitation>> {
    const invitation = await this.db.get(SurveyInvitation, id)
    if (!(await this.db.find(Account, invitation.accountId))) throw Refusal.notFound('survey_invitation', id)
    return invitationView(invitation)
  }

  async figures(id: string, given: Input<typeof getSurveyFigures>['query']): Promise<Answer<typeof getSurveyFigures>> {
    const { kind, id: surveyId } = await this.db.get(Survey, id)
    const zone = await this.directory.zone()
    const to = given.to ?? dayOf(this.clock.now(), zone)
    const from = given.from ?? addMonths(startOfMonth(to), -11)
    if (to < from || addMonths(from, mostMonths) <= to) throw Refusal.invalid('survey.period')
    const seen = visibleOwners('a.owner_id', 4)
    const rows = await this.db.query<Counted>(
      `SELECT i.responsible_id AS "ownerId", to_char(i.sent_at AT TIME ZONE $4, 'YYYY-MM') AS month, i.score, count(*)::int AS count
       FROM survey_invitation i JOIN account a ON a.id = i.account_id
       WHERE i.survey_id = $1 AND i.sent_at >= $2 AND i.sent_at < $3${seen ? ` AND ${seen.sql}` : ''}
       GROUP BY 1, 2, 3 ORDER BY 1, 2`,
      [surveyId, startOfDay(from, zone), startOfDay(addDays(to, 1), zone), zone, ...(seen?.values ?? [])],
    )
    const months = [...Map.groupBy(rows, ({ month }) => month)].sort(([one], [other]) => (one < other ? -1 : 1))
    const owners = [...Map.groupBy(rows, ({ ownerId }) => ownerId)]
    return {
      ...{ surveyId, kind, from, to },
      total: figuresOf(kind, rows),
      months: months.map(([month, those]) => ({ month, ...figuresOf(kind, those) })),
      owners: owners.map(([ownerId, those]) => ({ ownerId, ...figuresOf(kind, those) })),
    }
  }

  /** The invitation that a link leads to, of whatever company. */
  async byToken(token: string): Promise<{ tenantId: string; invitation: SurveyInvitation; survey: Survey }> {
    const [row] = await inTenant('*', () =>
      this.db.query<{ tenant_id: string }>('SELECT * FROM survey_invitation WHERE token_hash = $1', [hashed(token)]),
    )
    if (!row) throw new Refusal('survey.unknown_link', {}, 'notFound')
    const invitation = this.db.hydrate(SurveyInvitation, [row])[0]!
    return { tenantId: row.tenant_id, invitation, survey: await inTenant(row.tenant_id, () => this.db.get(Survey, invitation.surveyId)) }
  }

  async publicView(token: string): Promise<Answer<typeof readPublicSurvey>> {
    const { invitation, survey } = await this.byToken(token)
    const { kind, question, commentQuestion } = survey
    return { state: invitation.stateAt(this.clock.now()), kind, question, commentQuestion, ...scale[kind], expiresAt: invitation.expiresAt }
  }
}

/** What of a token is kept. */
export function hashed(token: string): string {
  return hash('sha256', token, 'base64url')
}

export function surveyView({ journeyId: _, ...survey }: Survey): Answer<typeof getSurvey> {
  return survey
}

export function invitationView({
  journeyId: _,
  tokenHash: _hash,
  responsibleId: ownerId,
  ...invitation
}: SurveyInvitation): Answer<typeof getSurveyInvitation> {
  return { ...invitation, ownerId }
}

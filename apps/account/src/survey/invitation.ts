import { lifecycle, Refusal, type Id } from '@millrace/domain'
import type { Survey, SurveyAnswer, SurveyKind } from './survey.js'

export const surveyInvitationStatus = lifecycle('survey_invitation', { sent: ['answered'], answered: [] })
export type SurveyInvitationStatus = typeof surveyInvitationStatus.state

const dayMs = 86_400_000

/** A survey that a contact was asked to answer. Whoever sees the account sees it. */
export class SurveyInvitation {
  declare readonly id: Id<'survey_invitation'>
  declare readonly version: number
  declare readonly journeyId: string
  declare readonly createdAt: Date
  declare readonly updatedAt: Date
  declare readonly surveyId: Id<'survey'>
  declare readonly kind: SurveyKind
  declare readonly accountId: Id<'account'>
  declare readonly contactId: Id<'contact'>
  /** Who was responsible for the account when it was sent: the answer is about their work, whoever owns the account later. */
  declare readonly responsibleId: Id<'user'> | null
  declare readonly sentById: Id<'user'> | null
  declare readonly status: SurveyInvitationStatus
  /** SHA-256 of the token in the link, which is kept nowhere. */
  declare readonly tokenHash: string
  declare readonly sentAt: Date
  declare readonly expiresAt: Date
  declare readonly score: number | null
  declare readonly comment: string | null
  declare readonly answeredAt: Date | null

  static send(
    given: Pick<
      SurveyInvitation,
      'id' | 'version' | 'journeyId' | 'createdAt' | 'updatedAt' | 'accountId' | 'contactId' | 'responsibleId'
    > &
      Pick<SurveyInvitation, 'sentById' | 'tokenHash'>,
    survey: Survey,
  ): SurveyInvitation {
    survey.mustBeActive()
    const { createdAt: sentAt } = given
    return Object.assign(Object.create(SurveyInvitation.prototype) as SurveyInvitation, given, {
      ...{ surveyId: survey.id, kind: survey.kind, status: surveyInvitationStatus.initial, sentAt, expiresAt: expiry(survey, sentAt) },
      ...{ score: null, comment: null, answeredAt: null },
    })
  }

  /** The same with another link; the one before is worth nothing from now on. */
  sendAgain(survey: Survey, by: Pick<SurveyInvitation, 'sentById' | 'responsibleId' | 'tokenHash'>, at: Date): SurveyInvitation {
    survey.mustBeActive()
    return this.with({ ...by, sentAt: at, expiresAt: expiry(survey, at), updatedAt: at })
  }

  /** How it stands for who has the link. */
  stateAt(now: Date): 'open' | 'answered' | 'expired' {
    return this.status === 'answered' ? 'answered' : now >= this.expiresAt ? 'expired' : 'open'
  }

  /** Once, and in time. */
  answer({ score, comment }: SurveyAnswer, at: Date): SurveyInvitation {
    const state = this.stateAt(at)
    if (state === 'answered') throw new Refusal('survey.already_answered')
    if (state === 'expired') throw new Refusal('survey.expired')
    return this.with({
      status: surveyInvitationStatus.move(this.status, 'answered'),
      ...{ score, comment, answeredAt: at, updatedAt: at },
    })
  }

  /** The same, of the account that its own became part of. */
  moveTo(accountId: Id<'account'>, updatedAt: Date): SurveyInvitation {
    return this.with({ accountId, updatedAt })
  }

  private with(change: Partial<SurveyInvitation>): SurveyInvitation {
    return Object.assign(Object.create(SurveyInvitation.prototype) as SurveyInvitation, this, change)
  }
}

function expiry({ expiresInDays }: Survey, sentAt: Date): Date {
  return new Date(sentAt.getTime() + expiresInDays * dayMs)
}

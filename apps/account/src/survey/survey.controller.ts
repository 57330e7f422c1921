import { Controller, Header, Req, StreamableFile } from '@nestjs/common'
import {
  answerPublicSurvey,
  changeSurvey,
  createSurvey,
  embedPublicSurvey,
  getSurvey,
  getSurveyFigures,
  getSurveyInvitation,
  listSurveyInvitations,
  listSurveys,
  readPublicSurvey,
  sendSurvey,
  showPublicSurvey,
  type Input,
} from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { context, Serve } from '@millrace/service'
import type { FastifyRequest } from 'fastify'
import { pageScript, surveyPage, thanks } from './survey-page.js'
import { invitationView, SurveyQueries, surveyView } from './survey.queries.js'
import { SurveyService } from './survey.service.js'

@Controller()
export class SurveyController {
  constructor(
    private readonly surveys: SurveyService,
    private readonly queries: SurveyQueries,
  ) {}

  @Serve(createSurvey)
  async create({ body }: Input<typeof createSurvey>) {
    return surveyView(await this.surveys.create(body))
  }

  @Serve(listSurveys)
  list({ query }: Input<typeof listSurveys>) {
    return this.queries.list(query)
  }

  @Serve(getSurvey)
  get({ params }: Input<typeof getSurvey>) {
    return this.queries.get(params.id)
  }

  @Serve(changeSurvey)
  async change({ params, body }: Input<typeof changeSurvey>) {
    return surveyView(await this.surveys.change(params.id, body))
  }

  @Serve(sendSurvey)
  async send({ params, body }: Input<typeof sendSurvey>) {
    const { invitation, token } = await this.surveys.send(params.id, body.contactId)
    return { invitation: invitationView(invitation), link: `${context().from!.publicUrl}/v1/public-surveys/${token}/page` }
  }

  @Serve(listSurveyInvitations)
  invitations({ query }: Input<typeof listSurveyInvitations>) {
    return this.queries.invitations(query)
  }

  @Serve(getSurveyInvitation)
  invitation({ params }: Input<typeof getSurveyInvitation>) {
    return this.queries.invitation(params.id)
  }

  @Serve(getSurveyFigures)
  figures({ params, query }: Input<typeof getSurveyFigures>) {
    return this.queries.figures(params.id, query)
  }

  @Serve(readPublicSurvey)
  read({ params }: Input<typeof readPublicSurvey>) {
    return this.queries.publicView(params.token)
  }

  @Serve(answerPublicSurvey)
  async answer({ params, body: { score, comment, language } }: Input<typeof answerPublicSurvey>) {
    await this.surveys.answer(params.token, { score, comment })
    return { received: true as const, thanks: thanks[language ?? context().language] }
  }

  @Serve(embedPublicSurvey)
  script() {
    return sent(pageScript, 'text/javascript')
  }

  @Serve(showPublicSurvey)
  @Header(
    'content-security-policy',
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'",
  )
  @Header('referrer-policy', 'no-referrer')
  async show({ params: { token }, query: { lang } }: Input<typeof showPublicSurvey>, @Req() request: FastifyRequest) {
    const survey = await this.queries.publicView(token).catch((error: unknown) => {
      // A person gets a page, a program the problem.
      if (error instanceof Refusal && request.headers.accept?.includes('text/html')) return undefined
      throw error
    })
    return sent(surveyPage(token, survey, lang ?? context().language), 'text/html')
  }
}

function sent(text: string, type: string): StreamableFile {
  return new StreamableFile(Buffer.from(text), { type: `${type}; charset=utf-8` })
}

import { Injectable } from '@nestjs/common'
import { listUnmatchedMails, type Answer, type discardUnmatchedMail, type fileMail, type Input } from '@millrace/contracts'
import { Database } from '@millrace/service'
import { attachmentView } from '../attachment/attachment.queries.js'
import type { Taken } from './mail.service.js'
import { UnmatchedMail } from './unmatched-mail.js'

@Injectable()
export class MailQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listUnmatchedMails>['query']) {
    return this.db.list(UnmatchedMail, listUnmatchedMails, query, unmatchedMailView)
  }
}

/** An unmatched e-mail as the API shows it: without where its source is, and its key. */
export function unmatchedMailView({
  journeyId: _,
  messageKey: _k,
  fileId: _f,
  recipients,
  ...mail
}: UnmatchedMail): Answer<typeof discardUnmatchedMail> {
  return { ...mail, recipients: [...recipients] }
}

/** What became of an e-mail, as the API tells it. */
export function takenView({ status, activity, unmatchedMailId, attachments, leftOut }: Taken): Answer<typeof fileMail> {
  return { status, activityId: activity?.id ?? null, unmatchedMailId, attachments: attachments.map(attachmentView), leftOut: [...leftOut] }
}

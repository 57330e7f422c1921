import { z } from 'zod'
import { AttachmentView } from './attachment.operations.js'
import { keepers, permission, salesReaders, salesWriters } from './access.js'
import { ActivityDetail } from './account.operations.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant } from './shapes.js'

const LeftOut = z
  .object({ name: z.string(), code: z.string().meta({ description: 'why it was not kept', examples: ['file.executable'] }) })
  .meta({ id: 'LeftOutAttachment' })

export const FiledMail = z
  .object({
    status: z.enum(['filed', 'unmatched', 'known']).meta({
      description: 'filed: it is an activity now; unmatched: nobody in it is known, it waits to be assigned; known: it was received before',
    }),
    activityId: id('activity').nullable().meta({ description: 'null also when it is not yours to see' }),
    unmatchedMailId: id('unmatched_mail').nullable(),
    attachments: z.array(AttachmentView),
    leftOut: z.array(LeftOut).meta({ description: 'attachments that were not kept' }),
  })
  .meta({ id: 'FiledMail' })

const mails = {
  file: permission('mail.file', salesWriters),
  read: permission('unmatched_mail.read', salesReaders),
  assign: permission('unmatched_mail.assign', salesWriters),
  discard: permission('unmatched_mail.discard', salesWriters),
  address: permission('mail_address.read', salesWriters),
  renew: permission('mail_address.renew', keepers),
}

export const fileMail = defineOperation({
  id: 'fileMail',
  service: 'account',
  method: 'POST',
  path: '/v1/mails',
  summary:
    'Takes an e-mail as its source (.eml, at most 35 MB) and files it at the account of the contact who sent or received it. One that was received before adds nothing.',
  rule: mails.file,
  query: z.strictObject({
    ownerId: id('user').optional().meta({ description: 'whose it is when nobody in it is known; the caller’s when not said' }),
  }),
  accepts: 'message/rfc822',
  answer: FiledMail,
  status: 200,
  transaction: false,
})

const address = z.object({ name: z.string(), address: z.string() })

export const UnmatchedMailView = z
  .object({
    id: id('unmatched_mail'),
    version: z.number().int(),
    status: z.enum(['waiting', 'assigned', 'discarded']),
    ownerId: id('user').nullable(),
    sender: address.nullable(),
    recipients: z.array(address),
    subject: z.string(),
    excerpt: z.string().meta({ description: 'the first words of its text' }),
    sentAt: instant,
    activityId: id('activity').nullable(),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'UnmatchedMail' })

const oneMail = { service: 'account', params: z.object({ id: id('unmatched_mail') }) } as const

export const listUnmatchedMails = defineList({
  id: 'listUnmatchedMails',
  service: 'account',
  path: '/v1/unmatched-mails',
  summary: 'E-mails in which nobody is known. `status=waiting` finds those that nobody has decided on.',
  rule: mails.read,
  item: UnmatchedMailView,
  filters: { status: ['waiting', 'assigned', 'discarded'], ownerId: 'exact', createdAt: 'instant' },
  sorts: ['id', 'createdAt'],
})

export const assignUnmatchedMail = defineOperation({
  ...oneMail,
  id: 'assignUnmatchedMail',
  method: 'POST',
  path: '/v1/unmatched-mails/{id}/assign',
  summary: 'Files an unmatched e-mail at an account, with its attachments.',
  rule: mails.assign,
  body: z.strictObject({ accountId: id('account'), contactId: id('contact').optional() }).meta({ id: 'AssignUnmatchedMail' }),
  answer: z.object({ activity: ActivityDetail, leftOut: z.array(LeftOut) }).meta({ id: 'AssignedMail' }),
  transaction: false,
})

export const discardUnmatchedMail = defineOperation({
  ...oneMail,
  id: 'discardUnmatchedMail',
  method: 'POST',
  path: '/v1/unmatched-mails/{id}/discard',
  summary: 'Throws an unmatched e-mail away, with everything that is known of it but that it was received. Done again, nothing happens.',
  rule: mails.discard,
  answer: UnmatchedMailView,
})

const MailAddress = z
  .object({
    address: z.string().nullable().meta({ description: 'null: none was made yet' }),
    since: instant.nullable(),
  })
  .meta({ id: 'MailAddress' })

export const getMailAddress = defineOperation({
  id: 'getMailAddress',
  service: 'account',
  method: 'GET',
  path: '/v1/mail-address',
  summary: 'The address at which the company’s e-mails are filed, for copies and forwarding. Whoever knows it can send to it.',
  rule: mails.address,
  answer: MailAddress,
})

export const renewMailAddress = defineOperation({
  id: 'renewMailAddress',
  service: 'account',
  method: 'POST',
  path: '/v1/mail-address',
  summary: 'Makes a new address; the old one stops at once.',
  rule: mails.renew,
  answer: MailAddress,
  status: 200,
})

defineProblems({
  'mail.unreadable': {
    en: 'This is not an e-mail that can be read. Send its source as a mail program saves it (.eml): {reason}.',
    'zh-CN': '无法读取该邮件。请发送邮件程序保存的原始文件(.eml):{reason}。',
  },
  'mail.sender_unknown': {
    en: 'The sender is nobody of the company, and no contact is in the e-mail. Send it from an address that the company knows.',
    'zh-CN': '发件人不是本公司用户,且邮件中没有已知联系人。请使用公司登记的邮箱发送。',
  },
  'mail.too_many': {
    en: 'The sender has sent too many e-mails in a minute. Send it again later; at most {limit} are taken.',
    'zh-CN': '该发件人一分钟内发送的邮件过多(上限 {limit} 封)。请稍后重试。',
  },
})

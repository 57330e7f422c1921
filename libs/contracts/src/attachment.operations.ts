import { z } from 'zod'
import { permission, salesReaders, salesWriters } from './access.js'
import { defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { id, instant } from './shapes.js'

export const AttachmentView = z
  .object({
    id: id('attachment'),
    activityId: id('activity'),
    name: z.string().meta({ description: 'as it was given, made safe to save anywhere' }),
    bytes: z.number().int(),
    sha256: z.string().meta({ description: 'hash of the content, in hex' }),
    addedById: id('user').nullable().meta({ description: 'null: a program, or an e-mail, brought it' }),
    createdAt: instant,
  })
  .meta({ id: 'Attachment' })

const attachments = {
  read: permission('attachment.read', salesReaders),
  add: permission('attachment.add', salesWriters),
  remove: permission('attachment.remove', salesWriters),
}
const oneAttachment = { service: 'account', params: z.object({ id: id('attachment') }) } as const

export const addAttachment = defineOperation({
  id: 'addAttachment',
  service: 'account',
  method: 'POST',
  path: '/v1/activities/{id}/attachments',
  summary:
    'Attaches a file to an activity: documents, pictures, sound, at most 25 MB. Its content has to be what its name says. The same file under the same name again adds nothing.',
  rule: attachments.add,
  params: z.object({ id: id('activity') }),
  query: z.strictObject({
    name: z
      .string()
      .min(1)
      .max(500)
      .meta({ description: 'name of the file, with its ending', examples: ['offer.pdf'] }),
  }),
  accepts: 'application/octet-stream',
  answer: AttachmentView,
  transaction: false,
})

export const downloadAttachment = defineOperation({
  ...oneAttachment,
  id: 'downloadAttachment',
  method: 'GET',
  path: '/v1/attachments/{id}',
  summary: 'The file itself, to be saved. Whoever sees the activity sees its attachments.',
  rule: attachments.read,
  media: 'application/octet-stream',
})

export const removeAttachment = defineOperation({
  ...oneAttachment,
  id: 'removeAttachment',
  method: 'DELETE',
  path: '/v1/attachments/{id}',
  summary: 'Removes a file for good. That it was there, and who removed it, stays known. Removed again, nothing happens.',
  rule: attachments.remove,
})

defineProblems({
  'file.empty': { en: 'The file is empty. Send its content as the body.', 'zh-CN': '文件为空。请在请求正文中发送文件内容。' },
  'file.not_accepted': {
    en: 'This kind of file is not accepted. Its name ends in “{ending}”; possible: {accepted}.',
    'zh-CN': '不接受此类文件。文件扩展名为“{ending}”;可用:{accepted}。',
  },
  'file.executable': {
    en: 'The file is a program. Programs are not accepted, whatever their name.',
    'zh-CN': '该文件是可执行程序。无论文件名如何,均不接受程序文件。',
  },
  'file.disguised': {
    en: 'The file is not what its name says. Its content is not that of a .{ending} file; give it the ending it had when it was made.',
    'zh-CN': '文件内容与文件名不符。内容不是 .{ending} 文件;请使用正确的扩展名。',
  },
  'attachment.too_many': {
    en: 'The activity has as many attachments as it can have. At most {limit} are possible; remove one first.',
    'zh-CN': '该活动的附件数量已达上限({limit} 个)。请先删除一个附件。',
  },
})

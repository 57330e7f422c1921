import { z } from 'zod'
import { permission } from './access.js'
import { defineList, defineOperation } from './operation.js'
import { defineProblems } from './problems.js'
import { day, id, instant, line } from './shapes.js'

const securities = ['tls', 'starttls', 'none'] as const
const afters = ['mark_seen', 'move'] as const

const settings = {
  name: line(100),
  host: z
    .string()
    .max(253)
    .regex(/^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)*[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$|^[0-9a-fA-F:]{2,39}$/, {
      message: 'mailbox.host_malformed',
    })
    .meta({ description: 'name or address of the IMAP server', examples: ['imap.example.com'] }),
  port: z.number().int().min(1).max(65_535),
  security: z.enum(securities).meta({
    description:
      'tls: from the first byte (port 993); starttls: asked for before anything is told (port 143); none: only at an address inside the house',
  }),
  trusts: z
    .string()
    .max(20_000)
    .regex(/^\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/, { message: 'mailbox.certificate_malformed' })
    .nullable()
    .meta({ description: 'certificates (PEM) of which the server’s has to be or come from one; null: those that everybody trusts' }),
  username: line(320),
  folder: line(500).meta({ description: 'the folder that is read' }),
  after: z.enum(afters).meta({ description: 'what is done with an e-mail once it is filed: marked as read, or moved into `moveTo`' }),
  moveTo: line(500).nullable(),
  since: day.meta({ description: 'e-mails that came to the mailbox before this day (as its server counts days) are left alone' }),
  active: z.boolean().meta({ description: 'whether it is read' }),
}
const secret = line(1_000).meta({ description: 'the password; it is stored sealed and never shown' })

const trouble = z
  .object({ code: z.string(), says: z.string().meta({ description: 'in the reader’s language' }) })
  .meta({ id: 'MailboxTrouble' })

export const MailboxView = z
  .object({
    id: id('mailbox'),
    version: z.number().int(),
    ...settings,
    since: z.string(),
    state: z
      .object({
        lastReadAt: instant.nullable().meta({ description: 'when it was last read without an error' }),
        lastError: trouble.nullable().meta({ description: 'why the last turn failed; null: it did not' }),
        failures: z.number().int().meta({ description: 'turns that failed one after the other' }),
        nextReadAt: instant.nullable().meta({ description: 'null: it is not read' }),
        filed: z.number().int().meta({ description: 'e-mails that became activities, or wait to be assigned' }),
        passedBy: z.number().int().meta({ description: 'e-mails that were not taken; they stay in the folder as they are' }),
        lastPassedBy: trouble.nullable().meta({ description: 'why the last of them was not' }),
      })
      .meta({ id: 'MailboxState' }),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'Mailbox' })

const admins = { administrator: 'company' } as const
const read = permission('mailbox.read', { ...admins, sales_ops: 'company' })
const change = permission('mailbox.change', admins)
const one = { service: 'account', params: z.object({ id: id('mailbox') }) } as const

export const addMailbox = defineOperation({
  id: 'addMailbox',
  service: 'account',
  method: 'POST',
  path: '/v1/mailboxes',
  summary: 'A mailbox of the company that is read by IMAP every minute; its e-mails are filed like those sent to the company’s address.',
  rule: change,
  body: z
    .strictObject({
      ...settings,
      secret,
      port: settings.port.default(993),
      security: settings.security.default('tls'),
      trusts: settings.trusts.default(null),
      folder: settings.folder.default('INBOX'),
      after: settings.after.default('mark_seen'),
      moveTo: settings.moveTo.default(null),
      since: settings.since.optional(),
      active: settings.active.default(true),
    })
    .meta({ id: 'AddMailbox' }),
  answer: MailboxView,
})

export const listMailboxes = defineList({
  id: 'listMailboxes',
  service: 'account',
  path: '/v1/mailboxes',
  summary: 'Mailboxes, and how reading them goes.',
  rule: read,
  item: MailboxView,
  filters: { active: 'boolean', name: 'text' },
  sorts: ['id', 'name'],
})

export const getMailbox = defineOperation({
  ...one,
  id: 'getMailbox',
  method: 'GET',
  path: '/v1/mailboxes/{id}',
  summary: 'One mailbox: last success, last error, next try.',
  rule: read,
  answer: MailboxView,
})

export const changeMailbox = defineOperation({
  ...one,
  id: 'changeMailbox',
  method: 'PATCH',
  path: '/v1/mailboxes/{id}',
  summary:
    'Changes a mailbox; it is tried at once. Where host or user changes, the password has to come along: it is not handed to another server.',
  rule: change,
  body: z
    .strictObject({ ...settings, secret })
    .partial()
    .meta({ id: 'ChangeMailbox' }),
  answer: MailboxView,
})

export const deleteMailbox = defineOperation({
  ...one,
  id: 'deleteMailbox',
  method: 'DELETE',
  path: '/v1/mailboxes/{id}',
  summary: 'Forgets a mailbox and its password. What was filed stays.',
  rule: change,
})

export const checkMailbox = defineOperation({
  ...one,
  id: 'checkMailbox',
  method: 'POST',
  path: '/v1/mailboxes/{id}/check',
  summary: 'Signs in and opens the folders now, reads nothing, and says what is wrong.',
  rule: change,
  answer: z
    .object({
      ok: z.boolean(),
      trouble: trouble.nullable(),
      messages: z.number().int().nullable().meta({ description: 'e-mails in the folder' }),
    })
    .meta({ id: 'MailboxCheck' }),
  transaction: false,
})

defineProblems({
  'mailbox.host_malformed': {
    en: 'This is not the name of a server. Write it as imap.example.com, without a scheme or port.',
    'zh-CN': '服务器名称无效。请填写如 imap.example.com 的名称,不含协议和端口。',
  },
  'mailbox.certificate_malformed': {
    en: 'This is no certificate. Paste it as text, with its BEGIN and END lines.',
    'zh-CN': '证书无效。请粘贴包含 BEGIN 和 END 行的文本。',
  },
  'mailbox.no_key': {
    en: 'Passwords cannot be stored here yet. Whoever runs the platform has to set ACCOUNT_SECRET first.',
    'zh-CN': '暂时无法保存密码。请先由平台运维人员设置 ACCOUNT_SECRET。',
  },
  'mailbox.no_target': {
    en: 'It is not said where e-mails are moved to. Name the folder in moveTo.',
    'zh-CN': '未指定移动到的文件夹。请填写 moveTo。',
  },
  'mailbox.same_folder': {
    en: 'E-mails would be moved into the folder that they are read from. Name another one.',
    'zh-CN': '移动目标与读取的文件夹相同。请指定其他文件夹。',
  },
  'mailbox.secret_needed': {
    en: 'The password was given for another server or user. Send it along in secret.',
    'zh-CN': '密码是为其他服务器或用户提供的。请在 secret 中重新填写。',
  },
  'mailbox.too_many': {
    en: 'A company has at most {limit} mailboxes. Delete one first.',
    'zh-CN': '每家公司最多 {limit} 个邮箱。请先删除一个。',
  },
  'mailbox.secret_sealed': {
    en: 'The password was sealed with another ACCOUNT_SECRET. Enter it anew.',
    'zh-CN': '密码是用其他 ACCOUNT_SECRET 加密的。请重新填写密码。',
  },
  'mailbox.host_unknown': {
    en: 'There is no server of this name. Look at how the host is written.',
    'zh-CN': '找不到该服务器。请检查主机名。',
  },
  'mailbox.host_not_allowed': {
    en: 'The server is at a private address, which is not allowed. Whoever runs the platform can allow it (MAILBOX_PRIVATE_NETWORKS).',
    'zh-CN': '服务器位于内网地址,不允许连接。可由平台运维人员通过 MAILBOX_PRIVATE_NETWORKS 允许。',
  },
  'mailbox.not_encrypted': {
    en: 'Without encryption a mailbox is only read at an address inside the house. Choose tls or starttls.',
    'zh-CN': '未加密的连接仅限内网地址。请选择 tls 或 starttls。',
  },
  'mailbox.unreachable': {
    en: 'No connection comes about. Look at host and port, and whether a firewall is between.',
    'zh-CN': '无法连接。请检查主机、端口和防火墙。',
  },
  'mailbox.silent': { en: 'The server does not answer in time. It is tried again later.', 'zh-CN': '服务器未及时响应,稍后会重试。' },
  'mailbox.no_starttls': {
    en: 'The server offers no encryption on this port. Choose tls, usually on port 993.',
    'zh-CN': '该端口不支持加密。请选择 tls(通常为 993 端口)。',
  },
  'mailbox.certificate': {
    en: 'The server’s certificate is not trusted, or is for another name. Look at the host, or give its certificate in trusts.',
    'zh-CN': '服务器证书不受信任或名称不符。请检查主机名,或在 trusts 中提供证书。',
  },
  'mailbox.wrong_password': {
    en: 'The server refuses user and password. Look at both; some providers want a password made for programs.',
    'zh-CN': '服务器拒绝了用户名和密码。请检查,部分服务商需要应用专用密码。',
  },
  'mailbox.no_folder': {
    en: 'The mailbox has no folder {folder}. Look at how it is written.',
    'zh-CN': '邮箱中没有文件夹 {folder}。请检查名称。',
  },
  'mailbox.not_marked': {
    en: 'An e-mail was filed, and the server then refused to mark or move it. Look at the rights of the user in this folder.',
    'zh-CN': '邮件已归档,但服务器拒绝标记或移动。请检查该用户的文件夹权限。',
  },
  'mailbox.not_imap': {
    en: 'What the server answers cannot be understood as IMAP. Look at port and encryption.',
    'zh-CN': '服务器的应答不是 IMAP。请检查端口和加密方式。',
  },
  'mailbox.not_filed': {
    en: 'An e-mail could not be filed, for a reason of the platform’s own. It is tried again later.',
    'zh-CN': '由于平台自身原因,邮件未能归档,稍后会重试。',
  },
})

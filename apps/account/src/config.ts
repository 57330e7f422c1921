import { networks, serviceConfig, storageSettings } from '@millrace/service'
import { z } from 'zod'

/** The environment of the account service: what every service reads, where files are kept, and how e-mail arrives. */
export const accountConfig = serviceConfig.extend({
  ...storageSettings,
  MAIL_LIMIT: z.coerce.number().int().min(10_240).max(1_073_741_824).default(36_700_160).describe('largest e-mail, in bytes'),
  MAIL_DOMAIN: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/)
    .default('localhost')
    .describe('domain of the addresses at which companies receive e-mails; its MX record has to lead here'),
  MAIL_SMTP_PORT: z.coerce.number().int().min(0).max(65_535).optional().describe('port to receive e-mails on; none: they are not received'),
  MAIL_SMTP_CLIENTS: z.coerce.number().int().min(1).max(10_000).default(50).describe('connections that e-mails may arrive on at once'),
  MAIL_TLS_CERT: z.string().optional().describe('file with the certificate (PEM) for STARTTLS; none: it is not offered'),
  MAIL_TLS_KEY: z.string().optional().describe('file with the certificate’s key (PEM)'),
  ACCOUNT_SECRET: z
    .string()
    .min(32)
    .optional()
    .describe('what passwords of mailboxes are sealed with; none: no mailbox can be added. With another one they have to be entered anew'),
  MAILBOX_PRIVATE_NETWORKS: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine(areNetworks, { message: 'must be networks such as 10.0.0.0/8, with commas between' })
    .default([])
    .describe('private networks in which mailboxes may be, e.g. 10.0.0.0/8; none: their servers have public addresses'),
  MAILBOX_TIMEOUT_SECONDS: z.coerce.number().int().min(1).max(300).default(30).describe('how long the server of a mailbox may be silent'),
  MAIL_SENDER_RATE: z.coerce.number().int().min(1).default(30).describe('e-mails that are taken from one sender in a minute'),
})
export type AccountConfig = z.infer<typeof accountConfig>

function areNetworks(list: readonly string[]): boolean {
  try {
    networks(list)
    return true
  } catch {
    return false
  }
}

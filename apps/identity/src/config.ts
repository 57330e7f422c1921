import { serviceConfig } from '@millrace/service'
import { z } from 'zod'

/** The environment of identity: what every service reads, and what the sign-in needs. */
export const identityConfig = serviceConfig.extend({
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .refine((text) => new URL(text).pathname === '/' && !new URL(text).search, { message: 'must have no path' })
    .transform((text) => new URL(text).origin)
    .describe('address under which people and programs reach the platform; it is the issuer of tokens'),
  IDENTITY_SECRET: z
    .string()
    .min(32)
    .describe('what signing keys, sessions and cookies are sealed with; never change it on a running installation'),
  BOOTSTRAP_CLIENT_ID: z
    .string()
    .regex(/^[a-z][a-z0-9-]{2,60}$/)
    .optional()
    .describe('client id of the platform’s operator, who creates tenants; none: nobody can'),
  BOOTSTRAP_CLIENT_SECRET: z.string().min(16).optional().describe('secret of the operator’s client'),
})
export type IdentityConfig = z.infer<typeof identityConfig>

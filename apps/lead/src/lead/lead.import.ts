import { line, text } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import type { ImportKind } from '@millrace/service'
import { z } from 'zod'
import type { LeadService } from './lead.service.js'

/** Leads from a file. `externalId` makes a repeat add nothing. */
const fields = z.object({
  externalId: line(200).optional(),
  companyName: line(200).optional(),
  contactName: line(200).optional(),
  jobTitle: line(100).optional(),
  email: z.email({ message: 'email.malformed' }).max(320).optional(),
  phone: line(40).min(3).optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  source: line(100).optional(),
  channel: line(100).optional(),
  campaign: line(100).optional(),
  note: text(5000).optional(),
  tags: z
    .string()
    .transform((given) =>
      given
        .split(/[,;，；、|]/)
        .map((tag) => tag.trim())
        .filter(Boolean),
    )
    .pipe(z.array(line(60)).max(50))
    .optional(),
  owner: line(320).optional(),
  pool: line(100).optional(),
  createdAt: z
    .union([z.iso.date(), z.iso.datetime({ offset: true })], { message: 'date.malformed' })
    .transform((given) => new Date(given))
    .optional(),
})

export function leadImport(leads: LeadService): ImportKind<typeof fields> {
  return {
    kind: 'leads',
    shape: fields,
    custom: 'lead',
    async apply(tx, rows) {
      const [colleagues, pools] = [await leads.colleagues(), await leads.pools(tx)]
      const good: Parameters<LeadService['importAll']>[1][number][] = []
      const refusals = rows.map(({ custom, fields: { owner, pool, ...given } }) => {
        const found = owner ? colleagues.get(owner.toLowerCase()) : null
        if (found === undefined) return Refusal.invalid('reference.unknown', { field: 'owner', value: owner })
        const into = pool ? pools.get(pool.toLowerCase()) : null
        if (into === undefined) return Refusal.invalid('reference.unknown', { field: 'pool', value: pool })
        if (found && into) return Refusal.invalid('lead.owner_and_pool')
        if (!given.externalId && !given.companyName && !given.contactName && !given.email && !given.phone)
          return Refusal.invalid('lead.nameless')
        good.push({ ...given, custom, ownerId: (found?.id as Id<'user'> | undefined) ?? null, poolId: into })
        return undefined
      })
      const outcomes = await leads.importAll(tx, good)
      return refusals.map((refusal) => refusal ?? outcomes.shift()!)
    },
  }
}

import { Refusal, type Id } from '@millrace/domain'
import type { ImportKind } from '@millrace/service'
import { z } from 'zod'
import type { LeadService } from './lead.service.js'

const short = z.string().max(200).optional()

/** Leads from a file. `externalId` makes a repeat add nothing. */
const fields = z.object({
  externalId: z.string().max(200).optional(),
  companyName: short,
  contactName: short,
  jobTitle: z.string().max(100).optional(),
  email: z.email({ message: 'email.malformed' }).max(320).optional(),
  phone: z.string().min(3).max(40).optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  source: z.string().max(100).optional(),
  channel: z.string().max(100).optional(),
  campaign: z.string().max(100).optional(),
  note: z.string().max(5000).optional(),
  owner: z.string().max(320).optional(),
  createdAt: z.coerce.date().optional(),
})

export function leadImport(leads: LeadService): ImportKind<typeof fields> {
  return {
    kind: 'leads',
    shape: fields,
    async apply(tx, rows) {
      const colleagues = await leads.colleagues()
      const good: Parameters<LeadService['importAll']>[1][number][] = []
      const refusals = rows.map(({ fields: { owner, ...given } }) => {
        const found = owner ? colleagues.get(owner.toLowerCase()) : null
        if (found === undefined) return Refusal.invalid('reference.unknown', { field: 'owner', value: owner })
        if (!given.externalId && !given.companyName && !given.contactName && !given.email && !given.phone)
          return Refusal.invalid('lead.nameless')
        good.push({ ...given, ownerId: (found?.id as Id<'user'> | undefined) ?? null })
        return undefined
      })
      const outcomes = await leads.importAll(tx, good)
      return refusals.map((refusal) => refusal ?? outcomes.shift()!)
    },
  }
}

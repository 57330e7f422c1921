import { z } from 'zod'
import { roles } from './access.js'
import { defineEvent } from './event.js'
import { id, language, line, zone } from './shapes.js'

/** A unit of the organisation as others need to know it. `path` is the ids from the root down, e.g. `/unit_a/unit_b/`. */
const unit = z.object({
  unitId: id('org_unit'),
  name: line(200),
  parentId: id('org_unit').nullable(),
  path: z.string().max(2000),
})

/** A person of the company as others need to know them. */
const user = z.object({
  userId: id('user'),
  name: line(200),
  email: z.string().max(320),
  unitId: id('org_unit').nullable(),
  roles: z.array(z.enum(roles)),
  active: z.boolean(),
})

export const TenantCreated = defineEvent(
  'tenant.created',
  1,
  z.object({ tenantId: id('tenant'), name: line(200), currency: z.string().length(3), zone }),
  'A company begins to use the platform.',
)
export const TenantChanged = defineEvent(
  'tenant.changed',
  1,
  z.object({ tenantId: id('tenant'), name: line(200), currency: z.string().length(3), zone, language }),
  'A company’s name, time zone or language changed.',
)
export const OrgUnitCreated = defineEvent('org_unit.created', 1, unit, 'A unit was added to the organisation.')
export const OrgUnitChanged = defineEvent(
  'org_unit.changed',
  1,
  unit,
  'A unit was renamed or moved; those below it follow with events of their own.',
)
export const UserCreated = defineEvent('user.created', 1, user, 'A person joined the company’s users.')
export const UserChanged = defineEvent('user.changed', 1, user, 'A person’s name, unit, roles or activity changed.')

const client = z.object({ clientId: id('api_client'), name: line(200), roles: z.array(z.enum(roles)) })

export const ApiClientCreated = defineEvent('api_client.created', 1, client, 'A program may call the API.')
export const ApiClientChanged = defineEvent('api_client.changed', 1, client, 'A program’s name, roles or secret changed.')
export const ApiClientRevoked = defineEvent('api_client.revoked', 1, client, 'A program may no longer call the API.')

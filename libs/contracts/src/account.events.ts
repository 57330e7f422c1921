import { z } from 'zod'
import { customInEvents } from './custom-field.operations.js'
import { defineEvent } from './event.js'
import { id, instant, line } from './shapes.js'

const account = z.object({
  accountId: id('account'),
  name: line(200),
  ownerId: id('user').nullable(),
  parentId: id('account').nullable(),
  industry: line(100).nullable(),
  country: z.string().max(2).nullable(),
  class: z.enum(['key', 'sme', 'individual']).nullable().optional(),
  custom: customInEvents,
})

const contact = z.object({
  contactId: id('contact'),
  accountId: id('account').nullable(),
  name: line(200),
  email: z.string().max(320).nullable(),
  phone: z.string().max(40).nullable(),
  roles: z.array(z.string().max(60)),
  custom: customInEvents,
})

export const AccountOpened = defineEvent(
  'account.opened',
  1,
  account,
  'A company became an account: by hand, by import or by the conversion of a lead.',
)
export const AccountChanged = defineEvent('account.changed', 1, account, 'Base data, owner or parent of an account changed.')
export const AccountMerged = defineEvent(
  'account.merged',
  1,
  z.object({ accountId: id('account'), into: id('account') }),
  'An account turned out to be the same as another one and became part of it; whoever knows it by its id goes on with that one.',
)
export const AccountPoolWarned = defineEvent(
  'account.pool_warned',
  1,
  z.object({ accountId: id('account'), ownerId: id('user'), idleSince: instant, poolsAt: instant }),
  'Nobody has been in contact with an account for long and it has no open deal: unless that changes it goes into the pool at `poolsAt`.',
)
export const AccountPooled = defineEvent(
  'account.pooled',
  1,
  z.object({
    accountId: id('account'),
    formerOwnerId: id('user').nullable(),
    idleSince: instant.nullable().meta({ description: 'when somebody last dealt with it; null: it was given back by hand' }),
  }),
  'An account went into the pool: nobody owns it until somebody claims it. `account.changed` tells it, too.',
)
export const AccountClaimed = defineEvent(
  'account.claimed',
  1,
  z.object({ accountId: id('account'), ownerId: id('user') }),
  'Somebody took an account out of the pool and owns it now. `account.changed` tells it, too.',
)
export const ContactAdded = defineEvent('contact.added', 1, contact, 'A person at an account became known.')
export const ContactChanged = defineEvent('contact.changed', 1, contact, 'Data of a contact changed.')
const activity = z.object({
  activityId: id('activity'),
  kind: z.enum(['call', 'visit', 'email', 'meeting', 'note']),
  accountId: id('account'),
  contactId: id('contact').nullable(),
  opportunityId: id('opportunity').nullable(),
  ownerId: id('user').nullable(),
  custom: customInEvents,
})

export const ActivityLogged = defineEvent(
  'activity.logged',
  1,
  activity,
  'Somebody called, visited, wrote to or met a customer, or left a note; `time` is when it took place.',
)
export const ActivityChanged = defineEvent(
  'activity.changed',
  1,
  activity,
  'What was noted of a call, visit, e-mail, meeting or note was corrected; `time` is when it took place.',
)

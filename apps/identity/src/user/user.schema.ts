import { aggregateSchema } from '@millrace/service'
import { User } from './user.js'

export const UserSchema = aggregateSchema(User, '"user"', {
  name: 'text',
  email: 'text',
  emailKey: 'text',
  unitId: 'text',
  roles: 'json',
  active: 'boolean',
  externalId: 'text?',
})

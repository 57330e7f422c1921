import { aggregateSchema } from '@millrace/service'
import { Calendar } from './calendar.js'

export const CalendarSchema = aggregateSchema(Calendar, 'calendar', {
  name: 'text',
  zone: 'text',
  week: 'json',
  exceptions: 'json',
  isDefault: 'boolean',
  unitIds: 'json',
  userIds: 'json',
})

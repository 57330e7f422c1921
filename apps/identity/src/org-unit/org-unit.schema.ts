import { aggregateSchema } from '@millrace/service'
import { OrgUnit } from './org-unit.js'

export const OrgUnitSchema = aggregateSchema(OrgUnit, 'org_unit', { name: 'text', nameKey: 'text', parentId: 'text?', path: 'text' })

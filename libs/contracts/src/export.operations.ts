import { z } from 'zod'
import { everybody, permission, type Permission } from './access.js'
import { defineOperation, fileFormat } from './operation.js'
import { audits, servedId } from './platform.operations.js'
import { instant } from './shapes.js'
import { services, type ServiceName } from './services.js'

/**
 * Who may have a list as a file, besides seeing it. Reps their own records: they can copy what they see anyway, and so it is at least noted. What they
 * only look at (a pool, colleagues' records) they cannot carry away.
 */
export const listExport: Permission = permission('list.export', { ...everybody, sales_manager: 'subtree', sales_rep: 'own' })

export const ExportView = z
  .object({
    id: servedId('export'),
    list: z.string().meta({ description: 'operation id of the list, e.g. listLeads' }),
    format: fileFormat,
    query: z.record(z.string(), z.unknown()).meta({ description: 'filters, sorting and fields that were asked for' }),
    actorId: z.string().nullable(),
    startedAt: instant,
    rows: z
      .number()
      .int()
      .nullable()
      .meta({ description: 'rows that were handed out; unknown while it runs, or when the service died meanwhile' }),
    complete: z.boolean().meta({ description: 'whether the file was read to its end' }),
  })
  .meta({ id: 'Export' })

export const listExports = defineOperation({
  id: 'listExports',
  service: 'each',
  method: 'GET',
  path: '/v1/exports',
  summary: 'Who had which list of a service as a file, newest first (at most 100).',
  rule: audits,
  query: z.strictObject({ service: z.enum(Object.keys(services) as [ServiceName, ...ServiceName[]]) }),
  answer: z.object({ data: z.array(ExportView), next: z.null() }),
})

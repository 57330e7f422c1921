import { Injectable } from '@nestjs/common'
import { importKinds, type Answer, type ImportKindName, type ImportMapping, type saveImportMapping } from '@millrace/contracts'
import { newId, Refusal } from '@millrace/domain'
import { Clock } from '../clock.js'
import { Database } from '../database.js'

interface SavedMapping {
  readonly id: string
  readonly kind: ImportKindName
  readonly name: string
  readonly columns: readonly string[]
  readonly mapping: ImportMapping
  readonly updated_at: Date
}

const atMost = 200

/** Mappings that a company keeps for files that come again and again. */
@Injectable()
export class SavedMappings {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Saves a mapping under a name; one of the same name is replaced and keeps its id. */
  save(kind: ImportKindName, name: string, columns: readonly string[], mapping: ImportMapping): Promise<Answer<typeof saveImportMapping>> {
    return this.database.transaction(async (tx) => {
      tx.lockKeys([`${kind} import mappings`])
      const [others] = await tx.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM import_mapping WHERE kind = $1 AND name <> $2',
        [kind, name],
      )
      if (others!.count >= atMost) throw new Refusal('import.too_many_mappings', { limit: atMost })
      const saved = await tx.one<SavedMapping>(
        `INSERT INTO import_mapping (id, kind, name, columns, mapping, updated_at) VALUES ($1, $2, $3, $4::jsonb, $5::jsonb, $6)
         ON CONFLICT (tenant_id, kind, name) DO UPDATE SET columns = EXCLUDED.columns, mapping = EXCLUDED.mapping, updated_at = EXCLUDED.updated_at
         RETURNING *`,
        [newId(`${importKinds[kind]}_import_mapping`), kind, name, JSON.stringify(columns), JSON.stringify(mapping), this.clock.now()],
      )
      return view(saved!)
    })
  }

  async list(kind: ImportKindName) {
    const saved = await this.database.query<SavedMapping>('SELECT * FROM import_mapping WHERE kind = $1 ORDER BY name LIMIT 200', [kind])
    return { data: saved.map(view), next: null }
  }

  async get(kind: ImportKindName, id: string): Promise<SavedMapping> {
    const saved = await this.database.one<SavedMapping>('SELECT * FROM import_mapping WHERE id = $1 AND kind = $2', [id, kind])
    if (!saved) throw Refusal.notFound('import_mapping', id)
    return saved
  }

  async forget(id: string): Promise<void> {
    const [gone] = await this.database.query('DELETE FROM import_mapping WHERE id = $1 RETURNING id', [id])
    if (!gone) throw Refusal.notFound('import_mapping', id)
  }

  /** The newest mapping that was saved for files with these columns, in whatever order. */
  async forColumns(kind: ImportKindName, columns: readonly string[]): Promise<SavedMapping | undefined> {
    const saved = await this.database.query<SavedMapping>('SELECT * FROM import_mapping WHERE kind = $1 ORDER BY updated_at DESC', [kind])
    return saved.find((one) => keyOf(one.columns) === keyOf(columns))
  }
}

function keyOf(columns: readonly string[]): string {
  return JSON.stringify(columns.filter((column) => column && !ours.has(column)).toSorted())
}

/** The columns that we add to rejected rows. */
export const ours: ReadonlySet<string> = new Set(['row', 'reason'])

function view({ updated_at: updatedAt, columns, ...saved }: SavedMapping): Answer<typeof saveImportMapping> {
  const { id, kind, name, mapping } = saved
  return { id, kind, name, columns: [...columns], mapping, updatedAt }
}

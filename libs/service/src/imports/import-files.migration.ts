import { migration } from '../migrate.js'

export const importFilesMigration = migration(
  '0002-import',
  `
ALTER TABLE import DROP CONSTRAINT import_status_check;
ALTER TABLE import
  ADD CONSTRAINT import_status_check CHECK (status IN ('receiving', 'waiting', 'queued', 'running', 'done', 'failed')),
  ADD COLUMN format text NOT NULL DEFAULT 'csv' CHECK (format IN ('csv', 'xlsx')),
  ADD COLUMN encoding text NOT NULL DEFAULT 'utf-8',
  ADD COLUMN separator text NOT NULL DEFAULT 'comma',
  ADD COLUMN columns jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN sheets jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN sheet text,
  ADD COLUMN total_rows int,
  ADD COLUMN styles jsonb;

CREATE TABLE import_mapping (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  columns jsonb NOT NULL,
  mapping jsonb NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, kind, name)
);
SELECT tenant_table('import_mapping');

-- Which list was exported by whom is asked for over all records.
CREATE INDEX audit_exports ON audit (tenant_id, seq) WHERE aggregate = 'export';
`,
)

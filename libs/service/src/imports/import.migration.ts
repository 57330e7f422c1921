import { migration } from '../migrate.js'

export const importMigration = migration(
  '0001-import',
  `
CREATE TABLE import (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  status text NOT NULL CHECK (status IN ('receiving', 'queued', 'running', 'done', 'failed')),
  mapping jsonb NOT NULL,
  actor jsonb NOT NULL,
  bytes bigint NOT NULL DEFAULT 0,
  rows int NOT NULL DEFAULT 0,
  added int NOT NULL DEFAULT 0,
  existing int NOT NULL DEFAULT 0,
  rejected int NOT NULL DEFAULT 0,
  rules jsonb NOT NULL DEFAULT '[]',
  problem text,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ON import (status) WHERE status IN ('queued', 'running');
SELECT tenant_table('import', platform => true);

CREATE TABLE import_chunk (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  import_id text COLLATE "C" NOT NULL,
  n int NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (tenant_id, import_id, n)
);
SELECT tenant_table('import_chunk');

CREATE TABLE import_rejection (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  import_id text COLLATE "C" NOT NULL,
  row int NOT NULL,
  cells jsonb NOT NULL,
  code text NOT NULL,
  details jsonb NOT NULL,
  PRIMARY KEY (tenant_id, import_id, row)
);
SELECT tenant_table('import_rejection');
`,
)

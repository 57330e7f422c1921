import { migration } from '../migrate.js'

export const customFieldMigration = migration(
  '0004-custom-field',
  `
CREATE TABLE custom_field (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  record text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL CHECK (key ~ '^[a-z0-9_]{1,40}$'),
  type text NOT NULL CHECK (type IN ('text', 'number', 'money', 'date', 'choice', 'multi_choice', 'user', 'account', 'link')),
  decimals int,
  currency text,
  labels jsonb NOT NULL,
  help jsonb,
  options jsonb NOT NULL,
  required text NOT NULL,
  position int NOT NULL,
  private boolean NOT NULL,
  active boolean NOT NULL,
  index_status text NOT NULL CHECK (index_status IN ('none', 'building', 'ready')),
  index_after text COLLATE "C" NOT NULL,
  index_rows int NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, record, key)
);
CREATE INDEX custom_field_building ON custom_field (index_status) WHERE index_status = 'building';
SELECT tenant_table('custom_field', platform => true);

-- The index of custom fields, as rows: the application owns nothing and makes no index of Postgres, and under row-level security only leakproof
-- comparisons reach one, which those of texts are. Values are written so that they sort as texts.
CREATE TABLE custom_value (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  record text COLLATE "C" NOT NULL,
  field_key text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, record, field_key, value, record_id)
);
CREATE INDEX custom_value_record ON custom_value (tenant_id, record_id, field_key);
SELECT tenant_table('custom_value');
`,
)

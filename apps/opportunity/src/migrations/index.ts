import { handoverMigration, migration } from '@millrace/service'

/** The opportunity service's own database, step by step; forward only. */
export const opportunityMigrations = [
  migration(
    '0100-opportunity',
    `
CREATE TABLE process (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'published', 'retired')),
  family text COLLATE "C" NOT NULL,
  number int NOT NULL,
  name jsonb NOT NULL,
  is_default boolean NOT NULL CHECK (NOT is_default OR status = 'published'),
  stages jsonb NOT NULL,
  published_at timestamptz,
  retired_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX process_number ON process (tenant_id, family, number);
CREATE UNIQUE INDEX process_draft ON process (tenant_id, family) WHERE status = 'draft';
CREATE UNIQUE INDEX process_published ON process (tenant_id, family) WHERE status = 'published';
CREATE UNIQUE INDEX process_default ON process (tenant_id) WHERE is_default;
SELECT tenant_table('process');

CREATE TABLE opportunity (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'won', 'lost')),
  title text NOT NULL,
  account_id text COLLATE "C",
  account_name text,
  owner_id text COLLATE "C",
  process_id text COLLATE "C" NOT NULL,
  stage text NOT NULL,
  stage_name jsonb NOT NULL,
  stage_entered_at timestamptz NOT NULL,
  probability numeric NOT NULL CHECK (probability BETWEEN 0 AND 100),
  ceiling numeric NOT NULL,
  done jsonb NOT NULL,
  visits jsonb NOT NULL,
  amount_minor bigint,
  amount_currency text,
  products jsonb NOT NULL,
  expected_close_on date,
  source text,
  external_id text COLLATE "C",
  lead_id text,
  contract_id text,
  exemption text,
  loss_reason text,
  competitor text,
  close_note text,
  closed_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, process_id) REFERENCES process (tenant_id, id),
  CHECK ((amount_minor IS NULL) = (amount_currency IS NULL)),
  CHECK ((status = 'open') = (closed_at IS NULL))
);
CREATE INDEX opportunity_owner ON opportunity (tenant_id, owner_id, id);
CREATE INDEX opportunity_account ON opportunity (tenant_id, account_id, id);
CREATE INDEX opportunity_stage ON opportunity (tenant_id, process_id, stage, id) WHERE status = 'open';
CREATE INDEX opportunity_status ON opportunity (tenant_id, status, id);
CREATE INDEX opportunity_created ON opportunity (tenant_id, created_at, id);
CREATE INDEX opportunity_closed ON opportunity (tenant_id, closed_at, id) WHERE closed_at IS NOT NULL;
CREATE UNIQUE INDEX opportunity_external_id ON opportunity (tenant_id, external_id) WHERE external_id IS NOT NULL;
SELECT tenant_table('opportunity');

CREATE TABLE known_account (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX known_account_name ON known_account (tenant_id, lower(name), id);
SELECT tenant_table('known_account');

CREATE TABLE known_product (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  active boolean NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX known_product_name ON known_product (tenant_id, lower(name), id);
SELECT tenant_table('known_product');
`,
  ),
  handoverMigration('0101', 'opportunity'),
  migration(
    '0180-account-merged',
    `
ALTER TABLE known_account ADD COLUMN merged_into text COLLATE "C";
`,
  ),
]

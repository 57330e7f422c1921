import { migration } from '@millrace/service'

/** The insight service's own database, step by step; forward only. Everything in it is learnt from events. */
export const insightMigrations = [
  migration(
    '0100-insight',
    `
CREATE TABLE journey_step (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  journey_id text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  service text NOT NULL,
  event text NOT NULL,
  aggregate text NOT NULL,
  subject text COLLATE "C" NOT NULL,
  sequence int NOT NULL,
  actor_id text COLLATE "C",
  facts jsonb NOT NULL,
  PRIMARY KEY (tenant_id, journey_id, event_id)
);
SELECT tenant_table('journey_step');

-- Which records are on a journey, and who told: a row belongs to one aggregate's events alone, so events of two never wait for each other.
CREATE TABLE journey_record (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  record_id text COLLATE "C" NOT NULL,
  journey_id text COLLATE "C" NOT NULL,
  told_by text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  owner_sequence int,
  PRIMARY KEY (tenant_id, record_id, journey_id, told_by)
);
CREATE INDEX journey_record_journey ON journey_record (tenant_id, journey_id, owner_id);
SELECT tenant_table('journey_record');

CREATE TABLE deal (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  sequence int NOT NULL,
  account_id text COLLATE "C",
  owner_id text COLLATE "C",
  process_id text COLLATE "C" NOT NULL,
  stage_key text COLLATE "C" NOT NULL,
  stage_name text NOT NULL,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'won', 'lost')),
  product_ids jsonb NOT NULL,
  amount_minor bigint,
  amount_currency text,
  opened_at timestamptz NOT NULL,
  closed_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX deal_process ON deal (tenant_id, process_id, opened_at);
CREATE INDEX deal_owner ON deal (tenant_id, owner_id, opened_at);
CREATE INDEX deal_account ON deal (tenant_id, account_id, opened_at);
CREATE INDEX deal_opened ON deal (tenant_id, opened_at);
CREATE INDEX deal_closed ON deal (tenant_id, closed_at) WHERE closed_at IS NOT NULL;
SELECT tenant_table('deal');

CREATE TABLE stage_visit (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  deal_id text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  stage_key text COLLATE "C" NOT NULL,
  entered_at timestamptz NOT NULL,
  left_at timestamptz,
  PRIMARY KEY (tenant_id, deal_id, event_id)
);
SELECT tenant_table('stage_visit');

CREATE TABLE sales_process (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  family text COLLATE "C" NOT NULL,
  number int NOT NULL,
  names jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX sales_process_family ON sales_process (tenant_id, family, number);
SELECT tenant_table('sales_process');

CREATE TABLE process_stage (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  process_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  position int NOT NULL,
  names jsonb NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('open', 'won')),
  PRIMARY KEY (tenant_id, process_id, key)
);
SELECT tenant_table('process_stage');

CREATE TABLE known_account (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  sequence int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('known_account');

CREATE TABLE known_product (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  sequence int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('known_product');

CREATE TABLE known_tenant (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  zone text NOT NULL,
  sequence int NOT NULL
);
SELECT tenant_table('known_tenant');
`,
  ),
]

import { handoverMigration, migration } from '@millrace/service'

/** The lead service's own database, step by step; forward only. */
export const leadMigrations = [
  migration(
    '0100-lead',
    `
CREATE TABLE lead (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('new', 'assigned', 'working', 'qualified', 'converted', 'pooled', 'nurturing', 'disqualified')),
  company_name text,
  company_key text,
  contact_name text,
  contact_key text,
  job_title text,
  email text,
  email_key text,
  phone text,
  phone_key text,
  country text,
  source text,
  channel text,
  campaign text,
  note text,
  owner_id text COLLATE "C",
  external_id text COLLATE "C",
  duplicate_of jsonb NOT NULL,
  disqualified_reason text,
  account_id text,
  contact_id text,
  opportunity_id text,
  converted_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX lead_owner ON lead (tenant_id, owner_id, id);
CREATE INDEX lead_status ON lead (tenant_id, status, id);
CREATE INDEX lead_created ON lead (tenant_id, created_at, id);
CREATE INDEX lead_email ON lead (tenant_id, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX lead_phone ON lead (tenant_id, phone_key) WHERE phone_key IS NOT NULL;
CREATE INDEX lead_company ON lead (tenant_id, company_key, contact_key) WHERE company_key IS NOT NULL;
CREATE UNIQUE INDEX lead_external_id ON lead (tenant_id, external_id) WHERE external_id IS NOT NULL;
SELECT tenant_table('lead');

CREATE TABLE lead_settings (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  duplicates text NOT NULL DEFAULT 'flag' CHECK (duplicates IN ('refuse', 'flag')),
  default_country text NOT NULL DEFAULT 'CN',
  version int NOT NULL DEFAULT 1
);
SELECT tenant_table('lead_settings');
`,
  ),
  migration(
    '0110-likeness',
    `
ALTER TABLE lead ADD COLUMN customers jsonb NOT NULL DEFAULT '[]';
ALTER TABLE lead ADD COLUMN merged_into text COLLATE "C";
ALTER TABLE lead DROP CONSTRAINT lead_status_check;
ALTER TABLE lead ADD CONSTRAINT lead_status_check
  CHECK (status IN ('new', 'assigned', 'working', 'qualified', 'converted', 'pooled', 'nurturing', 'disqualified', 'merged'));
ALTER TABLE lead ADD COLUMN wake_at timestamptz;
ALTER TABLE lead_settings DROP CONSTRAINT lead_settings_duplicates_check;
ALTER TABLE lead_settings ADD CONSTRAINT lead_settings_duplicates_check CHECK (duplicates IN ('refuse', 'flag', 'merge'));
CREATE INDEX lead_alike ON lead (tenant_id, id) WHERE duplicate_of <> '[]';

CREATE TABLE lead_apart (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  lead_id text COLLATE "C" NOT NULL,
  other_id text COLLATE "C" NOT NULL CHECK (lead_id < other_id),
  decided_by text NOT NULL,
  decided_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, lead_id, other_id)
);
SELECT tenant_table('lead_apart');

-- Rows and not an array with GIN: under row-level security only leakproof comparisons reach an index, and equality of texts is one.
CREATE TABLE lead_company_token (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  token text COLLATE "C" NOT NULL,
  lead_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, token, lead_id)
);
CREATE INDEX lead_company_token_lead ON lead_company_token (tenant_id, lead_id);
SELECT tenant_table('lead_company_token');

-- Leads from before, until the service has indexed them.
CREATE TABLE lead_not_indexed (
  tenant_id text NOT NULL,
  lead_id text COLLATE "C" NOT NULL,
  company_name text NOT NULL,
  PRIMARY KEY (tenant_id, lead_id)
);
SELECT tenant_table('lead_not_indexed', platform => true);
ALTER TABLE lead NO FORCE ROW LEVEL SECURITY;
ALTER TABLE lead_not_indexed NO FORCE ROW LEVEL SECURITY;
INSERT INTO lead_not_indexed SELECT tenant_id, id, company_name FROM lead WHERE company_name IS NOT NULL;
ALTER TABLE lead_not_indexed FORCE ROW LEVEL SECURITY;
ALTER TABLE lead FORCE ROW LEVEL SECURITY;

-- When nurtured leads are to be looked at again, over all companies. A row that outlived its day does nothing.
CREATE TABLE lead_wake (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  lead_id text COLLATE "C" NOT NULL,
  wake_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, lead_id)
);
CREATE INDEX lead_wake_at ON lead_wake (wake_at);
SELECT tenant_table('lead_wake', platform => true);

CREATE TABLE known_account (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  sequence int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('known_account');

CREATE TABLE known_account_token (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  token text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, token, account_id)
);
CREATE INDEX known_account_token_account ON known_account_token (tenant_id, account_id);
SELECT tenant_table('known_account_token');

CREATE TABLE known_contact (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C",
  contact_key text,
  email_key text,
  phone_key text,
  sequence int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX known_contact_email ON known_contact (tenant_id, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX known_contact_phone ON known_contact (tenant_id, phone_key) WHERE phone_key IS NOT NULL;
SELECT tenant_table('known_contact');
`,
  ),
  migration(
    '0120-pool',
    `
CREATE TABLE pool (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  max_held int CHECK (max_held > 0),
  max_per_day int CHECK (max_per_day > 0),
  blocked_days int NOT NULL CHECK (blocked_days >= 0),
  unit_ids jsonb NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('pool');

ALTER TABLE lead
  ADD COLUMN pool_id text COLLATE "C",
  ADD COLUMN pooled_at timestamptz,
  ADD COLUMN pooled_reason text,
  ADD COLUMN former_owner_id text COLLATE "C";
CREATE INDEX lead_status_created ON lead (tenant_id, status, created_at, id);
CREATE INDEX lead_pool ON lead (tenant_id, pool_id, owner_id, id) WHERE pool_id IS NOT NULL;

CREATE TABLE lead_claim (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  user_id text COLLATE "C" NOT NULL,
  pool_id text COLLATE "C" NOT NULL,
  claimed_at timestamptz NOT NULL,
  lead_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, user_id, pool_id, claimed_at, lead_id)
);
SELECT tenant_table('lead_claim');

CREATE TABLE known_tenant (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  zone text NOT NULL,
  sequence int NOT NULL
);
SELECT tenant_table('known_tenant');
`,
  ),
  migration(
    '0130-score',
    `
ALTER TABLE lead
  ADD COLUMN tags jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN utm jsonb,
  ADD COLUMN score int CHECK (score BETWEEN 0 AND 100),
  ADD COLUMN grade text CHECK (grade IN ('A', 'B', 'C', 'D')),
  ADD COLUMN score_parts jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN scorecard_id text COLLATE "C";
CREATE INDEX lead_score ON lead (tenant_id, score, id) WHERE score IS NOT NULL;

CREATE TABLE scorecard (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'active', 'retired')),
  name text NOT NULL,
  rules jsonb NOT NULL,
  grades jsonb NOT NULL,
  activated_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX scorecard_active ON scorecard (tenant_id) WHERE status = 'active';
SELECT tenant_table('scorecard');

-- How far the open leads of a company are scored anew, until all are.
CREATE TABLE rescoring (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  scorecard_id text COLLATE "C" NOT NULL,
  after_id text COLLATE "C" NOT NULL,
  done int NOT NULL,
  of int NOT NULL
);
SELECT tenant_table('rescoring', platform => true);

CREATE TABLE score_model (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('training', 'trained', 'used', 'failed')),
  success text NOT NULL,
  among text NOT NULL,
  fields jsonb NOT NULL,
  training jsonb,
  problem text,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX score_model_training ON score_model (id) WHERE status = 'training';
CREATE UNIQUE INDEX score_model_used ON score_model (tenant_id) WHERE status = 'used';
SELECT tenant_table('score_model', platform => true);
`,
  ),
  migration(
    '0135-form',
    `
CREATE TABLE lead_form (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  key text COLLATE "C" NOT NULL UNIQUE,
  name text NOT NULL,
  fields jsonb NOT NULL,
  origins jsonb NOT NULL,
  source text,
  channel text,
  campaign text,
  tags jsonb NOT NULL,
  thanks jsonb,
  consent jsonb,
  per_minute int NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('lead_form', platform => true);

-- What was sent, once each; lead_id is null of what a machine sent.
CREATE TABLE lead_form_submission (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  form_id text COLLATE "C" NOT NULL,
  submission text COLLATE "C" NOT NULL,
  lead_id text COLLATE "C",
  spam boolean NOT NULL,
  received_at timestamptz NOT NULL,
  page text,
  consent text,
  PRIMARY KEY (tenant_id, form_id, submission)
);
SELECT tenant_table('lead_form_submission');
`,
  ),
  migration(
    '0140-assignment',
    `
-- The directory knows the company's zone now.
ALTER TABLE known_tenant NO FORCE ROW LEVEL SECURITY;
ALTER TABLE directory_company NO FORCE ROW LEVEL SECURITY;
INSERT INTO directory_company (tenant_id, zone, version) SELECT tenant_id, zone, sequence FROM known_tenant ON CONFLICT DO NOTHING;
ALTER TABLE directory_company FORCE ROW LEVEL SECURITY;
DROP TABLE known_tenant;

CREATE TABLE assignment_rule (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  position int NOT NULL,
  condition text NOT NULL,
  target jsonb NOT NULL,
  strategy text NOT NULL CHECK (strategy IN ('round_robin', 'least_loaded', 'capacity_weighted')),
  at_work_only boolean NOT NULL,
  pool_id text COLLATE "C",
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('assignment_rule');

CREATE TABLE territory (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  parent_id text COLLATE "C",
  condition text NOT NULL,
  member_ids jsonb NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('territory');

CREATE TABLE assignment_settings (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  capacity int CHECK (capacity >= 0),
  capacities jsonb NOT NULL,
  version int NOT NULL DEFAULT 1
);
SELECT tenant_table('assignment_settings');

-- When each rule gave each person a lead last, counted in gifts of the rule.
CREATE TABLE assignment_turn (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  user_id text COLLATE "C" NOT NULL,
  rule_id text COLLATE "C" NOT NULL,
  turn int NOT NULL,
  PRIMARY KEY (tenant_id, rule_id, user_id)
);
CREATE INDEX assignment_turn_user ON assignment_turn (tenant_id, user_id);
SELECT tenant_table('assignment_turn');

CREATE TABLE lead_assignment (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  lead_id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  rule_id text COLLATE "C" NOT NULL,
  rule_name text NOT NULL,
  territory_id text COLLATE "C",
  user_id text COLLATE "C",
  pool_id text COLLATE "C",
  considered jsonb NOT NULL,
  PRIMARY KEY (tenant_id, lead_id, at)
);
SELECT tenant_table('lead_assignment');

-- What each person has in hand; and what waits for somebody.
CREATE INDEX lead_in_hand ON lead (tenant_id, owner_id) WHERE status IN ('assigned', 'working', 'qualified', 'nurturing');
CREATE INDEX lead_waiting ON lead (tenant_id, grade, created_at, id) WHERE status = 'new';
`,
  ),
  migration(
    '0150-clock',
    `
ALTER TABLE lead
  ADD COLUMN assigned_at timestamptz,
  ADD COLUMN stepped_at timestamptz,
  ADD COLUMN responded_at timestamptz,
  ADD COLUMN response_minutes int,
  ADD COLUMN qualified_at timestamptz,
  ADD COLUMN next_step text,
  ADD COLUMN next_step_at timestamptz,
  ADD COLUMN due_at timestamptz,
  ADD COLUMN failed_attempts int NOT NULL DEFAULT 0;
CREATE INDEX lead_due_at ON lead (tenant_id, owner_id, due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE clock_settings (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  deadlines jsonb NOT NULL,
  remind_minutes int,
  pool_id text COLLATE "C",
  changed_at timestamptz NOT NULL,
  version int NOT NULL DEFAULT 1
);
SELECT tenant_table('clock_settings');

-- When the clock looks at leads next, over all companies: to remind, and when they are overdue. A row that outlived its deadline does nothing.
CREATE TABLE lead_due (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  lead_id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  reminded boolean NOT NULL,
  PRIMARY KEY (tenant_id, lead_id)
);
CREATE INDEX lead_due_next ON lead_due (at);
SELECT tenant_table('lead_due', platform => true);

-- How far the deadlines of a company are reckoned anew, until all are.
CREATE TABLE deadline_renewal (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  after_id text COLLATE "C" NOT NULL
);
SELECT tenant_table('deadline_renewal', platform => true);

CREATE TABLE lead_neglect (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  lead_id text COLLATE "C" NOT NULL,
  pooled_at timestamptz NOT NULL,
  owner_id text COLLATE "C" NOT NULL,
  what text NOT NULL,
  since timestamptz,
  due_at timestamptz NOT NULL,
  waited_minutes int NOT NULL,
  pool_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, pooled_at, lead_id)
);
CREATE INDEX lead_neglect_owner ON lead_neglect (tenant_id, owner_id, pooled_at);
SELECT tenant_table('lead_neglect');

ALTER TABLE pool ADD COLUMN max_viewed_per_day int CHECK (max_viewed_per_day > 0);
CREATE TABLE pool_view (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  user_id text COLLATE "C" NOT NULL,
  seen_on date NOT NULL,
  pool_id text COLLATE "C" NOT NULL,
  lead_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, user_id, seen_on, lead_id)
);
CREATE INDEX pool_view_seen ON pool_view (seen_on);
SELECT tenant_table('pool_view', platform => true);

CREATE TABLE recycle_rule (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  position int NOT NULL,
  condition text NOT NULL,
  after_days int CHECK (after_days > 0),
  after_attempts int CHECK (after_attempts > 0),
  remind_days int CHECK (remind_days > 0),
  pool_id text COLLATE "C" NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('recycle_rule', platform => true);
CREATE INDEX lead_idle ON lead (tenant_id, id) WHERE status IN ('assigned', 'working');

-- Owners who were told that a lead is about to be taken back, by the step that was their last.
CREATE TABLE recycle_reminder (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  lead_id text COLLATE "C" NOT NULL,
  idle_since timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, lead_id)
);
SELECT tenant_table('recycle_reminder');
`,
  ),
  handoverMigration('0170', 'lead'),
  migration(
    '0180-search',
    `
CREATE TABLE lead_search (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  token text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL
);
-- The newest first within a token: of one that leads to many, they are looked at.
CREATE UNIQUE INDEX lead_search_token ON lead_search (tenant_id, token, record_id DESC);
SELECT tenant_table('lead_search');

-- Which companies have records of before, and up to which they were made to be found.
CREATE TABLE search_backfill (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  noun text NOT NULL,
  after text COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, noun)
);
SELECT tenant_table('search_backfill', platform => true);
ALTER TABLE search_backfill NO FORCE ROW LEVEL SECURITY;
ALTER TABLE lead NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_backfill (tenant_id, noun) SELECT DISTINCT tenant_id, 'lead' FROM lead;
ALTER TABLE lead FORCE ROW LEVEL SECURITY;
ALTER TABLE search_backfill FORCE ROW LEVEL SECURITY;
`,
  ),
  migration(
    '0160-custom',
    `
ALTER TABLE lead ADD COLUMN custom jsonb NOT NULL DEFAULT '{}';
`,
  ),
  migration(
    '0185-account-merged',
    `
ALTER TABLE known_account ADD COLUMN merged_into text COLLATE "C";
CREATE INDEX lead_account ON lead (tenant_id, account_id) WHERE account_id IS NOT NULL;
`,
  ),
  migration(
    '0186-form-custom-fields',
    `
ALTER TABLE lead_form ADD COLUMN custom_fields jsonb NOT NULL DEFAULT '[]';
`,
  ),
]

import { handoverMigration, migration, storedFileTable } from '@millrace/service'

/** The account service's own database, step by step; forward only. */
export const accountMigrations = [
  migration(
    '0100-account',
    `
CREATE TABLE account (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  industry text,
  country text,
  region text,
  location text,
  website text,
  phone text,
  employees int CHECK (employees >= 0),
  annual_revenue_minor bigint CHECK (annual_revenue_minor >= 0),
  annual_revenue_currency text,
  founded_year int,
  parent_id text COLLATE "C" CHECK (parent_id <> id),
  owner_id text COLLATE "C",
  note text,
  external_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, parent_id) REFERENCES account (tenant_id, id),
  CHECK ((annual_revenue_minor IS NULL) = (annual_revenue_currency IS NULL))
);
CREATE INDEX account_name ON account (tenant_id, name, id);
CREATE INDEX account_name_key ON account (tenant_id, name_key);
CREATE INDEX account_owner ON account (tenant_id, owner_id, id);
CREATE INDEX account_created ON account (tenant_id, created_at, id);
CREATE INDEX account_parent ON account (tenant_id, parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX account_external_id ON account (tenant_id, external_id) WHERE external_id IS NOT NULL;
SELECT tenant_table('account');

CREATE TABLE contact (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  name text NOT NULL,
  name_key text COLLATE "C" NOT NULL,
  job_title text,
  email text,
  email_key text COLLATE "C",
  phone text,
  phone_e164 text COLLATE "C",
  roles jsonb NOT NULL,
  note text,
  external_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
);
CREATE INDEX contact_account ON contact (tenant_id, account_id, name_key);
CREATE INDEX contact_owner ON contact (tenant_id, owner_id, id);
CREATE INDEX contact_name ON contact (tenant_id, name, id);
CREATE INDEX contact_email ON contact (tenant_id, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX contact_phone ON contact (tenant_id, phone_e164) WHERE phone_e164 IS NOT NULL;
CREATE UNIQUE INDEX contact_external_id ON contact (tenant_id, external_id) WHERE external_id IS NOT NULL;
SELECT tenant_table('contact');

CREATE TABLE activity (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('call', 'visit', 'email', 'meeting', 'note')),
  account_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  logged_by_id text COLLATE "C",
  contact_id text COLLATE "C",
  opportunity_id text COLLATE "C",
  subject text NOT NULL,
  text text,
  takes_place_at timestamptz NOT NULL,
  place text,
  check_in jsonb,
  companions jsonb NOT NULL,
  next_step jsonb,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id)
);
CREATE INDEX activity_account ON activity (tenant_id, account_id, takes_place_at, id);
CREATE INDEX activity_owner ON activity (tenant_id, owner_id, takes_place_at, id);
CREATE INDEX activity_contact ON activity (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX activity_opportunity ON activity (tenant_id, opportunity_id) WHERE opportunity_id IS NOT NULL;
CREATE INDEX activity_next_step ON activity (tenant_id, (next_step->>'on')) WHERE next_step IS NOT NULL;
SELECT tenant_table('activity');

CREATE TABLE known_opportunity (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C",
  journey_id text NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('known_opportunity');
`,
  ),
  handoverMigration('0160', 'account'),
  migration(
    '0161-handover-process',
    `
-- owner_id: whose book moves.
CREATE TABLE handover (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  status text COLLATE "C" NOT NULL
    CHECK (status IN ('preparing', 'ready', 'moving', 'moved', 'returning', 'failed', 'undoing', 'undone', 'cancelled')),
  owner_id text COLLATE "C" NOT NULL,
  to_user_id text COLLATE "C" NOT NULL CHECK (to_user_id <> owner_id),
  assignments jsonb NOT NULL,
  scope text,
  reason text NOT NULL,
  step text NOT NULL CHECK (step IN ('count', 'move', 'recheck', 'move_back')),
  asked int NOT NULL,
  failure jsonb,
  moved_at timestamptz,
  log jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX handover_under_way ON handover (tenant_id, owner_id)
  WHERE status IN ('preparing', 'ready', 'moving', 'returning', 'undoing');
CREATE INDEX handover_owner ON handover (tenant_id, owner_id, id);
SELECT tenant_table('handover');

-- What each service told last of its part.
CREATE TABLE handover_part (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  handover_id text COLLATE "C" NOT NULL,
  service text NOT NULL,
  sequence int NOT NULL DEFAULT 0,
  asked int NOT NULL DEFAULT 0,
  step text,
  done boolean NOT NULL DEFAULT false,
  nouns jsonb NOT NULL DEFAULT '[]',
  refusal jsonb,
  PRIMARY KEY (tenant_id, handover_id, service),
  FOREIGN KEY (tenant_id, handover_id) REFERENCES handover (tenant_id, id)
);
SELECT tenant_table('handover_part');
`,
  ),
  migration(
    '0105-plan',
    `
CREATE TABLE account_plan (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'active', 'closed')),
  title text NOT NULL,
  starts_on date NOT NULL,
  ends_on date NOT NULL CHECK (ends_on >= starts_on),
  goals jsonb NOT NULL,
  relations jsonb NOT NULL,
  actions jsonb NOT NULL,
  closing_note text,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
);
CREATE INDEX account_plan_account ON account_plan (tenant_id, account_id, id);
CREATE UNIQUE INDEX account_plan_active ON account_plan (tenant_id, account_id) WHERE status = 'active';
SELECT tenant_table('account_plan');
`,
  ),
  migration(
    '0110-attachment',
    `${storedFileTable}
CREATE TABLE attachment (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  activity_id text COLLATE "C" NOT NULL,
  file_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  bytes int NOT NULL CHECK (bytes > 0),
  sha256 text COLLATE "C" NOT NULL,
  added_by_id text COLLATE "C",
  removed_at timestamptz,
  removed_by_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, activity_id) REFERENCES activity (tenant_id, id)
);
CREATE UNIQUE INDEX attachment_activity ON attachment (tenant_id, activity_id, sha256, name) WHERE removed_at IS NULL;
SELECT tenant_table('attachment');

-- Under row-level security no expression over jsonb reaches an index, so the day of an open next step is a column.
DROP INDEX activity_next_step;
ALTER TABLE activity ADD COLUMN next_step_on text COLLATE "C"
  GENERATED ALWAYS AS (CASE WHEN next_step ? 'doneAt' THEN NULL ELSE next_step->>'on' END) STORED;
CREATE INDEX activity_next_step ON activity (tenant_id, next_step_on, id) WHERE next_step_on IS NOT NULL;
CREATE INDEX activity_owner_next_step ON activity (tenant_id, owner_id, next_step_on, id) WHERE next_step_on IS NOT NULL;
`,
  ),
  migration(
    '0120-mail',
    `
ALTER TABLE activity ADD COLUMN mail jsonb;

CREATE TABLE unmatched_mail (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('waiting', 'assigned', 'discarded')),
  owner_id text COLLATE "C",
  message_key text COLLATE "C" NOT NULL,
  file_id text COLLATE "C" NOT NULL,
  sender jsonb,
  recipients jsonb NOT NULL,
  subject text NOT NULL,
  excerpt text NOT NULL,
  sent_at timestamptz NOT NULL,
  activity_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id),
  CHECK ((status = 'assigned') = (activity_id IS NOT NULL))
);
CREATE INDEX unmatched_mail_owner ON unmatched_mail (tenant_id, owner_id, id);
CREATE INDEX unmatched_mail_created ON unmatched_mail (tenant_id, created_at, id);
CREATE INDEX unmatched_mail_status ON unmatched_mail (tenant_id, status, id);
SELECT tenant_table('unmatched_mail');

-- Every Message-ID that was received, and those that were only referred to (received_at is null).
CREATE TABLE mail_message (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  key text COLLATE "C" NOT NULL,
  thread_id text COLLATE "C" NOT NULL,
  activity_id text COLLATE "C",
  unmatched_mail_id text COLLATE "C",
  sender_key text COLLATE "C",
  received_at timestamptz,
  PRIMARY KEY (tenant_id, key)
);
CREATE INDEX mail_message_sender ON mail_message (tenant_id, sender_key, received_at) WHERE sender_key IS NOT NULL;
SELECT tenant_table('mail_message');

-- Looked up by its token before it is known whose it is, hence by the platform and by an index of its own.
CREATE TABLE mail_address (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  token text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX mail_address_token ON mail_address (token);
SELECT tenant_table('mail_address', platform => true);
`,
  ),
  migration(
    '0170-search',
    `
CREATE TABLE account_search (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  token text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL
);
-- The newest first within a token: of one that leads to many, they are looked at.
CREATE UNIQUE INDEX account_search_token ON account_search (tenant_id, token, record_id DESC);
SELECT tenant_table('account_search');

CREATE TABLE contact_search (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  token text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL
);
-- The newest first within a token: of one that leads to many, they are looked at.
CREATE UNIQUE INDEX contact_search_token ON contact_search (tenant_id, token, record_id DESC);
SELECT tenant_table('contact_search');

-- Which companies have records of before, and up to which they were made to be found.
CREATE TABLE search_backfill (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  noun text NOT NULL,
  after text COLLATE "C" NOT NULL DEFAULT '',
  PRIMARY KEY (tenant_id, noun)
);
SELECT tenant_table('search_backfill', platform => true);
ALTER TABLE search_backfill NO FORCE ROW LEVEL SECURITY;
ALTER TABLE account NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_backfill (tenant_id, noun) SELECT DISTINCT tenant_id, 'account' FROM account;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
ALTER TABLE contact NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_backfill (tenant_id, noun) SELECT DISTINCT tenant_id, 'contact' FROM contact;
ALTER TABLE contact FORCE ROW LEVEL SECURITY;
ALTER TABLE search_backfill FORCE ROW LEVEL SECURITY;
`,
  ),
  migration(
    '0150-custom',
    `
ALTER TABLE account ADD COLUMN custom jsonb NOT NULL DEFAULT '{}';
ALTER TABLE contact ADD COLUMN custom jsonb NOT NULL DEFAULT '{}';
ALTER TABLE activity ADD COLUMN custom jsonb NOT NULL DEFAULT '{}';
`,
  ),
  migration(
    '0130-overview',
    `
ALTER TABLE account
  ADD COLUMN status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'pooled', 'merged')),
  ADD COLUMN merged_into text COLLATE "C" CHECK ((merged_into IS NOT NULL) = (status = 'merged')),
  ADD COLUMN former_owner_id text COLLATE "C",
  ADD COLUMN pooled_at timestamptz;
CREATE INDEX account_merged ON account (tenant_id, merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX activity_account_next ON activity (tenant_id, account_id) WHERE next_step IS NOT NULL;

-- What other services tell of each account.
CREATE TABLE known_record (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  service text COLLATE "C" NOT NULL,
  account_id text COLLATE "C",
  owner_id text COLLATE "C",
  deal_id text COLLATE "C",
  label text NOT NULL,
  status text NOT NULL,
  amount_minor bigint,
  left_minor bigint,
  currency text,
  happened_at timestamptz NOT NULL,
  day date,
  details jsonb NOT NULL,
  sequence int NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX known_record_account ON known_record (tenant_id, account_id, kind);
CREATE INDEX known_record_heard ON known_record (tenant_id, service, event_id);
SELECT tenant_table('known_record');

-- Beside the receivables of known_record: these follow the events of the plan, those of the receivable, and neither waits for the other.
CREATE TABLE known_instalment (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  plan_id text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  place int NOT NULL,
  label text NOT NULL,
  amount_minor bigint NOT NULL,
  currency text NOT NULL,
  due_on date NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX known_instalment_account ON known_instalment (tenant_id, account_id);
CREATE INDEX known_instalment_plan ON known_instalment (tenant_id, plan_id);
SELECT tenant_table('known_instalment');

CREATE TABLE known_tenant (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  zone text NOT NULL,
  sequence int NOT NULL
);
SELECT tenant_table('known_tenant');

-- Accounts by what their names are found by; rows, as only equality of texts reaches an index under row-level security.
CREATE TABLE account_token (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  token text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, token, account_id)
);
CREATE INDEX account_token_account ON account_token (tenant_id, account_id);
SELECT tenant_table('account_token');

-- Pairs that look the same, the newer account first, until somebody decides on them.
CREATE TABLE account_alike (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  account_id text COLLATE "C" NOT NULL,
  other_id text COLLATE "C" NOT NULL CHECK (other_id < account_id),
  score int NOT NULL,
  PRIMARY KEY (tenant_id, account_id, other_id)
);
CREATE INDEX account_alike_other ON account_alike (tenant_id, other_id);
SELECT tenant_table('account_alike');

CREATE TABLE account_apart (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  account_id text COLLATE "C" NOT NULL,
  other_id text COLLATE "C" NOT NULL CHECK (other_id < account_id),
  decided_by text NOT NULL,
  decided_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, account_id, other_id)
);
SELECT tenant_table('account_apart');

-- Accounts from before, until the service has indexed them.
CREATE TABLE account_not_indexed (
  tenant_id text NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, account_id)
);
SELECT tenant_table('account_not_indexed', platform => true);
ALTER TABLE account NO FORCE ROW LEVEL SECURITY;
ALTER TABLE account_not_indexed NO FORCE ROW LEVEL SECURITY;
ALTER TABLE account ADD FOREIGN KEY (tenant_id, merged_into) REFERENCES account (tenant_id, id);
INSERT INTO account_not_indexed SELECT tenant_id, id FROM account;
ALTER TABLE account_not_indexed FORCE ROW LEVEL SECURITY;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
`,
  ),
  migration(
    '0140-account-pool',
    `
-- When accounts that somebody owns were last dealt with, and when to look whether they go into the pool (null: when something happens).
CREATE TABLE account_idle (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  account_id text COLLATE "C" NOT NULL,
  touched_at timestamptz NOT NULL,
  look_at timestamptz,
  pools_at timestamptz,
  PRIMARY KEY (tenant_id, account_id)
);
CREATE INDEX account_idle_look ON account_idle (look_at) WHERE look_at IS NOT NULL;
SELECT tenant_table('account_idle', platform => true);
ALTER TABLE account NO FORCE ROW LEVEL SECURITY;
ALTER TABLE activity NO FORCE ROW LEVEL SECURITY;
ALTER TABLE account_idle NO FORCE ROW LEVEL SECURITY;
INSERT INTO account_idle (tenant_id, account_id, touched_at)
  SELECT tenant_id, id, greatest(created_at, (SELECT max(t.takes_place_at) FROM activity t WHERE t.tenant_id = a.tenant_id AND t.account_id = a.id))
  FROM account a WHERE owner_id IS NOT NULL;
ALTER TABLE account_idle FORCE ROW LEVEL SECURITY;
ALTER TABLE activity FORCE ROW LEVEL SECURITY;
ALTER TABLE account FORCE ROW LEVEL SECURITY;

CREATE TABLE account_pool_settings (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  active boolean NOT NULL,
  rules jsonb NOT NULL,
  warn_days int NOT NULL CHECK (warn_days >= 0),
  max_owned int CHECK (max_owned > 0),
  max_per_day int CHECK (max_per_day > 0),
  blocked_days int NOT NULL CHECK (blocked_days >= 0),
  version int NOT NULL
);
SELECT tenant_table('account_pool_settings');

CREATE TABLE account_claim (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  user_id text COLLATE "C" NOT NULL,
  claimed_at timestamptz NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, user_id, claimed_at, account_id)
);
SELECT tenant_table('account_claim');
CREATE INDEX account_pooled ON account (tenant_id, id) WHERE status = 'pooled';
`,
  ),
  migration(
    '0171-company-currency',
    `
ALTER TABLE known_tenant ADD COLUMN currency text;
-- Companies from before, whose currency was not kept: that of most of their records, until they are changed the next time.
ALTER TABLE known_tenant NO FORCE ROW LEVEL SECURITY;
ALTER TABLE known_record NO FORCE ROW LEVEL SECURITY;
UPDATE known_tenant t SET currency = (SELECT currency FROM known_record r WHERE r.tenant_id = t.tenant_id AND currency IS NOT NULL
  GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1);
ALTER TABLE known_record FORCE ROW LEVEL SECURITY;
ALTER TABLE known_tenant FORCE ROW LEVEL SECURITY;
`,
  ),
  migration(
    '0172-account-score',
    `
ALTER TABLE account
  ADD COLUMN score int CHECK (score BETWEEN 0 AND 100),
  ADD COLUMN grade text COLLATE "C" CHECK (grade IN ('A', 'B', 'C', 'D'));
CREATE INDEX account_score_order ON account (tenant_id, score DESC NULLS LAST, id DESC);
CREATE INDEX account_grade_order ON account (tenant_id, grade, id);

CREATE TABLE account_scorecard (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'active', 'retired')),
  name text NOT NULL,
  parts jsonb NOT NULL,
  grades jsonb NOT NULL,
  activated_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX account_scorecard_active ON account_scorecard (tenant_id) WHERE status = 'active';
SELECT tenant_table('account_scorecard');

-- What each account's score is made of, and what others were told of it last.
CREATE TABLE account_score (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  account_id text COLLATE "C" NOT NULL,
  scorecard_id text COLLATE "C" NOT NULL,
  scored_at timestamptz NOT NULL,
  parts jsonb NOT NULL,
  told_score int,
  told_grade text,
  PRIMARY KEY (tenant_id, account_id)
);
SELECT tenant_table('account_score');

CREATE TABLE account_score_change (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  account_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  from_score int,
  from_grade text,
  score int NOT NULL,
  grade text NOT NULL,
  scorecard_id text COLLATE "C" NOT NULL,
  parts jsonb NOT NULL,
  PRIMARY KEY (tenant_id, account_id, id)
);
SELECT tenant_table('account_score_change');
-- It is added to, and never changed.
DO $$ BEGIN EXECUTE format('REVOKE UPDATE, DELETE ON account_score_change FROM %I', replace(current_user, '_owner', '_app')); END $$;

-- Accounts whose score may have become another; mark: the transaction that noted it last.
CREATE TABLE account_to_score (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  account_id text COLLATE "C" NOT NULL,
  mark text NOT NULL,
  PRIMARY KEY (tenant_id, account_id)
);
SELECT tenant_table('account_to_score', platform => true);

-- How far a company's accounts are scored anew (after_id null: all are), and when all of them are again.
CREATE TABLE account_rescoring (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  scorecard_id text COLLATE "C" NOT NULL,
  after_id text COLLATE "C",
  done int NOT NULL,
  of int NOT NULL,
  next_at timestamptz NOT NULL
);
SELECT tenant_table('account_rescoring', platform => true);
`,
  ),
  migration(
    '0173-second-sale',
    `
-- Of which family each product is today, and which products each account ordered, under the id that the order names.
CREATE TABLE known_product (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  family text,
  sequence int NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX known_product_heard ON known_product (tenant_id, event_id);
SELECT tenant_table('known_product');

CREATE TABLE known_order_product (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  order_id text COLLATE "C" NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, order_id, product_id)
);
CREATE INDEX known_order_product_heard ON known_order_product (tenant_id, event_id);
SELECT tenant_table('known_order_product');

-- Companies with orders: when their second sales were worked out last, and from what.
CREATE TABLE second_sale_run (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  worked_out_at timestamptz,
  heard text
);
SELECT tenant_table('second_sale_run', platform => true);

-- What each account could be sold besides, the strongest first; share and lift: those of the first (null: all were dismissed).
CREATE TABLE account_second_sale (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  account_id text COLLATE "C" NOT NULL,
  suggestions jsonb NOT NULL,
  share numeric,
  lift numeric,
  PRIMARY KEY (tenant_id, account_id)
);
CREATE INDEX account_second_sale_order ON account_second_sale (tenant_id, share, lift, account_id) WHERE share IS NOT NULL;
SELECT tenant_table('account_second_sale');

CREATE TABLE second_sale_dismissal (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  account_id text COLLATE "C" NOT NULL,
  family text NOT NULL,
  reason text NOT NULL,
  until date,
  dismissed_by_id text COLLATE "C",
  dismissed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, account_id, family)
);
SELECT tenant_table('second_sale_dismissal');
`,
  ),
  migration(
    '0176-survey',
    `
CREATE TABLE survey (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  kind text NOT NULL CHECK (kind IN ('csat', 'nps')),
  name text NOT NULL,
  question jsonb NOT NULL,
  comment_question jsonb,
  expires_in_days int NOT NULL CHECK (expires_in_days > 0),
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('survey');

-- Looked up by its link before it is known whose it is, hence by the platform and by an index of its own. Of the link only the hash is kept.
CREATE TABLE survey_invitation (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  survey_id text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  contact_id text COLLATE "C" NOT NULL,
  responsible_id text COLLATE "C",
  sent_by_id text COLLATE "C",
  status text NOT NULL CHECK (status IN ('sent', 'answered')),
  token_hash text COLLATE "C" NOT NULL UNIQUE,
  sent_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  score int CHECK (score BETWEEN 0 AND 10),
  comment text,
  answered_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, survey_id) REFERENCES survey (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id),
  CHECK ((status = 'answered') = (score IS NOT NULL AND answered_at IS NOT NULL))
);
CREATE INDEX survey_invitation_survey ON survey_invitation (tenant_id, survey_id, sent_at, id);
CREATE INDEX survey_invitation_account ON survey_invitation (tenant_id, account_id, id);
CREATE INDEX survey_invitation_contact ON survey_invitation (tenant_id, contact_id, survey_id);
CREATE INDEX survey_invitation_sent ON survey_invitation (tenant_id, sent_at, id);
SELECT tenant_table('survey_invitation', platform => true);
`,
  ),
  migration(
    '0177-account-class',
    `
ALTER TABLE account ADD COLUMN class text CHECK (class IN ('key', 'sme', 'individual'));
CREATE INDEX account_class ON account (tenant_id, class, id);
`,
  ),
  migration(
    '0178-segment',
    `
CREATE TABLE segment (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  note text,
  condition text NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('segment');

CREATE TABLE segment_member (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  segment_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, segment_id, account_id)
);
CREATE INDEX segment_member_account ON segment_member (tenant_id, account_id, segment_id);
SELECT tenant_table('segment_member');

-- Which companies have segments, when their accounts are to be looked at next, and up to which they were in the walk that is under way.
CREATE TABLE segment_walk (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  due_at timestamptz NOT NULL,
  started_at timestamptz,
  after text COLLATE "C" NOT NULL DEFAULT '',
  looked_at timestamptz
);
SELECT tenant_table('segment_walk', platform => true);
`,
  ),
  migration(
    '0179-service-plan',
    `
CREATE TABLE service_plan (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  segment_id text COLLATE "C",
  account_class text CHECK (account_class IN ('key', 'sme', 'individual')),
  steps jsonb NOT NULL,
  starts_on date NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, segment_id) REFERENCES segment (tenant_id, id),
  CHECK ((segment_id IS NULL) <> (account_class IS NULL))
);
SELECT tenant_table('service_plan');

-- What is owed to an account by a step of a plan. Whose it is, the account tells. since: the day from which it is counted.
CREATE TABLE service_due (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  plan_id text COLLATE "C" NOT NULL,
  step text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'done', 'skipped', 'lapsed')),
  since date NOT NULL,
  due_on date NOT NULL,
  postponed_from date,
  reason text,
  closed_on date,
  closed_by_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, plan_id) REFERENCES service_plan (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id),
  CHECK ((status IN ('done', 'skipped')) = (closed_on IS NOT NULL))
);
CREATE UNIQUE INDEX service_due_once ON service_due (tenant_id, plan_id, step, account_id) WHERE status = 'open';
CREATE INDEX service_due_list ON service_due (tenant_id, due_on, id) WHERE status = 'open';
CREATE INDEX service_due_open ON service_due (tenant_id, account_id) WHERE status = 'open';
CREATE INDEX service_due_account ON service_due (tenant_id, account_id, plan_id, step, closed_on);
SELECT tenant_table('service_due');
CREATE INDEX activity_account_kind ON activity (tenant_id, account_id, kind, takes_place_at);

-- Which companies have service plans, and when their due lists are to be written next.
CREATE TABLE service_due_look (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  look_at timestamptz NOT NULL
);
SELECT tenant_table('service_due_look', platform => true);
`,
  ),
  migration(
    '0181-mailbox',
    `
CREATE TABLE mailbox (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  host text NOT NULL,
  port int NOT NULL CHECK (port BETWEEN 1 AND 65535),
  security text NOT NULL CHECK (security IN ('tls', 'starttls', 'none')),
  trusts text,
  username text NOT NULL,
  folder text NOT NULL,
  after text NOT NULL CHECK (after IN ('mark_seen', 'move')),
  move_to text CHECK (after <> 'move' OR move_to IS NOT NULL),
  since date NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX mailbox_name ON mailbox (tenant_id, name, id);
SELECT tenant_table('mailbox');

-- Apart from what is shown and audited.
CREATE TABLE mailbox_secret (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  mailbox_id text COLLATE "C" NOT NULL,
  sealed bytea NOT NULL,
  PRIMARY KEY (tenant_id, mailbox_id),
  FOREIGN KEY (tenant_id, mailbox_id) REFERENCES mailbox (tenant_id, id) ON DELETE CASCADE
);
SELECT tenant_table('mailbox_secret');

-- How far a mailbox has been read and how that goes; written with each e-mail, hence no part of the mailbox. The job looks for those of all companies.
CREATE TABLE mailbox_state (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  mailbox_id text COLLATE "C" NOT NULL,
  place int NOT NULL DEFAULT 1,
  uid_validity bigint,
  last_uid bigint NOT NULL DEFAULT 0,
  last_read_at timestamptz,
  next_read_at timestamptz,
  error jsonb,
  failures int NOT NULL DEFAULT 0,
  filed int NOT NULL DEFAULT 0,
  passed_by int NOT NULL DEFAULT 0,
  passed jsonb,
  stuck_uid bigint,
  stuck int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, mailbox_id),
  FOREIGN KEY (tenant_id, mailbox_id) REFERENCES mailbox (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX mailbox_state_next ON mailbox_state (next_read_at) WHERE next_read_at IS NOT NULL;
SELECT tenant_table('mailbox_state', platform => true);
`,
  ),
]

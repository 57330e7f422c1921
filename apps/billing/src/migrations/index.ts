import { handoverMigration, migration } from '@millrace/service'

/** The billing service's own database, step by step; forward only. */
export const billingMigrations = [
  migration(
    '0100-receivables',
    `
-- Which companies have receivables: the daily job must know them before it can become one of them.
CREATE TABLE billing_tenant (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY
);
SELECT tenant_table('billing_tenant', platform => true);

CREATE TABLE known_account (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  owner_id text COLLATE "C",
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('known_account');

CREATE TABLE legal_entity (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  country text,
  zone text NOT NULL,
  currency text NOT NULL,
  prefix text COLLATE "C" NOT NULL,
  is_default boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX legal_entity_prefix ON legal_entity (tenant_id, prefix);
CREATE UNIQUE INDEX legal_entity_default ON legal_entity (tenant_id) WHERE is_default;
SELECT tenant_table('legal_entity');

CREATE TABLE collection_plan (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  contract_number text NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  total_minor bigint NOT NULL CHECK (total_minor >= 0),
  total_currency text NOT NULL,
  tax_minor bigint NOT NULL CHECK (tax_minor BETWEEN 0 AND total_minor),
  tax_currency text NOT NULL CHECK (tax_currency = total_currency),
  signed_on date NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX collection_plan_contract ON collection_plan (tenant_id, contract_id);
CREATE INDEX collection_plan_account ON collection_plan (tenant_id, account_id, id);
CREATE INDEX collection_plan_owner ON collection_plan (tenant_id, owner_id, id);
SELECT tenant_table('collection_plan');

CREATE TABLE receivable (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  plan_id text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  contract_number text NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  number int NOT NULL,
  label text NOT NULL,
  status text NOT NULL CHECK (status IN ('planned', 'due', 'partly_settled', 'settled', 'written_off', 'cancelled')),
  due_on date NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  amount_currency text NOT NULL,
  tax_minor bigint NOT NULL CHECK (tax_minor BETWEEN 0 AND amount_minor),
  tax_currency text NOT NULL CHECK (tax_currency = amount_currency),
  settled_minor bigint NOT NULL CHECK (settled_minor >= 0),
  settled_currency text NOT NULL CHECK (settled_currency = amount_currency),
  credited_minor bigint NOT NULL CHECK (credited_minor >= 0),
  credited_currency text NOT NULL CHECK (credited_currency = amount_currency),
  credited_tax_minor bigint NOT NULL CHECK (credited_tax_minor BETWEEN 0 AND tax_minor),
  credited_tax_currency text NOT NULL CHECK (credited_tax_currency = amount_currency),
  open_minor bigint NOT NULL CHECK (open_minor >= 0),
  open_currency text NOT NULL CHECK (open_currency = amount_currency),
  invoice_id text COLLATE "C",
  invoice_number text,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT receivable_open CHECK (
    open_minor = CASE WHEN status IN ('written_off', 'cancelled') THEN 0 ELSE amount_minor - settled_minor - credited_minor END),
  CONSTRAINT receivable_settled CHECK ((status = 'settled') = (open_minor = 0 AND status NOT IN ('written_off', 'cancelled'))),
  CONSTRAINT receivable_partly_settled CHECK (
    (status = 'partly_settled') = (settled_minor > 0 AND open_minor > 0 AND status NOT IN ('written_off', 'cancelled'))),
  CONSTRAINT receivable_paid_when_invoiced CHECK (settled_minor = 0 OR invoice_id IS NOT NULL)
);
CREATE INDEX receivable_plan ON receivable (tenant_id, plan_id, number);
CREATE INDEX receivable_contract ON receivable (tenant_id, contract_id);
CREATE INDEX receivable_account ON receivable (tenant_id, account_id, due_on, id);
CREATE INDEX receivable_owner ON receivable (tenant_id, owner_id, id);
CREATE INDEX receivable_due_on ON receivable (tenant_id, due_on, id);
CREATE INDEX receivable_status ON receivable (tenant_id, status, id);
CREATE INDEX receivable_invoice ON receivable (tenant_id, invoice_id) WHERE invoice_id IS NOT NULL;
CREATE INDEX receivable_planned ON receivable (tenant_id, due_on, id) WHERE status = 'planned';
CREATE INDEX receivable_payable ON receivable (tenant_id, account_id, due_on, number, id) WHERE open_minor > 0 AND invoice_id IS NOT NULL;
SELECT tenant_table('receivable');

-- A batch of events may end under another tenant than it wrote for, so a check at commit names its own.
CREATE FUNCTION plan_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before text := current_setting('millrace.tenant', true);
  plan text := CASE TG_TABLE_NAME WHEN 'receivable' THEN to_jsonb(NEW) ->> 'plan_id' ELSE NEW.id END;
  differs boolean;
BEGIN
  PERFORM set_config('millrace.tenant', NEW.tenant_id, true);
  SELECT coalesce(sum(r.amount_minor), 0) <> p.total_minor OR coalesce(sum(r.tax_minor), 0) <> p.tax_minor
      OR coalesce(bool_or(r.amount_currency <> p.total_currency), false)
    INTO differs
    FROM collection_plan p LEFT JOIN receivable r ON r.plan_id = p.id AND r.status <> 'cancelled'
    WHERE p.id = plan GROUP BY p.total_minor, p.tax_minor, p.total_currency;
  PERFORM set_config('millrace.tenant', coalesce(before, ''), true);
  IF differs IS DISTINCT FROM false THEN
    RAISE EXCEPTION 'the instalments of % do not make its total', plan USING ERRCODE = '23514', CONSTRAINT = 'plan_adds_up';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER plan_adds_up AFTER INSERT OR UPDATE OF total_minor, tax_minor ON collection_plan
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION plan_adds_up();
CREATE CONSTRAINT TRIGGER plan_adds_up AFTER INSERT ON receivable
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION plan_adds_up();
CREATE CONSTRAINT TRIGGER plan_still_adds_up AFTER UPDATE ON receivable
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.amount_minor, OLD.tax_minor, OLD.amount_currency, OLD.plan_id, OLD.status = 'cancelled')
    IS DISTINCT FROM (NEW.amount_minor, NEW.tax_minor, NEW.amount_currency, NEW.plan_id, NEW.status = 'cancelled'))
  EXECUTE FUNCTION plan_adds_up();
`,
  ),
  migration(
    '0101-invoices',
    `
CREATE TABLE invoice_series (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  legal_entity_id text COLLATE "C" NOT NULL,
  series text COLLATE "C" NOT NULL,
  last bigint NOT NULL,
  PRIMARY KEY (tenant_id, legal_entity_id, series)
);
SELECT tenant_table('invoice_series');

CREATE TABLE invoice (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  legal_entity_id text COLLATE "C" NOT NULL,
  series text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  number text COLLATE "C" NOT NULL,
  kind text NOT NULL CHECK (kind IN ('vat_special', 'vat_ordinary', 'commercial')),
  credit_of text COLLATE "C",
  account_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  buyer_name text NOT NULL,
  buyer_tax_id text,
  buyer_address text,
  issued_on date NOT NULL,
  net_minor bigint NOT NULL CHECK (net_minor >= 0),
  net_currency text NOT NULL CHECK (net_currency = total_currency),
  tax_minor bigint NOT NULL CHECK (tax_minor >= 0),
  tax_currency text NOT NULL CHECK (tax_currency = total_currency),
  total_minor bigint NOT NULL CHECK (total_minor > 0 AND total_minor = net_minor + tax_minor),
  total_currency text NOT NULL,
  credited_minor bigint NOT NULL CHECK (credited_minor BETWEEN 0 AND total_minor),
  credited_currency text NOT NULL CHECK (credited_currency = total_currency),
  reason text,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX invoice_sequence ON invoice (tenant_id, legal_entity_id, series, sequence);
CREATE UNIQUE INDEX invoice_number ON invoice (tenant_id, number);
CREATE INDEX invoice_account ON invoice (tenant_id, account_id, id);
CREATE INDEX invoice_owner ON invoice (tenant_id, owner_id, id);
CREATE INDEX invoice_issued ON invoice (tenant_id, issued_on, id);
CREATE INDEX invoice_credit_of ON invoice (tenant_id, credit_of) WHERE credit_of IS NOT NULL;
SELECT tenant_table('invoice');

CREATE TABLE invoice_line (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  invoice_id text COLLATE "C" NOT NULL,
  position int NOT NULL,
  receivable_id text COLLATE "C" NOT NULL,
  label text NOT NULL,
  net_minor bigint NOT NULL CHECK (net_minor >= 0),
  net_currency text NOT NULL CHECK (net_currency = gross_currency),
  tax_minor bigint NOT NULL CHECK (tax_minor >= 0),
  tax_currency text NOT NULL CHECK (tax_currency = gross_currency),
  gross_minor bigint NOT NULL CHECK (gross_minor > 0 AND gross_minor = net_minor + tax_minor),
  gross_currency text NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX invoice_line_position ON invoice_line (tenant_id, invoice_id, position);
CREATE UNIQUE INDEX invoice_line_receivable ON invoice_line (tenant_id, invoice_id, receivable_id);
SELECT tenant_table('invoice_line');

CREATE FUNCTION invoice_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before text := current_setting('millrace.tenant', true);
  document text := CASE TG_TABLE_NAME WHEN 'invoice_line' THEN to_jsonb(NEW) ->> 'invoice_id' ELSE NEW.id END;
  fits boolean;
BEGIN
  PERFORM set_config('millrace.tenant', NEW.tenant_id, true);
  SELECT sum(l.gross_minor) = i.total_minor AND sum(l.tax_minor) = i.tax_minor AND bool_and(l.gross_currency = i.total_currency)
    INTO fits FROM invoice i JOIN invoice_line l ON l.invoice_id = i.id WHERE i.id = document GROUP BY i.total_minor, i.tax_minor, i.total_currency;
  PERFORM set_config('millrace.tenant', coalesce(before, ''), true);
  IF fits IS DISTINCT FROM true THEN
    RAISE EXCEPTION 'the lines of % do not make its total', document USING ERRCODE = '23514', CONSTRAINT = 'invoice_adds_up';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER invoice_adds_up AFTER INSERT ON invoice
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_adds_up();
CREATE CONSTRAINT TRIGGER invoice_adds_up AFTER INSERT ON invoice_line
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_adds_up();

-- Issued is issued: only how much of it was credited is kept up to date.
CREATE FUNCTION invoice_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept text[] := ARRAY['version', 'updated_at', 'credited_minor'];
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'invoice' AND to_jsonb(NEW) - kept = to_jsonb(OLD) - kept THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'an issued invoice is never changed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER invoice_stays BEFORE UPDATE OR DELETE ON invoice FOR EACH ROW EXECUTE FUNCTION invoice_stays();
CREATE TRIGGER invoice_line_stays BEFORE UPDATE OR DELETE ON invoice_line FOR EACH ROW EXECUTE FUNCTION invoice_stays();
`,
  ),
  migration(
    '0102-receipts',
    `
CREATE TABLE receipt (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  amount_currency text NOT NULL,
  credit_minor bigint NOT NULL CHECK (credit_minor BETWEEN 0 AND amount_minor),
  credit_currency text NOT NULL CHECK (credit_currency = amount_currency),
  received_on date NOT NULL,
  reference text,
  bank_account text,
  external_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX receipt_external_id ON receipt (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX receipt_account ON receipt (tenant_id, account_id, id);
CREATE INDEX receipt_owner ON receipt (tenant_id, owner_id, id);
CREATE INDEX receipt_received ON receipt (tenant_id, received_on, id);
CREATE INDEX receipt_credit ON receipt (tenant_id, account_id, received_on, id) WHERE credit_minor > 0;
SELECT tenant_table('receipt');

CREATE TABLE settlement (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  receipt_id text COLLATE "C" NOT NULL,
  receivable_id text COLLATE "C" NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  amount_currency text NOT NULL,
  entry_id text COLLATE "C" NOT NULL,
  settled_at timestamptz NOT NULL,
  undone_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX settlement_receipt ON settlement (tenant_id, receipt_id) WHERE undone_at IS NULL;
CREATE INDEX settlement_receivable ON settlement (tenant_id, receivable_id) WHERE undone_at IS NULL;
SELECT tenant_table('settlement');
`,
  ),
  migration(
    '0103-ledger',
    `
CREATE TABLE journal_entry (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  journey_id text,
  kind text NOT NULL CHECK (kind IN ('invoice', 'credit_note', 'receipt', 'settlement', 'settlement_undone', 'write_off')),
  source_id text COLLATE "C" NOT NULL,
  reverses text COLLATE "C",
  account_id text COLLATE "C" NOT NULL,
  occurred_on date NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX journal_entry_account ON journal_entry (tenant_id, account_id, id);
CREATE INDEX journal_entry_source ON journal_entry (tenant_id, source_id, id);
CREATE INDEX journal_entry_occurred ON journal_entry (tenant_id, occurred_on, id);
CREATE UNIQUE INDEX journal_entry_booked_once ON journal_entry (tenant_id, kind, source_id)
  WHERE kind IN ('invoice', 'credit_note', 'receipt', 'write_off');
CREATE UNIQUE INDEX journal_entry_reversed_once ON journal_entry (tenant_id, reverses) WHERE reverses IS NOT NULL;
SELECT tenant_table('journal_entry');

CREATE TABLE posting (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  entry_id text COLLATE "C" NOT NULL,
  position int NOT NULL,
  ledger_account text NOT NULL
    CHECK (ledger_account IN ('accounts_receivable', 'unapplied_receipts', 'bank', 'revenue', 'tax_payable', 'bad_debt')),
  side text NOT NULL CHECK (side IN ('debit', 'credit')),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  amount_currency text NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  receivable_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX posting_entry ON posting (tenant_id, entry_id, position);
CREATE INDEX posting_account ON posting (tenant_id, account_id, ledger_account, amount_currency);
SELECT tenant_table('posting');

CREATE FUNCTION entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before text := current_setting('millrace.tenant', true);
  entry text := CASE TG_TABLE_NAME WHEN 'posting' THEN to_jsonb(NEW) ->> 'entry_id' ELSE NEW.id END;
  postings bigint;
  unbalanced bigint;
BEGIN
  PERFORM set_config('millrace.tenant', NEW.tenant_id, true);
  SELECT coalesce(sum(n), 0), count(*) FILTER (WHERE difference <> 0) INTO postings, unbalanced
    FROM (SELECT count(*) AS n, sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) AS difference
          FROM posting WHERE entry_id = entry GROUP BY amount_currency) AS per_currency;
  PERFORM set_config('millrace.tenant', coalesce(before, ''), true);
  IF postings = 0 OR unbalanced > 0 THEN
    RAISE EXCEPTION 'the debits and credits of % are not equal', entry USING ERRCODE = '23514', CONSTRAINT = 'entry_balances';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON journal_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION entry_balances();
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON posting
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION entry_balances();

-- Append-only twice over: the application has no right to change, and the owner is stopped as well.
CREATE FUNCTION ledger_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER journal_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER posting_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON posting FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays();

CREATE VIEW ledger_balance WITH (security_invoker = true) AS
  SELECT account_id || '/' || ledger_account || '/' || amount_currency AS id, account_id, ledger_account, amount_currency AS currency,
    coalesce(sum(amount_minor) FILTER (WHERE side = 'debit'), 0)::text AS debit_minor,
    coalesce(sum(amount_minor) FILTER (WHERE side = 'credit'), 0)::text AS credit_minor
  FROM posting GROUP BY account_id, ledger_account, amount_currency;

DO $$ DECLARE app text := replace(current_user, '_owner', '_app'); BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE ON journal_entry, posting FROM %I', app);
  EXECUTE format('GRANT SELECT ON ledger_balance TO %I', app);
END $$;
`,
  ),
  handoverMigration('0104', 'billing'),
  migration(
    '0105-invoices-change-hands',
    `
-- Who looks after an invoice is not part of what was issued: it goes with its customer.
CREATE OR REPLACE FUNCTION invoice_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept text[] := ARRAY['version', 'updated_at', 'credited_minor', 'owner_id'];
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'invoice' AND to_jsonb(NEW) - kept = to_jsonb(OLD) - kept THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'an issued invoice is never changed' USING ERRCODE = '42501';
END $$;
`,
  ),
  migration(
    '0180-account-merged',
    `
ALTER TABLE known_account ADD COLUMN merged_into text COLLATE "C";

ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_kind_check;
ALTER TABLE journal_entry ADD CONSTRAINT journal_entry_kind_check
  CHECK (kind IN ('invoice', 'credit_note', 'receipt', 'settlement', 'settlement_undone', 'write_off', 'account_merged'));

-- Issued is issued: only how much of it was credited is kept up to date, and which account is that of its buyer.
CREATE OR REPLACE FUNCTION invoice_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept text[] := ARRAY['version', 'updated_at', 'credited_minor', 'owner_id', 'account_id'];
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'invoice' AND to_jsonb(NEW) - kept = to_jsonb(OLD) - kept THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'an issued invoice is never changed' USING ERRCODE = '42501';
END $$;
`,
  ),
]

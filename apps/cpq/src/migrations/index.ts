import { handoverMigration, migration } from '@millrace/service'

/** The cpq service's own database, step by step; forward only. */
export const cpqMigrations = [
  migration(
    '0100-catalogue',
    `
CREATE TABLE product (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  code text COLLATE "C" NOT NULL,
  name text NOT NULL,
  family text,
  description text,
  unit text,
  active boolean NOT NULL,
  external_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX product_code ON product (tenant_id, code);
CREATE UNIQUE INDEX product_external_id ON product (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX product_name ON product (tenant_id, name, id);
SELECT tenant_table('product');

CREATE TABLE price_book (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  name text NOT NULL,
  currency text NOT NULL,
  valid_from date,
  valid_to date,
  is_default boolean NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, id, currency),
  CHECK (valid_to >= valid_from)
);
CREATE UNIQUE INDEX price_book_name ON price_book (tenant_id, lower(name));
CREATE UNIQUE INDEX price_book_default ON price_book (tenant_id, currency) WHERE is_default;
SELECT tenant_table('price_book');

CREATE TABLE price (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  price_book_id text COLLATE "C" NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  price_currency text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, price_book_id, price_currency) REFERENCES price_book (tenant_id, id, currency),
  FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id)
);
CREATE UNIQUE INDEX price_product ON price (tenant_id, price_book_id, product_id);
SELECT tenant_table('price');
`,
  ),
  migration(
    '0101-deals',
    `
CREATE TABLE known_company (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  zone text NOT NULL,
  currency text NOT NULL
);
SELECT tenant_table('known_company');

CREATE TABLE known_account (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('known_account');

CREATE TABLE known_opportunity (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  title text NOT NULL,
  account_id text COLLATE "C",
  owner_id text COLLATE "C",
  journey_id text NOT NULL,
  status text NOT NULL CHECK (status IN ('open', 'won', 'lost')),
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('known_opportunity');

CREATE TABLE number_series (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  series text COLLATE "C" NOT NULL,
  last int NOT NULL,
  PRIMARY KEY (tenant_id, series)
);
SELECT tenant_table('number_series');
`,
  ),
  migration(
    '0102-quote',
    `
CREATE TABLE quote (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  number text COLLATE "C" NOT NULL,
  title text NOT NULL,
  opportunity_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  owner_id text COLLATE "C",
  price_book_id text COLLATE "C",
  currency text NOT NULL,
  current_number int NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'sent', 'accepted', 'declined', 'superseded')),
  total_minor bigint NOT NULL CHECK (total_minor >= 0),
  total_currency text NOT NULL,
  valid_until date NOT NULL,
  accepted_number int,
  PRIMARY KEY (tenant_id, id),
  CHECK (total_currency = currency),
  CHECK ((status = 'accepted') = (accepted_number IS NOT NULL))
);
CREATE UNIQUE INDEX quote_number ON quote (tenant_id, number);
CREATE INDEX quote_owner ON quote (tenant_id, owner_id, id);
CREATE INDEX quote_opportunity ON quote (tenant_id, opportunity_id, id);
CREATE INDEX quote_account ON quote (tenant_id, account_id, id);
CREATE INDEX quote_status ON quote (tenant_id, status, id);
CREATE INDEX quote_created ON quote (tenant_id, created_at, id);
SELECT tenant_table('quote');

CREATE TABLE quote_version (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  quote_id text COLLATE "C" NOT NULL,
  number int NOT NULL CHECK (number > 0),
  status text NOT NULL CHECK (status IN ('draft', 'sent', 'accepted', 'declined', 'superseded')),
  created_at timestamptz NOT NULL,
  valid_until date NOT NULL,
  vat_rate numeric,
  vat_mode text CHECK (vat_mode IN ('on_top', 'inside')),
  discount_percent numeric,
  discount_amount_minor bigint,
  discount_amount_currency text,
  notes text,
  terms jsonb NOT NULL,
  list_minor bigint NOT NULL,
  list_currency text NOT NULL,
  line_discount_minor bigint NOT NULL,
  line_discount_currency text NOT NULL,
  header_discount_minor bigint NOT NULL,
  header_discount_currency text NOT NULL,
  net_minor bigint NOT NULL CHECK (net_minor >= 0),
  net_currency text NOT NULL,
  tax_minor bigint NOT NULL CHECK (tax_minor >= 0),
  tax_currency text NOT NULL,
  gross_minor bigint NOT NULL,
  gross_currency text NOT NULL,
  taxes jsonb NOT NULL,
  sent_at timestamptz,
  accepted_at timestamptz,
  accepted_by text,
  signer text,
  signer_title text,
  declined_at timestamptz,
  decline_reason text,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, quote_id) REFERENCES quote (tenant_id, id),
  CHECK (gross_minor = net_minor + tax_minor)
);
CREATE UNIQUE INDEX quote_version_number ON quote_version (tenant_id, quote_id, number);
CREATE UNIQUE INDEX quote_version_accepted ON quote_version (tenant_id, quote_id) WHERE status = 'accepted';
SELECT tenant_table('quote_version');

CREATE TABLE quote_line (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  quote_version_id text COLLATE "C" NOT NULL,
  position int NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  unit text,
  quantity numeric NOT NULL CHECK (quantity > 0),
  list_price_minor bigint,
  list_price_currency text,
  price_minor bigint,
  price_currency text,
  discount numeric NOT NULL CHECK (discount BETWEEN 0 AND 100),
  vat_rate numeric NOT NULL,
  vat_mode text NOT NULL CHECK (vat_mode IN ('on_top', 'inside')),
  vat_own boolean NOT NULL,
  list_minor bigint NOT NULL,
  list_currency text NOT NULL,
  line_discount_minor bigint NOT NULL,
  line_discount_currency text NOT NULL,
  header_discount_minor bigint NOT NULL,
  header_discount_currency text NOT NULL,
  net_minor bigint NOT NULL CHECK (net_minor >= 0),
  net_currency text NOT NULL,
  tax_minor bigint NOT NULL CHECK (tax_minor >= 0),
  tax_currency text NOT NULL,
  gross_minor bigint NOT NULL,
  gross_currency text NOT NULL,
  waterfall jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, quote_version_id) REFERENCES quote_version (tenant_id, id),
  FOREIGN KEY (tenant_id, product_id) REFERENCES product (tenant_id, id),
  CHECK (gross_minor = net_minor + tax_minor)
);
CREATE UNIQUE INDEX quote_line_position ON quote_line (tenant_id, quote_version_id, position);
SELECT tenant_table('quote_line');
`,
  ),
  migration(
    '0103-contract-and-order',
    `
CREATE TABLE contract (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  number text COLLATE "C" NOT NULL,
  status text NOT NULL CHECK (status IN ('draft', 'in_approval', 'approved', 'signed', 'active', 'completed', 'terminated')),
  title text NOT NULL,
  quote_id text COLLATE "C" NOT NULL,
  quote_version int NOT NULL,
  opportunity_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  customer_name text,
  owner_id text COLLATE "C",
  net_minor bigint NOT NULL,
  net_currency text NOT NULL,
  tax_minor bigint NOT NULL,
  tax_currency text NOT NULL,
  total_minor bigint NOT NULL,
  total_currency text NOT NULL,
  terms jsonb NOT NULL,
  author_ids jsonb NOT NULL,
  customer_signer text,
  our_signer text,
  submitted_at timestamptz,
  submitted_by text,
  approved_at timestamptz,
  approved_by text,
  rejected_reason text,
  signed_on date,
  signed_at timestamptz,
  signed_by text,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, quote_id, quote_version) REFERENCES quote_version (tenant_id, quote_id, number),
  CHECK (total_minor = net_minor + tax_minor)
);
CREATE UNIQUE INDEX contract_quote ON contract (tenant_id, quote_id);
CREATE UNIQUE INDEX contract_number ON contract (tenant_id, number);
CREATE INDEX contract_owner ON contract (tenant_id, owner_id, id);
CREATE INDEX contract_opportunity ON contract (tenant_id, opportunity_id, id);
CREATE INDEX contract_account ON contract (tenant_id, account_id, id);
CREATE INDEX contract_status ON contract (tenant_id, status, id);
CREATE INDEX contract_created ON contract (tenant_id, created_at, id);
SELECT tenant_table('contract');

CREATE TABLE contract_line (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  position int NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  quantity numeric NOT NULL CHECK (quantity > 0),
  net_minor bigint NOT NULL,
  net_currency text NOT NULL,
  tax_minor bigint NOT NULL,
  tax_currency text NOT NULL,
  gross_minor bigint NOT NULL,
  gross_currency text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contract_id) REFERENCES contract (tenant_id, id),
  CHECK (gross_minor = net_minor + tax_minor)
);
CREATE UNIQUE INDEX contract_line_position ON contract_line (tenant_id, contract_id, position);
SELECT tenant_table('contract_line');

CREATE TABLE sales_order (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  number text COLLATE "C" NOT NULL,
  contract_id text COLLATE "C" NOT NULL,
  opportunity_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  customer_name text,
  owner_id text COLLATE "C",
  total_minor bigint NOT NULL,
  total_currency text NOT NULL,
  placed_on date NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contract_id) REFERENCES contract (tenant_id, id)
);
CREATE UNIQUE INDEX sales_order_contract ON sales_order (tenant_id, contract_id);
CREATE UNIQUE INDEX sales_order_number ON sales_order (tenant_id, number);
CREATE INDEX sales_order_owner ON sales_order (tenant_id, owner_id, id);
CREATE INDEX sales_order_opportunity ON sales_order (tenant_id, opportunity_id, id);
CREATE INDEX sales_order_account ON sales_order (tenant_id, account_id, id);
CREATE INDEX sales_order_created ON sales_order (tenant_id, created_at, id);
SELECT tenant_table('sales_order');

CREATE TABLE order_line (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  order_id text COLLATE "C" NOT NULL,
  position int NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  quantity numeric NOT NULL CHECK (quantity > 0),
  net_minor bigint NOT NULL,
  net_currency text NOT NULL,
  tax_minor bigint NOT NULL,
  tax_currency text NOT NULL,
  gross_minor bigint NOT NULL,
  gross_currency text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, order_id) REFERENCES sales_order (tenant_id, id),
  CHECK (gross_minor = net_minor + tax_minor)
);
CREATE UNIQUE INDEX order_line_position ON order_line (tenant_id, order_id, position);
SELECT tenant_table('order_line');
`,
  ),
  migration(
    '0104-totals-agree',
    `
-- C8: quote total = contract total = sum of order lines, whatever a program does. Checked when the transaction ends, when all lines are there.
CREATE FUNCTION totals_agree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  agreed boolean;
BEGIN
  IF TG_TABLE_NAME = 'quote_version' THEN
    SELECT coalesce(sum(gross_minor), -1) = NEW.gross_minor AND coalesce(sum(net_minor), -1) = NEW.net_minor
       AND sum(header_discount_minor) = NEW.header_discount_minor AND bool_and(gross_currency = NEW.gross_currency)
      INTO agreed FROM quote_line WHERE quote_version_id = NEW.id;
  ELSIF TG_TABLE_NAME = 'contract' THEN
    SELECT coalesce(sum(gross_minor), -1) = NEW.total_minor AND bool_and(gross_currency = NEW.total_currency)
       AND EXISTS (SELECT 1 FROM quote_version v WHERE v.quote_id = NEW.quote_id AND v.number = NEW.quote_version AND v.status = 'accepted'
                     AND v.gross_minor = NEW.total_minor AND v.gross_currency = NEW.total_currency)
      INTO agreed FROM contract_line WHERE contract_id = NEW.id;
  ELSE
    SELECT coalesce(sum(gross_minor), -1) = NEW.total_minor AND bool_and(gross_currency = NEW.total_currency)
       AND EXISTS (SELECT 1 FROM contract c WHERE c.id = NEW.contract_id AND c.total_minor = NEW.total_minor AND c.total_currency = NEW.total_currency)
      INTO agreed FROM order_line WHERE order_id = NEW.id;
  END IF;
  IF agreed IS NOT TRUE THEN
    RAISE EXCEPTION '% % does not agree with its lines', TG_TABLE_NAME, NEW.id USING ERRCODE = '23514', CONSTRAINT = 'totals_agree';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER totals_agree AFTER INSERT OR UPDATE ON quote_version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION totals_agree();
CREATE CONSTRAINT TRIGGER totals_agree AFTER INSERT ON contract DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION totals_agree();
CREATE CONSTRAINT TRIGGER totals_agree AFTER INSERT ON sales_order DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION totals_agree();

-- What was agreed stays: amounts of contracts and orders do not change, their lines neither change nor go, and none is added later.
CREATE FUNCTION amounts_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the amount of % % cannot change', TG_TABLE_NAME, OLD.id USING ERRCODE = '23514', CONSTRAINT = 'amounts_stay';
END $$;
CREATE TRIGGER amounts_stay BEFORE UPDATE ON contract FOR EACH ROW
  WHEN ((OLD.net_minor, OLD.tax_minor, OLD.total_minor, OLD.total_currency, OLD.quote_id, OLD.quote_version)
    IS DISTINCT FROM (NEW.net_minor, NEW.tax_minor, NEW.total_minor, NEW.total_currency, NEW.quote_id, NEW.quote_version)) EXECUTE FUNCTION amounts_stay();
CREATE TRIGGER amounts_stay BEFORE UPDATE ON sales_order FOR EACH ROW
  WHEN ((OLD.total_minor, OLD.total_currency, OLD.contract_id) IS DISTINCT FROM (NEW.total_minor, NEW.total_currency, NEW.contract_id)) EXECUTE FUNCTION amounts_stay();

CREATE FUNCTION lines_agree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  differs boolean;
BEGIN
  IF TG_TABLE_NAME = 'contract_line' THEN
    SELECT bool_or(c.total_minor <> (SELECT sum(l.gross_minor) FROM contract_line l WHERE l.contract_id = c.id))
      INTO differs FROM contract c WHERE c.id IN (SELECT contract_id FROM added);
  ELSE
    SELECT bool_or(o.total_minor <> (SELECT sum(l.gross_minor) FROM order_line l WHERE l.order_id = o.id))
      INTO differs FROM sales_order o WHERE o.id IN (SELECT order_id FROM added);
  END IF;
  IF differs THEN
    RAISE EXCEPTION 'the lines of % do not add up', TG_TABLE_NAME USING ERRCODE = '23514', CONSTRAINT = 'lines_agree';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER lines_agree AFTER INSERT ON contract_line REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION lines_agree();
CREATE TRIGGER lines_agree AFTER INSERT ON order_line REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION lines_agree();

DO $$
DECLARE app text := replace(current_user, '_owner', '_app');
BEGIN
  EXECUTE format('REVOKE UPDATE, DELETE ON contract_line, order_line FROM %I', app);
  EXECUTE format('REVOKE DELETE ON contract, sales_order, quote, quote_version FROM %I', app);
END $$;
`,
  ),
  handoverMigration('0105', 'cpq'),
  migration(
    '0180-account-merged',
    `
ALTER TABLE known_account ADD COLUMN merged_into text COLLATE "C";
`,
  ),
]

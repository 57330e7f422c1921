import { migration } from './migrate.js'

/** What every service's database begins with: tenancy, outbox, inbox, parked events, kept answers, audit, and who works in the company. */
export const baseMigration = migration(
  '0000-base',
  `
CREATE FUNCTION current_tenant() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE tenant text := current_setting('millrace.tenant', true);
BEGIN
  IF tenant IS NULL OR tenant = '' THEN
    RAISE EXCEPTION 'no tenant is set for this transaction' USING ERRCODE = '42501';
  END IF;
  RETURN tenant;
END $$;

-- Puts a table under forced row-level security and grants it to the application's role. The platform's own scope ('*') sees it only on request.
CREATE FUNCTION tenant_table(name text, platform boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  app text := replace(current_user, '_owner', '_app');
  rule text := 'tenant_id = (SELECT current_tenant())' || CASE WHEN platform THEN ' OR (SELECT current_tenant()) = ''*''' ELSE '' END;
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('CREATE POLICY tenant ON %I USING (%s) WITH CHECK (%s)', name, rule, rule);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', name, app);
END $$;

DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', replace(current_user, '_owner', '_app')); END $$;

CREATE TABLE outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL DEFAULT current_tenant(),
  event_id text COLLATE "C" NOT NULL,
  topic text NOT NULL,
  key text COLLATE "C" NOT NULL,
  headers jsonb NOT NULL,
  payload text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
SELECT tenant_table('outbox', platform => true);

CREATE TABLE inbox (
  tenant_id text NOT NULL,
  event_id text COLLATE "C" NOT NULL PRIMARY KEY,
  caused jsonb NOT NULL DEFAULT '[]',
  read_at timestamptz NOT NULL DEFAULT now()
);
SELECT tenant_table('inbox', platform => true);

CREATE TABLE parked (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  tenant_id text NOT NULL,
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  event_id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  topic text NOT NULL,
  key text COLLATE "C" NOT NULL,
  headers jsonb NOT NULL,
  payload bytea NOT NULL,
  stream text NOT NULL,
  position text NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  blocks boolean NOT NULL,
  attempts int NOT NULL DEFAULT 1,
  parked_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (stream, position)
);
CREATE INDEX ON parked (key) WHERE blocks;
SELECT tenant_table('parked', platform => true);

CREATE TABLE idempotency (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  key text COLLATE "C" NOT NULL,
  body_hash text NOT NULL,
  status int NOT NULL,
  answer text NOT NULL,
  headers jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, key)
);
SELECT tenant_table('idempotency', platform => true);

CREATE TABLE audit (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL DEFAULT current_tenant(),
  aggregate text NOT NULL,
  aggregate_id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  action text NOT NULL,
  actor_id text,
  change jsonb NOT NULL,
  trace_id text,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON audit (tenant_id, aggregate_id, seq);
SELECT tenant_table('audit');
-- What concerns several tenants (an event batch, a new tenant) writes its audit rows at commit, when it stands on the platform again.
CREATE POLICY platform_adds ON audit FOR INSERT WITH CHECK ((SELECT current_tenant()) = '*');

CREATE TABLE directory_unit (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  parent_id text,
  path text COLLATE "C" NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ON directory_unit (tenant_id, path);
SELECT tenant_table('directory_unit');

CREATE TABLE directory_user (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  email text NOT NULL,
  unit_id text,
  active boolean NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ON directory_user (tenant_id, unit_id);
CREATE INDEX ON directory_user (tenant_id, email);
SELECT tenant_table('directory_user');
`,
)

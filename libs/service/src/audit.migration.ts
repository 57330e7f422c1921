import { migration } from './migrate.js'

/** The audit trail cannot be changed unseen: who wrote it may only add, and seals chain its rows in the order of their transactions. */
export const auditMigration = migration(
  '0006-audit',
  `
ALTER TABLE audit
  ADD COLUMN channel text,
  ADD COLUMN address text,
  ADD COLUMN txid bigint NOT NULL DEFAULT 0;
ALTER TABLE audit ALTER COLUMN txid SET DEFAULT pg_current_xact_id()::text::bigint;
CREATE INDEX audit_order ON audit (txid, seq);
CREATE POLICY platform_reads ON audit FOR SELECT USING ((SELECT current_tenant()) = '*');
DO $$ BEGIN EXECUTE format('REVOKE UPDATE, DELETE ON audit FROM %I', replace(current_user, '_owner', '_app')); END $$;

CREATE TABLE audit_seal (
  tenant_id text NOT NULL,
  n int NOT NULL,
  upto_txid bigint NOT NULL,
  upto_seq bigint NOT NULL,
  rows int NOT NULL,
  row_hashes bytea NOT NULL,
  hash text NOT NULL,
  sealed_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, n)
);
SELECT tenant_table('audit_seal', platform => true);
DO $$ BEGIN EXECUTE format('REVOKE UPDATE, DELETE ON audit_seal FROM %I', replace(current_user, '_owner', '_app')); END $$;

-- How far the trail of all companies is sealed.
CREATE TABLE audit_sealing (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  upto_txid bigint NOT NULL,
  upto_seq bigint NOT NULL
);
SELECT tenant_table('audit_sealing', platform => true);
`,
)

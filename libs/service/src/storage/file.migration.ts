/**
 * The table of a service that keeps files; its own migration begins with it. Published like every migration, so it never changes: what comes
 * later is a text of its own.
 */
export const storedFileTable = `
CREATE TABLE stored_file (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  status text NOT NULL CHECK (status IN ('receiving', 'kept', 'dropped')),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX stored_file_unsettled ON stored_file (tenant_id, status, created_at) WHERE status IN ('receiving', 'dropped');
SELECT tenant_table('stored_file', platform => true);
`

import { migration } from '@millrace/service'

const aggregate = `
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,`

/** Identity's own database, step by step; forward only. */
export const identityMigrations = [
  migration(
    '0100-identity',
    `
-- The operator sees all tenants, and their names are unique over the platform.
CREATE TABLE tenant (${aggregate}
  name text NOT NULL,
  name_key text NOT NULL,
  currency text NOT NULL,
  zone text NOT NULL,
  language text NOT NULL CHECK (language IN ('en', 'zh-CN')),
  PRIMARY KEY (tenant_id, id),
  CHECK (tenant_id = id)
);
CREATE UNIQUE INDEX tenant_name ON tenant (name_key);
SELECT tenant_table('tenant', platform => true);

CREATE TABLE org_unit (${aggregate}
  name text NOT NULL,
  name_key text NOT NULL,
  parent_id text COLLATE "C",
  path text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, parent_id) REFERENCES org_unit (tenant_id, id)
);
CREATE UNIQUE INDEX org_unit_name ON org_unit (tenant_id, parent_id, name_key) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX org_unit_root ON org_unit (tenant_id) WHERE parent_id IS NULL;
CREATE INDEX org_unit_path ON org_unit (tenant_id, path);
SELECT tenant_table('org_unit');

CREATE TABLE "user" (${aggregate}
  name text NOT NULL,
  email text NOT NULL,
  email_key text NOT NULL,
  unit_id text COLLATE "C" NOT NULL,
  roles jsonb NOT NULL,
  active boolean NOT NULL,
  external_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, unit_id) REFERENCES org_unit (tenant_id, id)
);
CREATE UNIQUE INDEX user_email ON "user" (tenant_id, email_key);
CREATE UNIQUE INDEX user_external_id ON "user" (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX user_name ON "user" (tenant_id, name, id);
CREATE INDEX user_unit ON "user" (tenant_id, unit_id, id);
SELECT tenant_table('user');

-- Whoever signs in gives an e-mail before any tenant is known, so an e-mail belongs to one person of the whole platform.
CREATE TABLE login (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  email_key text COLLATE "C" NOT NULL PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL UNIQUE,
  password_hash text
);
SELECT tenant_table('login', platform => true);

CREATE TABLE api_client (${aggregate}
  name text NOT NULL,
  roles jsonb NOT NULL,
  active boolean NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('api_client');

-- Apart from the clients for the same reason as the logins from the users, and so that no audit row ever holds a hash.
CREATE TABLE client_secret (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  client_id text COLLATE "C" NOT NULL PRIMARY KEY,
  secret_hash text NOT NULL
);
SELECT tenant_table('client_secret', platform => true);

CREATE TABLE sign_in_attempt (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  key text COLLATE "C" NOT NULL,
  failures int NOT NULL,
  last_at timestamptz NOT NULL,
  locked_until timestamptz,
  PRIMARY KEY (tenant_id, key)
);
SELECT tenant_table('sign_in_attempt', platform => true);

CREATE TABLE signing_key (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  kid text COLLATE "C" NOT NULL,
  sealed bytea NOT NULL,
  signs_from timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, kid)
);
SELECT tenant_table('signing_key', platform => true);

-- Sessions, grants, codes and refresh tokens: ids hashed, contents sealed, so that a copy of the table signs nobody in.
CREATE TABLE sign_in_record (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  model text NOT NULL,
  id text COLLATE "C" NOT NULL,
  grant_id text COLLATE "C",
  uid text COLLATE "C",
  account_id text COLLATE "C",
  sealed bytea NOT NULL,
  consumed_at timestamptz,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, model, id)
);
CREATE INDEX ON sign_in_record (tenant_id, grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX ON sign_in_record (tenant_id, uid) WHERE uid IS NOT NULL;
CREATE INDEX ON sign_in_record (tenant_id, account_id) WHERE account_id IS NOT NULL;
CREATE INDEX ON sign_in_record (tenant_id, expires_at);
SELECT tenant_table('sign_in_record', platform => true);
`,
  ),
  migration(
    '0110-calendar',
    `
CREATE TABLE calendar (${aggregate}
  name text NOT NULL,
  zone text NOT NULL,
  week jsonb NOT NULL,
  exceptions jsonb NOT NULL,
  is_default boolean NOT NULL,
  unit_ids jsonb NOT NULL,
  user_ids jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX calendar_name ON calendar (tenant_id, name);
SELECT tenant_table('calendar');

CREATE TABLE absence (${aggregate}
  owner_id text COLLATE "C" NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
  deputy_id text COLLATE "C",
  kind text NOT NULL,
  note text,
  withdrawn_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, owner_id) REFERENCES "user" (tenant_id, id)
);
CREATE INDEX absence_owner ON absence (tenant_id, owner_id, ends_at);
CREATE INDEX absence_starts ON absence (tenant_id, starts_at, id);
SELECT tenant_table('absence');
`,
  ),
  migration(
    '0180-view',
    `
CREATE TABLE view (${aggregate}
  name text NOT NULL,
  list text NOT NULL,
  filters jsonb NOT NULL,
  columns jsonb NOT NULL,
  sort text,
  saved_by text COLLATE "C" NOT NULL,
  shared_with text NOT NULL CHECK (shared_with IN ('nobody', 'unit', 'company')),
  unit_id text COLLATE "C",
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, unit_id) REFERENCES org_unit (tenant_id, id),
  CHECK ((shared_with = 'unit') = (unit_id IS NOT NULL))
);
CREATE INDEX view_saved_by ON view (tenant_id, saved_by, list);
CREATE INDEX view_shared ON view (tenant_id, shared_with, id) WHERE shared_with <> 'nobody';
SELECT tenant_table('view');

CREATE TABLE view_default (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  user_id text COLLATE "C" NOT NULL,
  list text NOT NULL,
  view_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, user_id, list),
  FOREIGN KEY (tenant_id, view_id) REFERENCES view (tenant_id, id)
);
SELECT tenant_table('view_default');
`,
  ),
]

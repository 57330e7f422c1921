import { migration } from '@millrace/service'

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
]

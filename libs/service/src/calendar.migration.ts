import { migration } from './migrate.js'

/** When people of the company work and when they are away, in which zone its days begin, and what roles people have. */
export const calendarMigration = migration(
  '0003-calendar',
  `
-- Null: not known, learnt before roles were kept here.
ALTER TABLE directory_user ADD COLUMN roles jsonb;

CREATE TABLE directory_company (
  tenant_id text NOT NULL DEFAULT current_tenant() PRIMARY KEY,
  zone text NOT NULL,
  version int NOT NULL
);
SELECT tenant_table('directory_company');

CREATE TABLE directory_calendar (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  zone text NOT NULL,
  week jsonb NOT NULL,
  exceptions jsonb NOT NULL,
  is_default boolean NOT NULL,
  unit_ids jsonb NOT NULL,
  user_ids jsonb NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
SELECT tenant_table('directory_calendar');

CREATE TABLE directory_absence (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  deputy_id text COLLATE "C",
  withdrawn boolean NOT NULL,
  version int NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX directory_absence_user ON directory_absence (tenant_id, user_id, ends_at) WHERE NOT withdrawn;
SELECT tenant_table('directory_absence');
`,
)

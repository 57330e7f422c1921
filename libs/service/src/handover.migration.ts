import type { HandingService } from '@millrace/contracts'
import { migration, type Migration } from './migrate.js'

/** What a service keeps of the handovers that it takes part in; `number` is the migration's place among the service's own. */
export function handoverMigration(number: string, service: HandingService): Migration {
  return migration(
    `${number}-handover`,
    `
-- The service's part in a handover, by the id of the handover.
CREATE TABLE ${service}_handover (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  journey_id text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  owner_id text COLLATE "C" NOT NULL,
  to_user_id text COLLATE "C" NOT NULL,
  only_accounts boolean NOT NULL,
  asked int NOT NULL,
  step text NOT NULL CHECK (step IN ('count', 'move', 'recheck', 'move_back')),
  done boolean NOT NULL,
  nouns jsonb NOT NULL,
  refusal jsonb,
  by_id text,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ${service}_handover_working ON ${service}_handover (tenant_id, id) WHERE NOT done;
SELECT tenant_table('${service}_handover', platform => true);

CREATE TABLE handed_account (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  handover_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  to_user_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, handover_id, account_id)
);
SELECT tenant_table('handed_account');

CREATE TABLE handed_record (
  tenant_id text NOT NULL DEFAULT current_tenant(),
  handover_id text COLLATE "C" NOT NULL,
  noun text COLLATE "C" NOT NULL,
  record_id text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('planned', 'moved', 'left', 'returned', 'stayed')),
  to_user_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C",
  amount_minor bigint,
  amount_currency text,
  found_user_id text,
  PRIMARY KEY (tenant_id, handover_id, noun, record_id)
);
CREATE INDEX handed_record_state ON handed_record (tenant_id, handover_id, noun, state, record_id);
SELECT tenant_table('handed_record');
`,
  )
}

import { Controller } from '@nestjs/common'
import {
  AccountChanged,
  AccountOpened,
  ProcessPublished,
  ProductChanged,
  ProductCreated,
  TenantChanged,
  TenantCreated,
} from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'

/** Learns what things are called, which stages a process has, and in which zone the company's days begin. */
@Controller()
export class NamesConsumers {
  @On(AccountOpened)
  openAccount(event: Received<typeof AccountOpened>, tx: Transaction) {
    tx.gather(keepAccounts, nameIn(event))
  }

  @On(AccountChanged)
  changeAccount(event: Received<typeof AccountChanged>, tx: Transaction) {
    tx.gather(keepAccounts, nameIn(event))
  }

  @On(ProductCreated)
  createProduct(event: Received<typeof ProductCreated>, tx: Transaction) {
    tx.gather(keepProducts, nameIn(event))
  }

  @On(ProductChanged)
  changeProduct(event: Received<typeof ProductChanged>, tx: Transaction) {
    tx.gather(keepProducts, nameIn(event))
  }

  @On(TenantCreated)
  createTenant(event: Received<typeof TenantCreated>, tx: Transaction) {
    return keepZone(tx, event)
  }

  @On(TenantChanged)
  changeTenant(event: Received<typeof TenantChanged>, tx: Transaction) {
    return keepZone(tx, event)
  }

  @On(ProcessPublished)
  async publishProcess({ payload }: Received<typeof ProcessPublished>, tx: Transaction): Promise<void> {
    const { processId, family, number, name, names, stages } = payload
    await tx.query(
      `WITH published AS (
         INSERT INTO sales_process (id, family, number, names) VALUES ($1, $2, $3, $4::jsonb) ON CONFLICT DO NOTHING RETURNING id)
       INSERT INTO process_stage (process_id, key, position, names, outcome)
       SELECT published.id, key, position, names::jsonb, outcome
       FROM published, unnest($5::text[], $6::text[], $7::text[]) WITH ORDINALITY AS given(key, names, outcome, position)`,
      [
        processId,
        family,
        number,
        JSON.stringify(names ?? { en: name, 'zh-CN': name }),
        stages.map(({ key }) => key),
        stages.map((stage) => JSON.stringify(stage.names ?? { en: stage.name, 'zh-CN': stage.name })),
        stages.map(({ outcome }) => outcome ?? 'open'),
      ],
    )
  }
}

type Named = { readonly subject: string; readonly sequence: number; readonly payload: { readonly name: string } }

interface Name {
  readonly id: string
  readonly name: string
  readonly sequence: number
}

const nameIn = ({ subject, sequence, payload }: Named): Name => ({ id: subject, name: payload.name, sequence })
const keepAccounts = keepNames('known_account')
const keepProducts = keepNames('known_product')

/** Stores the latest names of a batch of events. */
function keepNames(table: 'known_account' | 'known_product') {
  return (tx: Transaction, names: readonly Name[]): void =>
    tx.send(
      `INSERT INTO ${table} (id, name, sequence)
       SELECT DISTINCT ON (id) id, name, sequence FROM unnest($1::text[], $2::text[], $3::int[]) WITH ORDINALITY AS given(id, name, sequence, n)
       ORDER BY id, sequence DESC, n DESC
       ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, sequence = excluded.sequence WHERE ${table}.sequence <= excluded.sequence`,
      [names.map(({ id }) => id), names.map(({ name }) => name), names.map(({ sequence }) => sequence)],
    )
}

async function keepZone(tx: Transaction, { sequence, payload }: { sequence: number; payload: { zone: string } }): Promise<void> {
  await tx.query(
    `INSERT INTO known_tenant (zone, sequence) VALUES ($1, $2)
     ON CONFLICT (tenant_id) DO UPDATE SET zone = excluded.zone, sequence = excluded.sequence WHERE known_tenant.sequence <= excluded.sequence`,
    [payload.zone, sequence],
  )
}

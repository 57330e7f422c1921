import { Controller } from '@nestjs/common'
import { OrderPlaced, ProductChanged, ProductCreated } from '@millrace/contracts'
import { On, type Received, type Transaction } from '@millrace/service'

/** Keeps which products each account ordered, and of which family each product is today. They are put together when suggestions are worked out. */
@Controller()
export class SecondSaleConsumers {
  @On(ProductCreated)
  createProduct(event: Received<typeof ProductCreated>, tx: Transaction): void {
    tx.gather(keepFamilies, event)
  }

  @On(ProductChanged)
  changeProduct(event: Received<typeof ProductChanged>, tx: Transaction): void {
    tx.gather(keepFamilies, event)
  }

  @On(OrderPlaced)
  placeOrder(event: Received<typeof OrderPlaced>, tx: Transaction): void {
    tx.gather(keepOrders, event)
  }
}

function keepFamilies(tx: Transaction, events: readonly Received<typeof ProductCreated>[]): void {
  // Of one product the last of them: one statement changes a row once only.
  const latest = new Map(events.map((event) => [event.payload.productId, event]))
  for (const event of events) {
    const { productId } = event.payload
    if (event.sequence > latest.get(productId)!.sequence) latest.set(productId, event)
  }
  const rows = [...latest.values()]
  tx.send(
    `INSERT INTO known_product (id, family, sequence, event_id)
     SELECT id, family, sequence, event FROM unnest($1::text[], $2::text[], $3::int[], $4::text[]) AS given(id, family, sequence, event) ORDER BY id
     ON CONFLICT (tenant_id, id) DO UPDATE SET family = excluded.family, sequence = excluded.sequence, event_id = excluded.event_id
     WHERE known_product.sequence < excluded.sequence`,
    [
      rows.map(({ payload }) => payload.productId),
      rows.map(({ payload }) => payload.family),
      rows.map(({ sequence }) => sequence),
      rows.map(({ id }) => id),
    ],
  )
}

function keepOrders(tx: Transaction, events: readonly Received<typeof OrderPlaced>[]): void {
  const rows = events.flatMap(({ id, payload: { orderId, accountId, lines } }) =>
    [...new Set(lines.map(({ productId }) => productId))].map((productId) => ({ orderId, productId, accountId, id })),
  )
  if (!rows.length) return
  tx.send(
    `INSERT INTO known_order_product (order_id, product_id, account_id, event_id) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
     ON CONFLICT DO NOTHING`,
    [
      rows.map(({ orderId }) => orderId),
      rows.map(({ productId }) => productId),
      rows.map(({ accountId }) => accountId),
      rows.map(({ id }) => id),
    ],
  )
  tx.send('INSERT INTO second_sale_run (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING', [tx.tenant])
}

import { amountText, line, text } from '@millrace/contracts'
import { Money, Refusal } from '@millrace/domain'
import type { ImportKind } from '@millrace/service'
import { z } from 'zod'
import type { ProductService } from './product.service.js'

/** Products from a file. The code (by default the name) or `externalId` makes a repeat add nothing; a price goes into the default price book. */
const fields = z.object({
  externalId: line(200).optional(),
  code: line(60).optional(),
  name: line(200),
  family: line(100).optional(),
  description: text(5000).optional(),
  unit: line(40).optional(),
  price: amountText.optional(),
  currency: z.string().max(3).optional(),
})

type Row = z.infer<typeof fields>

export function productImport(products: ProductService): ImportKind<typeof fields> {
  return {
    kind: 'products',
    shape: fields,
    async apply(tx, rows) {
      const read = rows.map(({ fields }) => readRow(fields))
      const outcomes = await products.importAll(
        tx,
        read.flatMap((row) => (row instanceof Refusal ? [] : row)),
      )
      return read.map((row) => (row instanceof Refusal ? row : outcomes.shift()!))
    },
  }
}

/** What can be refused by looking at the row alone is refused here: thrown later, it would make the whole chunk be done row by row. */
function readRow({ price, currency, code, ...given }: Row) {
  try {
    if (!code && given.name.length > 60) return Refusal.invalid('product.code_missing', { name: given.name })
    if (price && !currency) return Refusal.invalid('product.currency_missing')
    const amount = price ? Money.parse(price, currency!) : null
    if (amount?.isNegative()) return Refusal.invalid('money.negative', { amount: price })
    return {
      name: given.name,
      code: code ?? given.name,
      family: given.family ?? null,
      description: given.description ?? null,
      unit: given.unit ?? null,
      externalId: given.externalId ?? null,
      price: amount,
    }
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

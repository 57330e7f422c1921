import { AccountOpened, createProduct, createPriceBook, OpportunityOpened, setPrice, type Sent } from '@millrace/contracts'
import { newId, type Id } from '@millrace/domain'
import type { Company, Person, TestService, World } from '@millrace/testing'

/** A deal as the opportunity service tells it: Amy's, with an account, unless told otherwise. */
export async function aDeal(world: World, cpq: TestService, company: Company, given: Partial<Sent<typeof OpportunityOpened>> = {}) {
  const { tenantId, amy } = company
  const [accountId, opportunityId, journeyId] = [newId('account'), newId('opportunity'), newId('journey')]
  const account = { accountId, name: '云图科技', ownerId: amy.id, parentId: null, industry: null, country: 'CN' }
  await world.publish(tenantId, AccountOpened, accountId, account, { journeyId })
  const deal = {
    opportunityId,
    title: 'CRM for 120 seats',
    accountId,
    ownerId: amy.id,
    processId: newId('process'),
    stage: { key: 'proposal', name: 'Proposal' },
    amount: null,
    products: [],
    expectedCloseOn: null,
    source: null,
    ...given,
  }
  await world.publish(tenantId, OpportunityOpened, opportunityId, deal, { journeyId })
  await cpq.settled()
  return { ...deal, accountId, journeyId }
}

/** A catalogue of two products with prices in the default book: a seat at 99.99 and a set-up at 5,000.00. */
export async function aCatalogue(cpq: TestService, keeper: Person, currency = 'CNY') {
  const caller = cpq.as(keeper)
  const book: { id: Id<'price_book'> } = await caller.does(createPriceBook, { body: { name: `Standard ${currency}`, currency } })
  const product = async (code: string, name: string, price: string): Promise<Id<'product'>> => {
    const { id } = await caller.does(createProduct, { body: { code: `${code}-${currency}`, name, unit: 'piece' } })
    await caller.does(setPrice, { params: { id: book.id, productId: id }, body: { price: { amount: price, currency } } })
    return id
  }
  return { book: book.id, seat: await product('SEAT', 'Seat', '99.99'), setUp: await product('SETUP', 'Set-up', '5000.00') }
}

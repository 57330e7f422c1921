import { Refusal } from './refusal.js'

describe('a refusal', () => {
  it('says why in a stable code and gives the facts', () => {
    const refusal = new Refusal('lead.not_qualified', { status: 'new' })
    expect(refusal).toMatchObject({
      name: 'Refusal',
      message: 'lead.not_qualified',
      code: 'lead.not_qualified',
      details: { status: 'new' },
    })
  })

  it('is an error that code can catch and tell from a fault', () => {
    expect(new Refusal('lead.no_owner')).toBeInstanceOf(Error)
    expect(new Error('lead.no_owner')).not.toBeInstanceOf(Refusal)
  })

  it('breaks a business rule unless it says otherwise', () => {
    expect(new Refusal('lead.no_owner')).toMatchObject({ kind: 'refused', details: {} })
  })

  it('may mean that the wish makes no sense', () => {
    expect(Refusal.invalid('money.malformed', { amount: 'abc' })).toMatchObject({
      kind: 'invalid',
      code: 'money.malformed',
      details: { amount: 'abc' },
    })
  })

  it('may mean that the wish is not yours to make', () => {
    expect(Refusal.forbidden('quote.not_yours')).toMatchObject({ kind: 'forbidden', code: 'quote.not_yours', details: {} })
  })

  it('may mean that there is no such thing', () => {
    expect(Refusal.notFound('lead', 'lead_1')).toMatchObject({ kind: 'notFound', code: 'lead.not_found', details: { id: 'lead_1' } })
  })
})

import { lifecycle } from './lifecycle.js'
import { Refusal } from './refusal.js'

const quote = lifecycle('quote', {
  draft: ['submitted', 'withdrawn'],
  submitted: ['approved', 'draft'],
  approved: ['accepted', 'withdrawn'],
  accepted: [],
  withdrawn: [],
})

function refusalOf(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('the lifecycle of a quote', () => {
  it('knows its noun, its states and its moves', () => {
    expect(quote.noun).toBe('quote')
    expect(quote.states).toEqual(['draft', 'submitted', 'approved', 'accepted', 'withdrawn'])
    expect(quote.moves.submitted).toEqual(['approved', 'draft'])
  })

  it('begins with the first state of the table', () => {
    expect(quote.initial).toBe('draft')
  })

  it('makes a move that is in the table', () => {
    expect(quote.can('draft', 'submitted')).toBe(true)
    expect(quote.move('draft', 'submitted')).toBe('submitted')
  })

  it('refuses every move that is not in the table and says which are allowed', () => {
    for (const from of quote.states) {
      for (const to of quote.states.filter((state) => !quote.moves[from].includes(state))) {
        expect(quote.can(from, to)).toBe(false)
        const refusal = refusalOf(() => quote.move(from, to))
        expect(refusal).toBeInstanceOf(Refusal)
        expect(refusal).toMatchObject({ code: 'quote.illegal_move', kind: 'refused', details: { from, to, allowed: quote.moves[from] } })
      }
    }
  })

  it('refuses to move from a state it does not know, as an old row may hold', () => {
    const refusal = refusalOf(() => quote.move('lost' as 'draft', 'submitted'))
    expect(refusal).toMatchObject({ code: 'quote.illegal_move', details: { from: 'lost', allowed: [] } })
  })

  it('is over once accepted or withdrawn', () => {
    expect(quote.states.filter((state) => quote.isFinal(state))).toEqual(['accepted', 'withdrawn'])
  })

  it('reaches every state, over several moves if need be', () => {
    expect(quote.unreachable()).toEqual([])
  })

  it('finds states that nothing leads to, even when they lead to each other', () => {
    const order = lifecycle('order', { placed: ['shipped'], shipped: [], lost: ['found'], found: ['lost'] })
    expect(order.unreachable()).toEqual(['lost', 'found'])
  })

  it('cannot be declared without states', () => {
    expect(() => lifecycle('nothing', {})).toThrow('no states')
  })

  it('does not compile with a misspelt state', () => {
    // The type check fails here when the next line stops being an error.
    // @ts-expect-error
    const order = lifecycle('order', { placed: ['shiped'], shipped: [] })
    // @ts-expect-error
    expect(quote.can('draft', 'aproved')).toBe(false)
    // @ts-expect-error
    const state: typeof quote.state = 'lost'
    expect([order.noun, state]).toEqual(['order', 'lost'])
  })
})

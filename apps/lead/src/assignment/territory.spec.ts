import { newId, type Id } from '@millrace/domain'
import { checkTree, territoryOf, type Place } from './territory.js'

const place = (condition: string, parent: Place | null = null, memberIds: Id<'user'>[] = []): Place => ({
  id: newId('territory'),
  parentId: parent?.id ?? null,
  condition,
  memberIds,
})
const [amy, bob] = [newId('user'), newId('user')]
const asia = place('asia', null, [amy])
const china = place('china', asia)
const shanghai = place('shanghai', china, [bob])
const europe = place('', null)
const all = [asia, china, shanghai, europe]
const of = (holding: string[], root: Id<'territory'> | null = null, places = all) =>
  territoryOf(places, (condition) => holding.includes(condition), root)

describe('the territory of a lead', () => {
  it('is the deepest whose condition holds, with those of all above it', () => {
    expect(of(['asia', 'china', 'shanghai'])?.id).toBe(shanghai.id)
    expect(of(['asia', 'shanghai'])?.id).toBe(asia.id)
    expect(of([])?.id).toBe(europe.id)
    expect(of([], null, [asia, china])).toBeUndefined()
  })

  it('has its own people, or those of the territory above', () => {
    expect(of(['asia', 'china', 'shanghai'])?.memberIds).toEqual([bob])
    expect(of(['asia', 'china'])?.memberIds).toEqual([amy])
    expect(of([])?.memberIds).toEqual([])
  })

  it('is looked for below one territory, whose parents have to hold too', () => {
    expect(of(['asia', 'china'], china.id)).toMatchObject({ id: china.id, memberIds: [amy] })
    expect(of(['asia', 'china', 'shanghai'], china.id)?.id).toBe(shanghai.id)
    expect(of(['china', 'shanghai'], china.id)).toBeUndefined()
    expect(of(['asia'], china.id)).toBeUndefined()
    expect(of(['asia', 'china'], newId('territory'))).toBeUndefined()
  })

  it('is none below a closed one', () => {
    expect(of(['asia', 'china', 'shanghai'], null, [asia, shanghai])?.id).toBe(asia.id)
    expect(of(['asia', 'china', 'shanghai'], shanghai.id, [asia, shanghai])).toBeUndefined()
  })
})

describe('the tree of territories', () => {
  const refusal = (places: Pick<Place, 'id' | 'parentId'>[]) => {
    try {
      checkTree(places)
      return undefined
    } catch (error) {
      return (error as { code?: string }).code
    }
  }

  it('has no circle and a bound', () => {
    expect(refusal(all)).toBeUndefined()
    expect(refusal([{ id: asia.id, parentId: shanghai.id }, china, shanghai])).toBe('territory.cycle')
    expect(refusal([{ id: asia.id, parentId: asia.id }])).toBe('territory.cycle')
    const tower = Array.from({ length: 13 }, () => newId('territory'))
    expect(refusal(tower.slice(0, 12).map((id, n) => ({ id, parentId: tower[n - 1] ?? null })))).toBeUndefined()
    expect(refusal(tower.map((id, n) => ({ id, parentId: tower[n - 1] ?? null })))).toBe('territory.too_deep')
  })
})

import { newId } from '@millrace/domain'
import { levels, OrgUnit } from './org-unit.js'

const monday = new Date('2026-11-02T08:00:00Z')
const tuesday = new Date('2026-11-03T08:00:00Z')
const unit = (name: string, parent: OrgUnit | null) =>
  OrgUnit.add({ id: newId('org_unit'), version: 1, journeyId: newId('journey'), createdAt: monday, updatedAt: monday, name }, parent)
const head = unit('Head office', null)
const north = unit('North', head)
const south = unit('South', head)
const team = unit('Team 1', north)
const refusal = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}

describe('an organisational unit', () => {
  it('knows the way down to it', () => {
    expect(head).toMatchObject({ parentId: null, path: `/${head.id}/`, level: 1 })
    expect(team).toMatchObject({ parentId: north.id, path: `/${head.id}/${north.id}/${team.id}/`, level: 3 })
  })

  it('moves below another, and those below it follow', () => {
    const moved = north.moveTo(south, tuesday)
    expect(moved).toMatchObject({ parentId: south.id, path: `/${head.id}/${south.id}/${north.id}/`, updatedAt: tuesday })
    expect(team.follow(north, moved, tuesday).path).toBe(`/${head.id}/${south.id}/${north.id}/${team.id}/`)
    expect(north.moveTo(head, tuesday)).toBe(north)
  })

  it('is never below itself', () => {
    expect(refusal(() => north.moveTo(north, tuesday))).toBe('org_unit.cycle')
    expect(refusal(() => north.moveTo(team, tuesday))).toBe('org_unit.cycle')
  })

  it('stays at the top when it is the top', () => {
    expect(refusal(() => head.moveTo(south, tuesday))).toBe('org_unit.root')
  })

  it('is at most twenty levels deep, with all that is below it', () => {
    let deepest = head
    while (deepest.level < levels) deepest = unit(`level ${deepest.level + 1}`, deepest)
    expect(refusal(() => unit('one more', deepest))).toBe('org_unit.too_deep')
    expect(refusal(() => south.moveTo(deepest, tuesday))).toBe('org_unit.too_deep')
    const above = unit('elsewhere', head)
    expect(refusal(() => above.moveTo(south, tuesday, levels - 3))).toBeUndefined()
    expect(refusal(() => above.moveTo(south, tuesday, levels - 2))).toBe('org_unit.too_deep')
  })

  it('has a name whose width and case do not matter', () => {
    expect(unit('\uff2eord 1', head).nameKey).toBe('nord 1')
    expect(north.rename(' NORTH ', tuesday).nameKey).toBe(north.nameKey)
  })
})

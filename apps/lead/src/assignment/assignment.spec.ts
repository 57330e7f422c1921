import { newId, officeHours } from '@millrace/domain'
import fc from 'fast-check'
import { monday } from '../lead/lead.fixture.js'
import { Assigner, byGrade, type Rep, type Strategy, type Wish } from './assignment.js'

const calendar = officeHours('Asia/Shanghai')
const rep = (given: Partial<Rep> = {}): Rep => ({ id: newId('user'), active: true, open: 0, capacity: null, calendar, turns: {}, ...given })
const wish = (strategy: Strategy = 'round_robin', given: Partial<Wish['rule']> = {}): Wish => ({
  rule: { id: newId('assignment_rule'), name: 'rule', strategy, atWorkOnly: false, poolId: null, ...given },
  territoryId: null,
  isFor: () => true,
})
const give = (assigner: Assigner, wishes: Wish[], count: number, at = monday) =>
  Array.from({ length: count }, () => assigner.decide(wishes, at)?.userId ?? null)
const counts = (given: (string | null)[], reps: Rep[]) => reps.map(({ id }) => given.filter((userId) => userId === id).length)

describe('who gets a lead', () => {
  it('is in turn, whoever has how many: the one whose turn is longest ago', () => {
    const rule = wish()
    const reps = [rep({ open: 9, turns: { [rule.rule.id]: 7 } }), rep({ turns: { [rule.rule.id]: 8 } }), rep({ open: 5 })]
    expect(give(new Assigner(reps), [rule], 4)).toEqual([reps[2]!.id, reps[0]!.id, reps[1]!.id, reps[2]!.id])
  })

  it('is who has the fewest, or the fewest for what they can carry', () => {
    const reps = [rep({ open: 4, capacity: 100 }), rep({ open: 2, capacity: 10 })]
    expect(give(new Assigner(reps), [wish('least_loaded')], 3)).toEqual([reps[1]!.id, reps[1]!.id, expect.any(String)])
    expect(give(new Assigner(reps), [wish('capacity_weighted')], 2)).toEqual([reps[0]!.id, reps[0]!.id])
  })

  it('is nobody who is gone, away, full, or, where the rule asks for it, not at work; and it is told why', () => {
    const away = { ...calendar, away: [{ startsAt: new Date(monday.getTime() - 1), endsAt: new Date(monday.getTime() + 1) }] }
    const reps = [
      rep({ active: false }),
      rep({ calendar: away }),
      rep({ open: 3, capacity: 3 }),
      rep({ calendar: officeHours('America/New_York') }),
      rep(),
    ]
    const decision = new Assigner(reps).decide([wish('round_robin', { atWorkOnly: true })], monday)!
    expect(decision.userId).toBe(reps[4]!.id)
    expect(decision.considered.map(({ userId, hindrance }) => [userId, hindrance])).toEqual([
      [reps[4]!.id, null],
      [reps[0]!.id, 'inactive'],
      [reps[1]!.id, 'absent'],
      [reps[2]!.id, 'at_capacity'],
      [reps[3]!.id, 'off_work'],
    ])
    expect(give(new Assigner(reps.slice(0, 4)), [wish()], 1)).toEqual([reps[3]!.id])
  })

  it('is found by the next rule when the first finds nobody, unless that one has a pool for it', () => {
    const [full, free] = [rep({ open: 1, capacity: 1 }), rep()]
    const first = { ...wish(), isFor: ({ id }: { id: string }) => id === full.id }
    expect(new Assigner([full, free]).decide([first, wish()], monday)).toMatchObject({ userId: free.id, poolId: null })
    const poolId = newId('pool')
    const pooling = { ...first, rule: { ...first.rule, poolId } }
    expect(new Assigner([full, free]).decide([pooling, wish()], monday)).toMatchObject({
      userId: null,
      poolId,
      considered: [{ userId: full.id }],
    })
    expect(new Assigner([full]).decide([wish()], monday)).toBeUndefined()
  })

  it('comes to the best grade first', () => {
    expect(
      byGrade([
        { grade: 'C', n: 1 },
        { grade: null, n: 2 },
        { grade: 'A', n: 3 },
        { grade: 'C', n: 4 },
      ]).map(({ n }) => n),
    ).toEqual([3, 1, 4, 2])
  })
})

describe('whatever there is to give', () => {
  const people = fc.array(fc.record({ open: fc.integer({ min: 0, max: 20 }), capacity: fc.option(fc.integer({ min: 0, max: 30 })) }), {
    minLength: 1,
    maxLength: 8,
  })
  const strategy = fc.constantFrom<Strategy>('round_robin', 'least_loaded', 'capacity_weighted')

  it('round robin gives everybody as many, but for one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 60 }), fc.array(fc.nat(50)), (size, leads, past) => {
        const rule = wish()
        const turns = (n: number) => (past[n] === undefined ? {} : { [rule.rule.id]: past[n] })
        const reps = Array.from({ length: size }, (_, n) => rep({ open: n * 3, turns: turns(n) as Record<string, number> }))
        const got = counts(give(new Assigner(reps), [rule], leads), reps)
        expect(Math.max(...got) - Math.min(...got)).toBeLessThanOrEqual(1)
        expect(got.reduce((sum, each) => sum + each, 0)).toBe(leads)
      }),
    )
  })

  it('nobody ever has more than they can carry by it, and nothing is held back while somebody can take it', () => {
    fc.assert(
      fc.property(people, strategy, fc.integer({ min: 0, max: 80 }), (given, how, leads) => {
        const reps = given.map((each) => rep(each))
        const got = counts(give(new Assigner(reps), [wish(how)], leads), reps)
        const room = reps.map(({ open, capacity }) => (capacity === null ? leads : Math.max(0, capacity - open)))
        got.forEach((count, n) => expect(count).toBeLessThanOrEqual(room[n]!))
        expect(got.reduce((sum, each) => sum + each, 0)).toBe(
          Math.min(
            leads,
            room.reduce((sum, each) => sum + each, 0),
          ),
        )
      }),
    )
  })

  it('the least loaded gets it, so that loads come together', () => {
    fc.assert(
      fc.property(people, fc.integer({ min: 1, max: 80 }), (given, leads) => {
        const reps = given.map(({ open }) => rep({ open }))
        const got = counts(give(new Assigner(reps), [wish('least_loaded')], leads), reps)
        const after = reps.map(({ open }, n) => open + got[n]!)
        got.forEach((count, n) => count && expect(after[n]! - 1).toBeLessThanOrEqual(Math.min(...after)))
      }),
    )
  })

  it('nobody is ever fuller by half than another who could have taken it, when it goes by capacity', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        (sizes, leads) => {
          const reps = sizes.map((capacity) => rep({ capacity }))
          const got = counts(give(new Assigner(reps), [wish('capacity_weighted')], leads), reps)
          // Before its last lead, each was no fuller than any other is now.
          got.forEach(
            (count, n) => count && got.forEach((other, m) => expect((count - 1) * sizes[m]!).toBeLessThanOrEqual(other * sizes[n]!)),
          )
        },
      ),
    )
  })
})

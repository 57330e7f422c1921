import { together } from './together.js'

const turns = async (count: number) => {
  for (let n = 0; n < count; n += 1) await new Promise(setImmediate)
}

it('answers each with its own answer, however many ask at once', async () => {
  const calls: number[][] = []
  const double = together(async (asked: readonly number[]) => {
    calls.push([...asked])
    return asked.map((number) => number * 2)
  })
  expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6])
  expect(calls).toEqual([[1, 2, 3]])
})

it('lets those who come while it works wait, and answers them together', async () => {
  const calls: number[][] = []
  const gates: (() => void)[] = []
  const ask = together(async (asked: readonly number[]) => {
    calls.push([...asked])
    await new Promise<void>((open) => gates.push(open))
    return asked
  })
  const first = ask(1)
  await turns(3)
  const others = [ask(2), ask(3)]
  await turns(3)
  expect(calls).toEqual([[1]])
  gates[0]!()
  expect(await first).toBe(1)
  await turns(3)
  expect(calls).toEqual([[1], [2, 3]])
  gates[1]!()
  expect(await Promise.all(others)).toEqual([2, 3])
})

it('a failure reaches all that asked together, and nobody after them', async () => {
  const ask = together(async (asked: readonly number[]) => {
    if (asked.includes(13)) throw new Error('thirteen')
    return asked
  })
  const outcomes = await Promise.allSettled([ask(12), ask(13)])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await ask(14)).toBe(14)
})

it('a call takes no more than it may, and one that is full does not wait for the one under way', async () => {
  const calls: number[][] = []
  const gates: (() => void)[] = []
  const ask = together(
    async (asked: readonly number[]) => {
      calls.push([...asked])
      await new Promise<void>((open) => gates.push(open))
      return asked
    },
    { most: 10, atOnce: 2, sizeOf: (size) => size },
  )
  const answers = [4, 4, 4, 25, 3].map(ask)
  await turns(5)
  expect(calls).toEqual([[4, 4], [4]]) // the next alone is too large to go with it
  gates[1]!()
  await turns(5)
  expect(calls[2]).toEqual([25])
  gates[2]!()
  await turns(5)
  expect(calls).toHaveLength(3) // too few wait for a second call beside the first
  gates[0]!()
  await turns(5)
  expect(calls[3]).toEqual([3])
  gates[3]!()
  expect(await Promise.all(answers)).toEqual([4, 4, 4, 25, 3])
})

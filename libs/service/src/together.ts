interface Waiting<Asked, Answer> {
  readonly asked: Asked
  readonly answer: (answer: Answer) => void
  readonly refuse: (error: unknown) => void
}

/**
 * Makes one call of many: those that come while `work` is under way wait, and are then answered together. What everybody pays for (a round
 * trip, a commit) is shared by as many as there is load, and nobody waits for company.
 *
 * With `most`, a call takes no more than that (unless one alone is larger), counted by `sizeOf`; and when as much waits already, a second call
 * does not wait for the first, up to `atOnce` of them.
 */
export function together<Asked, Answer>(
  work: (asked: readonly Asked[]) => Promise<readonly Answer[]>,
  { most = Infinity, atOnce = 1, sizeOf = () => 1 }: { most?: number; atOnce?: number; sizeOf?: (asked: Asked) => number } = {},
): (asked: Asked) => Promise<Answer> {
  const waiting: Waiting<Asked, Answer>[] = []
  let running = 0
  const fitting = () => {
    let [count, size] = [0, 0]
    while (count < waiting.length && (!count || size + sizeOf(waiting[count]!.asked) <= most)) size += sizeOf(waiting[count++]!.asked)
    return { count, full: count < waiting.length || size >= most }
  }
  const run = async () => {
    running += 1
    await new Promise(setImmediate) // those who were woken by the same answer ask at the same turn
    const now = waiting.splice(0, fitting().count)
    runMore()
    try {
      const answers = now.length ? await work(now.map(({ asked }) => asked)) : []
      now.forEach(({ answer }, n) => answer(answers[n]!))
    } catch (error) {
      for (const { refuse } of now) refuse(error)
    }
    running -= 1
    runMore()
  }
  const runMore = () => {
    if (waiting.length && (!running || (running < atOnce && fitting().full))) void run()
  }
  return (asked) =>
    new Promise((answer, refuse) => {
      waiting.push({ asked, answer, refuse })
      runMore()
    })
}

/**
 * Makes one call of many: those that come while `work` is under way wait, and are then answered together. What everybody pays for (a round
 * trip, a commit) is shared by as many as there is load, and nobody waits for company.
 */
export function together<Asked, Answer>(work: (asked: readonly Asked[]) => Promise<readonly Answer[]>): (asked: Asked) => Promise<Answer> {
  let waiting: { asked: Asked; answer: (answer: Answer) => void; refuse: (error: unknown) => void }[] = []
  let running = false
  const run = async () => {
    running = true
    while (waiting.length) {
      await new Promise(setImmediate) // those who were woken by the same answer ask at the same turn
      const now = waiting
      waiting = []
      try {
        const answers = await work(now.map(({ asked }) => asked))
        now.forEach(({ answer }, n) => answer(answers[n]!))
      } catch (error) {
        for (const { refuse } of now) refuse(error)
      }
    }
    running = false
  }
  return (asked) =>
    new Promise((answer, refuse) => {
      waiting.push({ asked, answer, refuse })
      if (!running) void run()
    })
}

import { Refusal } from './refusal.js'

/** The states a thing passes through and the moves between them. */
export interface Lifecycle<State extends string> {
  readonly noun: string
  readonly states: readonly State[]
  /** The state a thing begins in: the first of the table. */
  readonly initial: State
  readonly moves: Readonly<Record<State, readonly State[]>>
  /** Only for `typeof leadStatus.state`: the type of a state. Holds nothing. */
  readonly state: State
  /** The state moved to. Refuses a move that is not in the table, with the moves that are: `<noun>.illegal_move`. */
  move(from: State, to: State): State
  can(from: State, to: State): boolean
  /** Whether nothing follows. */
  isFinal(state: State): boolean
  /** States no move leads to, over any number of steps. A table that has one is wrong. */
  unreachable(): State[]
}

/** Declares a lifecycle as a table, beginning with the state things begin in. A misspelt state does not compile. */
export function lifecycle<const State extends string>(noun: string, moves: Record<State, readonly NoInfer<State>[]>): Lifecycle<State> {
  const states = Object.keys(moves) as State[]
  const initial = states[0]
  if (initial === undefined) throw new Error(`The lifecycle of ${noun} has no states`)

  // A state read from a row or a request may be one the table does not know.
  const next = (state: State): readonly State[] => moves[state] ?? []

  return {
    noun,
    states,
    initial,
    moves,
    state: undefined as unknown as State,
    move(from, to) {
      if (!next(from).includes(to)) throw new Refusal(`${noun}.illegal_move`, { from, to, allowed: next(from) })
      return to
    },
    can: (from, to) => next(from).includes(to),
    isFinal: (state) => next(state).length === 0,
    unreachable() {
      const reached = new Set<State>([initial])
      for (const state of reached) next(state).forEach((each) => reached.add(each)) // a Set also visits what is added on the way
      return states.filter((state) => !reached.has(state))
    },
  }
}

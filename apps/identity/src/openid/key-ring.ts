/** When a key begins to sign. */
export interface RingKey {
  readonly kid: string
  readonly signsFrom: Date
}

/** How long a new key is shown before it signs, so that every replica and every service knows it by then. */
export const noticeSeconds = 30

/** How long a key is shown after another took over: the longest token lives an hour, and clocks differ. */
export const afterlifeMinutes = 70

/** The keys to show at a moment, the signing one first. */
export function keysAt<Key extends RingKey>(keys: readonly Key[], at: Date): Key[] {
  const newestFirst = [...keys].sort((a, b) => b.signsFrom.getTime() - a.signsFrom.getTime() || (a.kid < b.kid ? 1 : -1))
  const coming = newestFirst.filter(({ signsFrom }) => signsFrom > at)
  const begun = newestFirst.slice(coming.length)
  const shown = begun.filter((_, n) => n === 0 || at.getTime() - begun[n - 1]!.signsFrom.getTime() < afterlifeMinutes * 60_000)
  return [...shown, ...coming]
}

import { Refusal } from '@millrace/domain'
import type { EventConsumer } from './consumer.js'

/**
 * Reading one's own writes across services. A write answers `Millrace-Causality: lead.converted/event_…,…`: the events it published. A request
 * that carries it waits until the events among them that this service acts on are applied here, and its answer adds what they caused. Whoever
 * always sends back the last token he got sees his own writes everywhere, along the whole chain.
 */
export class Causality {
  constructor(private readonly consumer: Pick<EventConsumer, 'handles' | 'applied'> | undefined) {}

  /** Waits (2 s, or as `Prefer: wait=N` says, at most 30 s); refuses with `not_yet` and the events still missing. Answers what they caused. */
  async wait(entries: readonly string[], prefer: string | string[] | undefined): Promise<string[]> {
    const ours = entries.filter((entry) => this.consumer?.handles(entry.slice(0, entry.indexOf('/'))))
    if (!ours.length) return []
    const wish = Number(/\bwait=(\d{1,3})\b/.exec(String(prefer ?? ''))?.[1] ?? 2)
    const { missing, caused } = await this.consumer!.applied(
      ours.map((entry) => entry.slice(entry.indexOf('/') + 1)),
      Math.min(wish, 30) * 1_000,
    )
    if (missing.length) throw new Refusal('not_yet', { events: ours.filter((entry) => missing.some((id) => entry.endsWith(id))) })
    return caused
  }
}

/** A token longer than this forgets its oldest events. */
const longest = 40

/** The new token: what was known, what it caused, what this request published; undefined when there is nothing to say. */
export function mergeCausality(...lists: readonly (readonly string[])[]): string | undefined {
  const entries = [...new Set(lists.flat())]
  return entries.length ? entries.slice(-longest).join(',') : undefined
}

export function parseCausality(header: string | string[] | undefined): string[] {
  if (!header) return []
  const entries = String(header).split(',')
  if (entries.length > longest || !entries.every((entry) => /^[a-z_]+\.[a-z_]+\/event_[0-9a-z]{26}$/.test(entry)))
    throw Refusal.invalid('causality.malformed')
  return entries
}

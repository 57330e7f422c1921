import { Injectable } from '@nestjs/common'
import { describeProblem, listMailboxes, type Answer, type getMailbox, type Input } from '@millrace/contracts'
import { context, Database } from '@millrace/service'
import { Mailbox } from './mailbox.js'

/** What is known of how reading a mailbox goes, beside what an administrator said of it. */
interface State {
  readonly mailbox_id: string
  readonly last_read_at: Date | null
  readonly next_read_at: Date | null
  readonly error: Trouble | null
  readonly failures: number
  readonly filed: number
  readonly passed_by: number
  readonly passed: Trouble | null
}

/** Why something failed: a code of ours, and what its text names. */
export interface Trouble {
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
}

@Injectable()
export class MailboxQueries {
  constructor(private readonly db: Database) {}

  async list(query: Input<typeof listMailboxes>['query']) {
    const states = await this.states()
    return this.db.list(Mailbox, listMailboxes, query, (mailbox) => viewed(mailbox, states.get(mailbox.id)))
  }

  async get(id: string) {
    return this.view(await this.db.get(Mailbox, id))
  }

  async view(mailbox: Mailbox): Promise<Answer<typeof getMailbox>> {
    return viewed(mailbox, (await this.states(mailbox.id)).get(mailbox.id))
  }

  private async states(id: string | null = null): Promise<Map<string, State>> {
    const rows = await this.db.query<State>(
      `SELECT mailbox_id, last_read_at, next_read_at, error, failures, filed, passed_by, passed
       FROM mailbox_state WHERE $1::text IS NULL OR mailbox_id = $1`,
      [id],
    )
    return new Map(rows.map((row) => [row.mailbox_id, row]))
  }
}

/** A trouble in the reader's language. */
export function troubleView({ code, details }: Trouble): { code: string; says: string } {
  return { code, says: describeProblem(code, details, context().language).detail }
}

function viewed({ journeyId: _, ...mailbox }: Mailbox, state: State | undefined): Answer<typeof getMailbox> {
  return {
    ...mailbox,
    state: {
      lastReadAt: state?.last_read_at ?? null,
      lastError: state?.error ? troubleView(state.error) : null,
      failures: state?.failures ?? 0,
      nextReadAt: state?.next_read_at ?? null,
      filed: state?.filed ?? 0,
      passedBy: state?.passed_by ?? 0,
      lastPassedBy: state?.passed ? troubleView(state.passed) : null,
    },
  }
}

/** What was found out about a benchmark. Written by hand, kept beside the figures on docs/performance.md. */
export interface Notes {
  /** Where the time goes, from profiles. */
  readonly profile?: readonly string[]
  /** What was tried, what it brought, and what became of it. Taken ones are in the code. */
  readonly tried?: readonly { readonly what: string; readonly gain: string; readonly done: string }[]
  /** Why a target is missed and what would be needed; printed only when one is. */
  readonly missed?: string
}

/** By the benchmark's id. */
export const notes: Readonly<Record<string, Notes>> = {
  B1: {
    profile: [
      'One request takes about 8 ms of processor time over all processes (sampled on a busy machine, before statements were prepared), the yardstick’s less than 0.3 ms. A third of it is Postgres working for lead: nine statements (begin, idempotency, settings, locks of the keys, look-up of like leads, lead, outbox, audit, kept answer).',
      'The rest: lead itself 1.6 ms, insight with its Postgres 1.7 ms for the same event, the gateway 0.7 ms, the embedded bus 0.6 ms, the other services 0.8 ms for looking at a topic that does not concern them.',
    ],
    tried: [{ what: 'statements prepared once per connection', gain: 'about a quarter more requests', done: 'taken' }],
  },
  B3: {
    profile: [
      'An event takes about 1.7 ms of processor time over sender, receiver and Postgres, 0.8 of a core at this rate. The way is a chain of round trips (read the outbox, publish, note, handler, commit, move the cursor), each of which waits for the scheduler when the processors are busy; the yardstick has two. On the embedded bus the relay, eight slots and their cursors all go through the same Postgres.',
    ],
  },
  B4: {
    profile: [
      'The relay reads and deletes each batch before it takes the next one; that keeps the order simple. Reading ahead while a batch is on its way is the next step. The embedded bus also locks the slots and numbers the events of each without gaps, which the yardstick’s plain insert does not.',
    ],
  },
  B12: {
    profile: [
      'Of the RSS about 55 MB are the pages of the Node executable, which all services share, and about 45 MB the live heap of what is imported: Nest with Fastify 13 MB, zod with the contracts of all services 11 MB, TypeORM with all its 18 drivers 6 MB, telemetry 2 MB. Loading that code is 0.8 of the 1.1 s of processor time that a start takes. The OpenTelemetry SDK is loaded only when it is switched on.',
      'Tried on `lead` (the API documents: on `gateway`), idle for 20 s, on two cores that had other work; memory does not mind that. As Node comes it is 161 MB: V8 lets the young generation grow to 48 MB while the code is loaded and never takes it back.',
    ],
    tried: [
      { what: '`--max-semi-space-size=4`', gain: '133 MB', done: '' },
      {
        what: '`--max-semi-space-size=2`',
        gain: '129 MB',
        done: '**taken**: in `npm start` (`nodeFlags`) and in the image (`NODE_OPTIONS`); no more processor time to start',
      },
      { what: '`--max-semi-space-size=1`', gain: '128 MB', done: 'nothing more' },
      { what: '`--optimize-for-size`', gain: '124 MB', done: 'left: a fifth more processor time to start' },
      { what: '`--lite-mode`', gain: '12 MB less than the last (imports alone)', done: 'left: no optimising compiler' },
      {
        what: '`NODE_COMPILE_CACHE`',
        gain: '11 MB more',
        done: 'left: saves a tenth of the processor time of a start, costs memory for as long as the service runs',
      },
      { what: '`MALLOC_ARENA_MAX=1`', gain: '2 MB less', done: 'left: Linux with glibc only' },
      {
        what: 'a full collection after the start',
        gain: 'nothing; as a last resort 8 MB less',
        done: 'left: needs `--expose-gc` and a private option',
      },
      {
        what: 'the gateway’s API documents made on the first request',
        gain: '148 → 139 MB',
        done: '**taken**: saves 0.3 s of processor time at the start, too',
      },
      {
        what: 'no migration process when neither sources nor data changed',
        gain: '',
        done: '**taken** in `npm start`: asking takes as long as starting the service',
      },
    ],
    missed:
      'A bare Nest on Fastify with TypeORM, the yardstick, has an RSS of 109 MB already; what the processes do not share (PSS) is within the target.',
  },
}

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
      'Sampled with six other programs on the two cores, which about doubles every figure: 15.2 ms of processor time a request over all processes before, 3.5 ms after. Lead 3.9 → 1.3 ms, its Postgres 3.1 → 0.75, gateway 1.3 → 0.47, insight with its Postgres 2.9 → 0.3, the embedded bus 1.3 → 0.15, the five services that the event does not concern 1.9 → 0.25.',
      'What is left of lead: a sixth is the system call that writes to a socket (three a request), a seventh the garbage collector, a twelfth Fastify, Nest and RxJS around the use case. Of its Postgres, in µs of one backend beside the same load: begin 39, locks of the keys 43, look-up of like leads 155, lead with event, audit row and kept answer in one statement 260, commit 46; the yardstick’s statement is 131.',
    ],
    tried: [
      {
        what: 'the look-up of like leads as one look-up per index instead of an OR over three, with the tenant named',
        gain: '1,000 to 2,900 µs → 155 µs at 6,000 leads, and no longer growing with them',
        done: 'taken: a plan made while the table is small and kept by the connection read all leads of the company',
      },
      {
        what: 'no look-up of the Idempotency-Key beforehand (ADR 11)',
        gain: 'a statement and a round trip; its row-level security kept it off the index, so it grew, too',
        done: 'taken',
      },
      { what: 'lead, event, audit row and kept answer in one statement', gain: '570 → 260 µs', done: 'taken' },
      { what: 'single rows as VALUES instead of one array per column', gain: 'lead 333 → 202 µs', done: 'taken, up to four rows' },
      { what: '`SET LOCAL` in place of `SELECT set_config(…)`', gain: 'begin 81 → 39 µs', done: 'taken' },
      {
        what: 'statements that need no answer leave with the next one, in one write',
        gain: 'six round trips → two',
        done: 'taken (ADR 11)',
      },
      { what: 'the embedded bus leaves out types that a group does not act on', gain: '1.9 → 0.25 ms a request', done: 'taken' },
      { what: 'waiting slots are read, applied and moved on together', gain: 'insight and bus 4.2 → 0.5 ms', done: 'taken' },
      { what: 'small bodies pass the gateway as a whole, not as streams', gain: 'gateway 0.72 → 0.47 ms', done: 'taken' },
      { what: 'a young generation of 16 MB instead of 2', gain: 'lead 1.33 → 1.17 ms', done: '8 MB taken, see B12' },
      { what: 'statements prepared once per connection', gain: 'about a quarter more requests', done: 'taken' },
    ],
    missed:
      'The yardstick is one statement; a request is two HTTP hops, checks, two round trips and the work of the consumers, all on the same two cores as the load and Postgres. To come nearer, the platform needs more cores than the database, or captures of several requests would have to share a transaction.',
  },
  B3: {
    profile: [
      'The way is a chain of round trips (read the outbox, publish, note, handler, commit, move the cursor), each of which waits for the scheduler when the processors are busy; the yardstick has two. Under load the relay rests 5 ms between two rounds, which saves processor time and adds up to 5 ms.',
    ],
  },
  B4: {
    profile: [
      'The relay reads the next batch while one is on its way, leaving out what it took already (never “after the last”: numbers do not follow the commits). The embedded bus also locks the slots and numbers the events of each without gaps, which the yardstick’s plain insert does not.',
    ],
  },
  B5: {
    profile: [
      'Of the consumer’s own time 27 % (45 % with a young generation of 2 MB) go to the garbage collector, 10 % to writing values for Postgres, 12 % to reading and checking the event, 6 % to Nest and RxJS around each handler, 4 % to metrics.',
    ],
    tried: [
      {
        what: 'deals kept in a book in memory for the batch, written by four statements, instead of one statement an event',
        gain: 'whole journeys: ratio 0.14 → about 0.3 on the embedded bus',
        done: 'taken',
      },
      { what: 'up to 500 events of all streams in one transaction', gain: 'fewer transactions under load', done: 'taken' },
    ],
    missed:
      'Each event is parsed, checked against its schema and handed to its handlers one by one, so that a broken one can be told from the others. Handlers that take a batch would save most of that, and make every consumer harder to write.',
  },
  B12: {
    profile: [
      'Of the RSS about 55 MB are the pages of the Node executable, which all services share, and about 45 MB the live heap of what is imported: Nest with Fastify 13 MB, zod with the contracts of all services 11 MB, TypeORM with all its 18 drivers 6 MB, telemetry 2 MB. Loading that code is 0.8 of the 1.1 s of processor time that a start takes. The OpenTelemetry SDK is loaded only when it is switched on.',
      'Tried on `lead` (the API documents: on `gateway`), idle for 20 s, on two cores that had other work; memory does not mind that. As Node comes it is 161 MB: V8 lets the young generation grow to 48 MB while the code is loaded and never takes it back.',
    ],
    tried: [
      {
        what: '`--max-semi-space-size=8`',
        gain: 'see the table above',
        done: '**taken**: in `npm start` (`nodeFlags`) and in the image (`NODE_OPTIONS`). With 2 MB, collecting the young generation took 45 % of the processor time of a consumer under load and 15 to 26 % of that of lead and gateway; with 8 MB 27 % of the consumer’s',
      },
      { what: '`--max-semi-space-size=4`', gain: '133 MB', done: '' },
      { what: '`--max-semi-space-size=2`', gain: '129 MB', done: 'left: see above' },
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

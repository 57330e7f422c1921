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
      'On the quiet machine a request costs 2.3 ms of processor time over all processes. By the wall, lead spends 38 % of its time in the system calls that write to sockets (two writes to Postgres and one answer a request; the reader on the other side of the loopback often takes the processor over at that moment), 6 % in the garbage collector, 10 % in pg, 10 % in Fastify, Nest and RxJS around the use case, 4 % in the use case itself; the gateway 29 % in those writes and 13 % in undici. Without flushing to disk the figures are the same within a tenth: the processors are what is short. Of lead’s Postgres, in µs of one backend beside the same load: begin 39, locks of the keys 43, look-up of like leads 155, lead with event, audit row and kept answer in one statement 260, commit 46; the yardstick’s statement is 131.',
      'Since 85ef9b9 (883 leads/s, ratio 0.125) a capture also compares companies by likeness and writes the rows they are found by (ADR 12), is made to be found by the search (ADR 14), scored and placed by rules. That took it to 328 leads/s and a ratio of 0.066 (9141b52, on a slower day). `pg_stat_statements` with planning then showed that the two look-ups of what is alike were planned anew at every capture, 0.92 ms of 1.6 that Postgres worked in all: one had a `SELECT *`, which the platform does not prepare, and both were given arrays, for which Postgres thinks a plan made for just these few keys better than the one it keeps. Both mended: planning 0.92 → 0.007 ms, 328 → 459 leads/s (0.066 → 0.102). What is left of Postgres’ work, in µs: lead with event, audit row and kept answer 280, tokens of the company 120, look-ups of leads 100 and customers 35, tokens of the search 100. On the day of 8abde09 the machine gave the yardstick 2,886/s instead of 4,697 and its disk took 30 ms at the 99th percentile: compare ratios, not absolutes.',
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
      {
        what: 'look-ups whose plans Postgres keeps: no asterisk, and arrays behind a SELECT, so that a plan made for this capture cannot look cheaper',
        gain: 'planning 920 → 7 µs',
        done: 'taken, in the search and the customer’s page as well',
      },
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
  B2: {
    profile: [
      'A row costs about 350 µs of processor time, and the two cores are busy: lead itself 130 (a fifth of it collecting garbage, a tenth for the audit rows’ JSON, a tenth reading CSV and checking fields, 5 % telephone numbers), its Postgres about 90 (eight indexes, audit and outbox; the yardstick’s, without audit and progress, 58), and the rest relay, bus and the services that hear of each lead, insight above all.',
      'Since 85ef9b9 (5,214 rows/s, ratio 0.303) each row is compared by likeness and made to be found by the search: 20 to 40 rows more a lead, each in an index of its own. 4c2c1cb, with likeness and without search, came to 2,900 rows/s (0.20) on a machine that was not quite quiet. Writing the rows of the search after the import, sorted, would bring most of the difference back.',
      'Of lead’s own processor time 28 % go to the garbage collector, 9 % to the names of companies (their tokens are made for the look-up, for each other row of the file and for the index), 5 % to the differences of the audit trail, 5 % to arrays for Postgres, 4 % to the words of the search (8abde09).',
    ],
    tried: [
      {
        what: 'legal forms of company names made ready once instead of at each name',
        gain: 'the key of a name 16 → 7 µs beside other work; ratio 0.125 → 0.150',
        done: 'taken',
      },
      {
        what: 'JSON of audit rows without a replacer, unless there is a bigint in it; arrays for Postgres written by one pass',
        gain: 'about 5 %',
        done: 'taken',
      },
    ],
    missed:
      'The platform does its whole work for each lead at the same time: what is measured ends when the file is in, but the consumers of its events have their share of the two cores meanwhile. The yardstick has the machine to itself.',
  },
  B3: {
    profile: [
      'The way is a chain of round trips (read the outbox, publish, note, handler, commit, move the cursor), each of which waits for the scheduler when the processors are busy; the yardstick has two. The relay begins a round every 5 ms at most, which saves processor time and adds 2.5 ms in the middle. What is beyond that at the 99th percentile is the disk: the sender flushes 500 commits a second, the embedded bus what it takes and the receiver what it applied, all to one disk; the yardstick flushes once on Postgres and not at all on Kafka.',
    ],
    tried: [
      {
        what: 'the relay does not wait for the disk to forget what was sent (after a crash it is sent again, and read once)',
        gain: 'p99 18.5 → 13 to 14 ms on the embedded bus',
        done: 'taken',
      },
      {
        what: 'rests as long as the round took, instead of a round every 5 ms',
        gain: 'p50 5.0 → 3.6 ms, but p99 13 → 17 ms: more rounds are more flushes',
        done: 'left',
      },
    ],
    missed:
      'The ratio compares with a p99 of the bare bus that is 3 to 12 ms from run to run, as the disk goes; a fifth of the rounds meet it. The absolute target is met where the disk answers within a few milliseconds.',
  },
  B4: {
    profile: [
      'The relay reads the next batch while one is on its way, leaving out what it took already (never “after the last”: numbers do not follow the commits). The embedded bus also locks the slots and numbers the events of each without gaps, which the yardstick’s plain insert does not.',
    ],
    tried: [
      {
        what: 'what was sent is removed from the outbox while the next batch goes out',
        gain: 'ratio 0.55 → 0.59 on the embedded bus',
        done: 'taken',
      },
    ],
    missed:
      'The relay reads, decodes, encodes and deletes rows in one thread beside the insert that the yardstick does from memory. A service that writes events by the thousand a second belongs on Kafka, where the broker is the slower side.',
  },
  B5: {
    profile: [
      'An event costs the consumer 40 µs of processor time on the embedded bus and 47 µs on Kafka, whose client decodes each message, and Postgres 35 µs. 21 % of the consumer’s go to the garbage collector, 8 % to reading and checking the event, 7 % to writing to the socket, 6 % to making arrays for Postgres, 11 % to kafkajs, 3 % to Nest, 2 % to metrics.',
      'Before, the consumer idled half of the time: one transaction of all waiting streams was under way, and nothing was prepared meanwhile.',
    ],
    tried: [
      {
        what: 'three transactions at once when there is a full one’s worth waiting, so that the next is read and checked while the database works',
        gain: 'captured 14,700/s → 24,800/s with two, 26,400/s with three; journeys 10,400/s → 17,000/s',
        done: 'taken: three',
      },
      { what: '500 events of a slot at once instead of 250', gain: '3 to 7 %', done: 'taken' },
      {
        what: 'handlers are called without the HTTP interceptor and the parameter pipes of Nest',
        gain: 'about a tenth of the consumer’s time',
        done: 'taken',
      },
      { what: 'arrays for Postgres written by one pass instead of pg’s two replacements an element', gain: '6 %', done: 'taken' },
      { what: '12 partitions at once instead of 4 on Kafka', gain: '0.34 → 0.40 with three partitions a topic', done: 'taken' },
      { what: '3 MB instead of 1 MB of a partition in one fetch', gain: 'nothing', done: 'left' },
      {
        what: 'arrays for Postgres joined from parts, or appended to one text (16 % of what a consumer allocates)',
        gain: 'nothing above the noise',
        done: 'left',
      },
      {
        what: 'a young generation of 16 MB instead of 8',
        gain: '5 %',
        done: 'left: 12 MB of memory for each service, see B12',
      },
      {
        what: 'deals kept in a book in memory for the batch, written by four statements, instead of one statement an event',
        gain: 'whole journeys: ratio 0.14 → about 0.3 on the embedded bus',
        done: 'taken',
      },
      { what: 'up to 500 events of all streams in one transaction', gain: 'fewer transactions under load', done: 'taken' },
    ],
    missed:
      'On the embedded bus the median is at the target or a few hundredths under it, as the machine goes; each event is read, checked and handed to its handlers one by one, so that a broken one can be told from the others. On Kafka the broker shares the two cores: consumer, Postgres and broker together cost about 95 µs an event, so that 21,000/s are the most that two cores allow. With a core for the broker, as in any installation, the figure is the embedded one less the decoding.',
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
      'A bare Nest on Fastify with TypeORM, the yardstick, has an RSS of 122 MB with the same flags (109 MB with a young generation of 2 MB); what the processes do not share (PSS) is within the target.',
  },
  overview: {
    profile: [
      'Two statements over nine tables, which take Postgres 0.28 and 0.34 ms to run. It took 1.6 ms more to plan the second, at every read: its ids came as arrays, for which Postgres thinks a plan made for just these few better than the one it keeps. With the arrays behind a SELECT the plan is kept: twice as many pages a second.',
    ],
    missed:
      'While requests follow on each other without a rest, 99 of 100 are answered within 15 ms. At 60 % of that, where times count from the moment a request is due, the yardstick’s bare statements have a p99 above 20 ms, too: a single pause of the machine of a third of a second in a round, which an idle one makes, is a hundredth of all its requests. Half of the answers take 5 ms.',
  },
  claims: {
    missed:
      'Each claim is a write of its own: two HTTP hops, token, a transaction under the locks of the claimant and of the lead, and for the one who wins lead, claim, two events and audit row. Nearly all are refused, and a refusal costs most of that. More cores, or a look at the lead before the locks are taken, would bring it nearer.',
  },
  B9: {
    profile: [
      'The run of 2026-11-28 had a drill beside it on the same two cores, so both sides are slower than they would be; what counts is one against the other within a round.',
    ],
  },
  growth: {
    profile: [
      'Pages: an earlier run showed 35 times the cost with 10 million leads. One of the three pages asks for the leads of one status by their creation, and a status compared by `= ANY` gets no order from an index: Postgres sorted them all. A single value is now compared by `=`, and an index of status and creation gives the page in 51 rows whatever the size: flat.',
      'Events of 1,000 companies in turn: a batch of 500 events is of as many companies, and each gets statements of its own, as row-level security lets a transaction see one company at a time.',
      'Leads created with 10 million, and with 1,000 companies: Postgres’ own share, as the yardstick on the same tables shows (1.80 and 1.28); the machine’s memory no longer holds the indexes. Against the yardstick it is flat.',
    ],
  },
}

import { events, type EventType } from '../event.js'
import { services } from '../services.js'
import { id } from '../shapes.js'
import { Schemas, type JsonSchema } from './json-schema.js'
import { apiVersion } from './openapi.js'

/** AsyncAPI 3.1 of every event: a channel for each topic, a message for each event, and who sends it. */
export function asyncApiDocument(): object {
  // A payload without schemaFormat is a JSON schema of draft 7.
  const schemas = new Schemas('#/components/schemas/', 'draft-07')
  const sorted = [...events].sort((a, b) => (a.type < b.type ? -1 : 1))
  const byTopic = Map.groupBy(sorted, ({ topic }) => topic)
  const topics = [...byTopic].sort(([a], [b]) => (a < b ? -1 : 1))
  const messages = Object.fromEntries(sorted.map((event) => [event.type, message(event, schemas)]))
  return {
    asyncapi: '3.1.0',
    id: 'urn:millrace:events',
    info: {
      title: 'Millrace events',
      version: apiVersion,
      description: conventions,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      tags: Object.entries(services).map(([name, { purpose }]) => ({ name, description: purpose })),
    },
    defaultContentType: 'application/json',
    servers: {
      kafka: {
        host: '{brokers}',
        protocol: 'kafka',
        description: 'The brokers of the installation. On a laptop without Kafka the same messages are rows of an embedded log.',
        variables: { brokers: { default: 'localhost:9092', description: 'host and port of a broker' } },
      },
    },
    channels: Object.fromEntries(
      topics.map(([topic, carried]) => [
        topic,
        {
          address: topic,
          title: `Events of ${carried[0]!.aggregate}`,
          description: 'The key of a message is the id of its record: events of one record arrive in the order they happened.',
          servers: [{ $ref: '#/servers/kafka' }],
          messages: Object.fromEntries(carried.map(({ type }) => [type, { $ref: `#/components/messages/${type}` }])),
          bindings: { kafka: { topic, bindingVersion } },
        },
      ]),
    ),
    operations: Object.fromEntries(
      topics.map(([topic, [first]]) => [
        `${first!.service}.sends.${first!.aggregate}`,
        {
          action: 'send',
          title: `${first!.service} tells of ${first!.aggregate}`,
          description: `Only the ${first!.service} service sends these. Any service may receive them, once each, in a consumer group of its own.`,
          channel: { $ref: `#/channels/${topic}` },
          tags: [{ name: first!.service }],
        },
      ]),
    ),
    components: {
      messages,
      messageTraits: {
        cloudEvent: { contentType: 'application/json', headers, correlationId: { $ref: '#/components/correlationIds/journey' } },
      },
      correlationIds: {
        journey: { location: '$message.header#/ce_journeyid', description: 'The same from the first lead to the last receipt.' },
      },
      schemas: schemas.named,
    },
  }
}

const bindingVersion = '0.5.0'

const conventions = `Everything that happened, told by the service that owns it.

Messages are CloudEvents 1.0 in Kafka's binary mode: attributes are headers (\`ce_…\`), the value is the payload as JSON. Delivery is at least once;
\`ce_id\` tells a repetition, \`ce_sequence\` (the version of the record) what is old. A version of an event only ever gains optional
fields: receivers take no offence at fields that they do not know.`

const text = { type: 'string' } as const
/** Headers of every message. They are texts on the wire, as Kafka's are. */
const headers: JsonSchema = {
  type: 'object',
  properties: {
    'content-type': { ...text, const: 'application/json' },
    ce_specversion: { ...text, const: '1.0' },
    ce_id: { ...idOf('event'), description: 'unique: who has seen it has seen the event' },
    ce_type: { ...text, description: 'what happened, e.g. `millrace.lead.converted.v1`' },
    ce_source: { ...text, format: 'uri-reference', description: 'the service that sends it' },
    ce_subject: { ...text, description: 'id of the record that it is about' },
    ce_time: { ...text, format: 'date-time', description: 'when it happened in business' },
    ce_tenantid: { ...idOf('tenant'), description: 'the company that it belongs to' },
    ce_journeyid: { ...text, description: 'what it is a step of: the same for all events from one lead to its receipts' },
    ce_sequence: { ...text, pattern: '^\\d+$', description: 'version of the record after it' },
    ce_actorid: { ...text, description: 'the user or program that did it; none: the platform itself' },
    ce_traceparent: { ...text, description: 'the trace that it is part of (W3C Trace Context)' },
  },
  required: [
    'content-type',
    'ce_specversion',
    'ce_id',
    'ce_type',
    'ce_source',
    'ce_subject',
    'ce_time',
    'ce_tenantid',
    'ce_journeyid',
    'ce_sequence',
  ],
}

function message(event: EventType, schemas: Schemas) {
  return {
    name: event.type,
    title: event.name,
    summary: event.doc,
    tags: [{ name: event.service }],
    traits: [{ $ref: '#/components/messageTraits/cloudEvent' }],
    headers: {
      type: 'object',
      properties: {
        ce_type: { ...text, const: event.type },
        ce_source: { ...text, const: `/millrace/${event.service}` },
        ce_subject: idOf(event.aggregate),
      },
    },
    payload: schemas.of(event.payload),
    bindings: { kafka: { key: { ...idOf(event.aggregate), description: 'id of the record' }, bindingVersion } },
  }
}

function idOf(noun: string): JsonSchema {
  return new Schemas('').of(id(noun))
}

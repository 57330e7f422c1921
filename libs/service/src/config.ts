import { z } from 'zod'

const list = z
  .string()
  .min(1)
  .transform((text) => text.split(',').map((part) => part.trim()))

/** The environment that every service reads. A service adds its own with `baseConfig.extend({ … })`. */
export const baseConfig = z.object({
  PORT: z.coerce.number().int().min(0).max(65535).default(8080).describe('port to listen on'),
  HOST: z.string().default('0.0.0.0').describe('address to listen on'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('least severe level that is logged'),
  OIDC_ISSUER: list.describe('issuers whose access tokens are accepted, comma-separated'),
  OIDC_JWKS_URL: list.describe('where the keys of each issuer are, in the same order'),
  OIDC_AUDIENCE: z.string().default('millrace').describe('audience that a token must have'),
  METRICS: z.enum(['on', 'off']).default('on').describe('whether /metrics answers in Prometheus text'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional().describe('where traces and metrics are sent (OTLP/HTTP); none: nothing is sent'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(0.1).describe('share of requests that are traced'),
})

/** The environment of a service that owns a database and takes part in events. */
export const serviceConfig = baseConfig.extend({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .describe('this service’s own database: with the application’s role to serve, with the owner’s role to migrate'),
  DATABASE_POOL: z.coerce.number().int().min(2).max(100).default(10).describe('connections to the database at most'),
  DATABASE_WAIT_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(60)
    .default(2)
    .describe('how long a request waits for a connection, new or free; then it is answered 503'),
  BUS_URL: z
    .string()
    .regex(/^(kafka|postgres|postgresql):\/\//)
    .describe('kafka://host:9092,… or postgres://… of the embedded bus'),
  REQUEST_SECONDS: z.coerce.number().int().min(1).max(600).default(20).describe('longest time one statement or request may take'),
})
export type ServiceConfig = z.infer<typeof serviceConfig>

/** The environment of `npm run topics`. */
export const topicsConfig = z.object({
  BUS_URL: serviceConfig.shape.BUS_URL,
  TOPIC_PARTITIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(3)
    .describe('partitions of a new topic; they bound how many replicas of a service share its events'),
  TOPIC_REPLICAS: z.coerce.number().int().min(1).max(9).default(1).describe('brokers that keep a copy of a new topic'),
  TOPIC_RETENTION_DAYS: z.coerce.number().int().min(1).max(3_650).default(30).describe('days a new topic keeps its events'),
})

/** Reads the environment. Refuses to start with a readable list of everything that is wrong. */
export function readConfig<Schema extends z.ZodType>(schema: Schema, environment: Record<string, string | undefined>): z.infer<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''))
  const result = schema.safeParse(given)
  if (result.success) return result.data
  const lines = result.error.issues.map(
    ({ path, message }) => `  ${path.join('.')}: ${given[String(path[0])] === undefined ? 'is missing' : message}`,
  )
  throw new ConfigError(`The configuration is not valid:\n${lines.join('\n')}`)
}

export class ConfigError extends Error {}

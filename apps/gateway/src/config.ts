import { services, type ServiceName } from '@millrace/contracts'
import { baseConfig } from '@millrace/service'
import { z } from 'zod'

const addresses = Object.fromEntries(
  (Object.keys(services) as ServiceName[]).map((name) => [
    `SERVICE_${name.toUpperCase()}_URL`,
    z
      .url({ protocol: /^https?$/ })
      .default(`http://${name}:8080`)
      .describe(`where the ${name} service is`),
  ]),
)

/** The gateway's environment. */
export const gatewayConfig = baseConfig.extend({
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).describe('the address that users and programs know'),
  METRICS: z
    .enum(['on', 'off'])
    .default('off')
    .describe('whether /metrics answers; this port is public, so only behind a proxy that hides it'),
  RATE_LIMIT: z.coerce.number().int().min(1).default(1_000).describe('requests that one client may send in a second'),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter(Boolean))
    .describe('origins of web pages that may call the API, comma-separated; none by default'),
  ...addresses,
})
export type GatewayConfig = z.infer<typeof gatewayConfig>

/** Where each service is. */
export function addressesOf(config: GatewayConfig): Record<ServiceName, string> {
  const values = config as unknown as Record<string, string>
  return Object.fromEntries(
    (Object.keys(services) as ServiceName[]).map((name) => [name, values[`SERVICE_${name.toUpperCase()}_URL`]]),
  ) as Record<ServiceName, string>
}

import { customRecords, importKinds, operations, serviceOf, services, type ServiceName } from '@millrace/contracts'

/**
 * The service that owns `/v1/<plural noun>`, or what is below one of its records; `each`: chosen by the request itself. What the gateway composes has
 * no owner.
 */
const owners = new Map<string, ServiceName | 'each'>(
  operations.flatMap(({ path, service }) => {
    const [, , noun, , part] = path.split('/')
    return service === 'gateway' ? [] : [[part ? `${noun}/${part}` : noun!, service]]
  }),
)

/** The service that answers a request; undefined: nobody does. */
export function serviceFor(path: string, query: Readonly<Record<string, unknown>>): ServiceName | undefined {
  const [, root, noun, id, part] = path.split('/')
  if (root === 'oauth' || root === '.well-known') return 'identity'
  const owner = root === 'v1' ? (owners.get(`${noun}/${part}`) ?? owners.get(noun ?? '')) : undefined
  if (owner !== 'each') return owner
  if (part === 'records') return serviceOfNoun(query['noun'])
  if (id && id !== 'replay') return serviceOfId(id)
  const wish =
    query['service'] ??
    importKinds[query['kind'] as keyof typeof importKinds] ??
    customRecords[query['record'] as keyof typeof customRecords]?.service
  return typeof wish === 'string' && isService(wish) ? wish : 'identity' // any of them: it says what is wrong
}

/** `lead_import_01k…` is the lead service's; `order_01k…` belongs to the service of the noun. */
function serviceOfId(id: string): ServiceName | undefined {
  const noun = id.slice(0, id.lastIndexOf('_'))
  const first = noun.split('_')[0]!
  if (/_(import|import_mapping|export|parked|custom_field)$/.test(noun) && isService(first)) return first
  try {
    return serviceOf(noun)
  } catch {
    return undefined
  }
}

/** A noun that nobody has goes to the account service, which says what is wrong. */
function serviceOfNoun(noun: unknown): ServiceName {
  try {
    return serviceOf(String(noun))
  } catch {
    return 'account'
  }
}

function isService(name: string): name is ServiceName {
  return Object.hasOwn(services, name)
}

import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'

/**
 * Addresses that are of this machine, of somebody's own network, or of nobody: RFC 6890 and what is usual besides. A list for each family: rules of IPv6
 * are held against IPv4 addresses too, as ::ffff:0:0/96.
 */
const notPublic = {
  ipv4: networks([
    ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24'],
    ...['192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  ]),
  // Only 2000::/3 is public; in it, not what stands for an IPv4 address or for nothing.
  ipv6: networks(['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']),
}

/** Where a connection goes to, once that is known to be allowed. */
export interface Destination {
  readonly address: string
  /** Whether it is inside the house: not a public address, but one that is allowed. */
  readonly inside: boolean
}

/** Networks as people write them, e.g. `10.0.0.0/8`. Throws for what is none. */
export function networks(list: readonly string[]): BlockList {
  const found = new BlockList()
  for (const network of list) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address)
    const prefix = bits === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (!family || prefix < 0 || prefix > (family === 4 ? 32 : 128)) throw new Error(`${network} is no network, such as 10.0.0.0/8`)
    found.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  }
  return found
}

/**
 * The address at which a host that somebody named may be connected to; undefined: nowhere, as it is at a private one that is not in `allowed`. Connect to
 * this address and not to the name, which may mean another one a moment later. Throws ENOTFOUND and the like when nobody knows the name.
 */
export async function destinationOf(host: string, allowed: BlockList): Promise<Destination | undefined> {
  for (const { address, family } of await lookup(host, { all: true })) {
    const kind = family === 6 ? 'ipv6' : 'ipv4'
    const inside = notPublic[kind].check(address, kind)
    if (!inside || allowed.check(address, kind)) return { address, inside }
  }
  return undefined
}

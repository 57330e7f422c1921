import { destinationOf, networks } from './outgoing.js'

const none = networks([])
const house = networks(['10.1.0.0/16', 'fd00::/8', '127.0.0.1'])

describe('a host that somebody named', () => {
  it.each(['8.8.8.8', '2606:4700:4700::1111', '172.32.0.1', '100.128.0.1'])('%s is public, and may be connected to', async (host) => {
    expect(await destinationOf(host, none)).toEqual({ address: host, inside: false })
  })

  it.each([
    ...['127.0.0.1', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1', '224.0.0.1'],
    ...['255.255.255.255', '::1', '::', 'fe80::1', 'fd00::1', 'fc00::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '64:ff9b::7f00:1'],
    ...['2002:7f00:1::', '2001:db8::1', 'ff02::1', 'localhost', '2130706433', '0x7f.1', '017700000001'],
  ])('%s is not, and may not', async (host) => {
    expect(await destinationOf(host, none).catch(() => undefined)).toBeUndefined()
  })

  it.each(['10.1.2.3', 'fd00::1', '127.0.0.1'])('%s may where its network is allowed', async (host) => {
    expect(await destinationOf(host, house)).toEqual({ address: host, inside: true })
  })

  it('may not where another network is allowed', async () => {
    for (const host of ['10.2.0.1', '127.0.0.2', 'fc00::1']) expect(await destinationOf(host, house)).toBeUndefined()
  })

  it('that nobody knows is an error, and so is a network that is none', async () => {
    await expect(destinationOf('no-such-host.invalid', none)).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/)
    for (const network of ['10.0.0.0/33', '10.0.0/8', 'house', '::1/129', '10.0.0.0/x'])
      expect(() => networks([network])).toThrow('is no network')
  })
})

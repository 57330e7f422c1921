import fc from 'fast-check'
import { decodeUuid, encodeUuid, isId, newId, nounOf, parseId, timeOf, type Id } from './id.js'

describe('a new id', () => {
  it('begins with its noun and ends in 26 letters', () => {
    expect(newId('lead')).toMatch(/^lead_[0-7][0-9a-hjkmnp-tv-z]{25}$/)
    expect(newId('org_unit')).toMatch(/^org_unit_[0-7][0-9a-hjkmnp-tv-z]{25}$/)
  })

  it('is a UUID of version 7 inside', () => {
    for (let i = 0; i < 1000; i++) {
      expect(decodeUuid(newId('lead').slice(-26))).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
  })

  it('tells when it was made', () => {
    const before = Date.now()
    const made = timeOf(newId('lead'))
    expect(made).toBeGreaterThanOrEqual(before)
    expect(made).toBeLessThanOrEqual(Date.now() + 1)
  })

  it('sorts after every id made before it, in a burst of 100,000, and never repeats', () => {
    const ids = Array.from({ length: 100_000 }, () => newId('lead'))
    expect(ids.findIndex((id, i) => i > 0 && id <= ids[i - 1]!)).toBe(-1)
    expect(new Set(ids).size).toBe(100_000)
  })

  it('sorts after the ones before even when the clock of the machine is set back', () => {
    const realNow = Date.now
    try {
      const first = newId('lead')
      Date.now = () => realNow() - 3_600_000
      expect(newId('lead') > first).toBe(true)
    } finally {
      Date.now = realNow
    }
  })

  it('cannot be guessed from the one before', () => {
    const ends = Array.from({ length: 10_000 }, () => newId('lead').slice(-10))
    expect(new Set(ends).size).toBe(10_000)
    for (let place = 0; place < 10; place++) expect(new Set(ends.map((end) => end[place])).size).toBe(32)
  })
})

describe('reading an id', () => {
  const id: Id<'org_unit'> = 'org_unit_01h455vb4pex5vsknk084sn02q'

  it('knows the noun, also one of several words', () => {
    expect(nounOf(id)).toBe('org_unit')
    expect(nounOf(newId('lead'))).toBe('lead')
  })

  it('knows the moment', () => {
    expect(new Date(timeOf(id)).toISOString()).toBe('2023-06-30T03:34:18.518Z')
  })

  it('accepts an id of the noun that was asked for', () => {
    expect(isId('org_unit', id)).toBe(true)
    expect(parseId('org_unit', id)).toBe(id)
  })

  it.each([
    ['of another noun', 'lead_01h455vb4pex5vsknk084sn02q'],
    ['of another noun as long', 'quo_item_01h455vb4pex5vsknk084sn02q'],
    ['of a longer noun', 'my_org_unit_01h455vb4pex5vsknk084sn02q'],
    ['of half the noun', 'unit_01h455vb4pex5vsknk084sn02q'],
    ['without a noun', '01h455vb4pex5vsknk084sn02q'],
    ['in capitals', 'org_unit_01H455VB4PEX5VSKNK084SN02Q'],
    ['too short', 'org_unit_01h455vb4pex5vsknk084sn02'],
    ['too long', 'org_unit_01h455vb4pex5vsknk084sn02qq'],
    ['larger than any UUID', 'org_unit_8zzzzzzzzzzzzzzzzzzzzzzzzz'],
    ['with a letter that is never used', 'org_unit_01h455vb4pex5vsknk084sn0iq'],
    ['followed by a line break', 'org_unit_01h455vb4pex5vsknk084sn02q\n'],
    ['empty', ''],
  ])('refuses an id %s', (_, text) => {
    expect(isId('org_unit', text)).toBe(false)
    expect(() => parseId('org_unit', text)).toThrow('id.malformed')
  })

  it('refuses what is not text at all', () => {
    expect([undefined, null, 7, {}].map((value) => isId('lead', value))).toEqual([false, false, false, false])
  })

  it('refuses to tell the noun or the moment of what is no id', () => {
    expect(() => nounOf('lead_1')).toThrow('id.malformed')
    expect(() => nounOf('Lead_01h455vb4pex5vsknk084sn02q')).toThrow('id.malformed')
    expect(() => timeOf('lead_1')).toThrow('id.malformed')
  })
})

describe('the letters of an id', () => {
  it.each([
    ['00000000-0000-0000-0000-000000000000', '00000000000000000000000000'],
    ['00000000-0000-0000-0000-000000000001', '00000000000000000000000001'],
    ['00000000-0000-0000-0000-00000000000a', '0000000000000000000000000a'],
    ['00000000-0000-0000-0000-000000000010', '0000000000000000000000000g'],
    ['00000000-0000-0000-0000-000000000020', '00000000000000000000000010'],
    ['ffffffff-ffff-ffff-ffff-ffffffffffff', '7zzzzzzzzzzzzzzzzzzzzzzzzz'],
    ['0110c853-1d09-52d8-d73e-1194e95b5f19', '0123456789abcdefghjkmnpqrs'],
    ['01890a5d-ac96-774b-bcce-b302099a8057', '01h455vb4pex5vsknk084sn02q'],
  ])('of the UUID %s are %s, as the TypeID specification says', (uuid, letters) => {
    expect(encodeUuid(uuid)).toBe(letters)
    expect(decodeUuid(letters)).toBe(uuid)
  })

  it('give back every UUID and keep the order', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (left, right) => {
        expect(decodeUuid(encodeUuid(left))).toBe(left)
        expect(encodeUuid(left) < encodeUuid(right)).toBe(left < right)
      }),
    )
  })

  it('are refused when they are no UUID', () => {
    expect(() => encodeUuid('01890a5d')).toThrow('id.malformed')
    expect(() => decodeUuid('8zzzzzzzzzzzzzzzzzzzzzzzzz')).toThrow('id.malformed')
  })
})

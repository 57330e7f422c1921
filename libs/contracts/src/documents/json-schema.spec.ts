import { z } from 'zod'
import { day, decimal, id, instant, line, money } from '../shapes.js'
import { Schemas, type JsonSchema } from './json-schema.js'

describe('the JSON schema of what is on the wire', () => {
  it.each<[string, z.ZodType, JsonSchema]>([
    ['an id', id('lead'), { type: 'string', pattern: '^lead_[0-7][0-9a-hjkmnp-tv-z]{25}$' }],
    ['an instant', instant, { type: 'string', format: 'date-time' }],
    ['a day', day, { type: 'string', format: 'date' }],
    ['a decimal', decimal, { type: 'string', maxLength: 32, pattern: '^-?\\d{1,15}(\\.\\d{1,12})?$', examples: ['12.5'] }],
    ['a line', line(20), { type: 'string', minLength: 1, maxLength: 20, pattern: '^[^\\p{Cc}\\p{Cs}]*$' }],
    ['a whole number', z.int(), { type: 'integer' }],
    ['money', money, { $ref: '#/$defs/Money' }],
    ['money that may be missing', money.nullable(), { anyOf: [{ $ref: '#/$defs/Money' }, { type: 'null' }] }],
    ['a default', z.coerce.number().int().min(1).max(9).default(5), { type: 'integer', minimum: 1, maximum: 9, default: 5 }],
  ])('of %s', (_, shape, schema) => {
    expect(new Schemas('#/$defs/').of(shape)).toEqual(schema)
  })

  it('keeps a shape with a name once, by that name', () => {
    const schemas = new Schemas('#/components/schemas/')
    const price = z.object({ net: money, tax: money }).meta({ id: 'Price' })
    expect(schemas.of(z.object({ price }))).toMatchObject({ properties: { price: { $ref: '#/components/schemas/Price' } } })
    expect(schemas.of(price)).toEqual({ $ref: '#/components/schemas/Price' })
    expect(Object.keys(schemas.named)).toEqual(['Money', 'Price'])
    expect(schemas.resolve(schemas.of(price))).toMatchObject({ properties: { net: { $ref: '#/components/schemas/Money' } } })
  })
  it('is refused for two different shapes of one name', () => {
    const schemas = new Schemas('#/')
    schemas.of(z.object({ at: day }).meta({ id: 'Visit' }))
    expect(() => schemas.of(z.object({ at: instant }).meta({ id: 'Visit' }))).toThrow('two different shapes are called Visit')
  })
})

import { z } from 'zod'
import { defineEvent, events } from '../event.js'
import { id, line, money, text } from '../shapes.js'
import { incompatibilities } from './compatibility.js'
import { goldenSchema } from './golden.js'

const base = {
  leadId: id('lead'),
  title: line(200),
  status: z.enum(['new', 'won']),
  amount: money.nullable(),
  note: text(2000).optional(),
  account: z.object({ name: line(200), phone: z.string().optional() }),
  tags: z.array(z.string().max(20)),
  counts: z.record(z.string(), z.number()),
}
type Fields = Record<string, z.ZodType>

let declared = 0
/** The golden schema that an event with these fields would have. */
function golden(fields: Fields, make: (fields: Fields) => z.ZodType = z.object) {
  const event = defineEvent('lead.tried', ++declared, make(fields), 'Something was tried.')
  events.pop()
  return goldenSchema(event)
}

describe('a compatible change of an event', () => {
  const { leadId, ...others } = base
  it.each<[string, Fields]>([
    ['nothing', base],
    ['a new optional property', { ...base, source: line(100).optional() }],
    ['a new optional object with required properties', { ...base, contact: z.object({ name: line(200) }).optional() }],
    ['a new optional property inside', { ...base, account: base.account.extend({ email: z.string().optional() }) }],
    ['a description', { ...base, title: line(200).meta({ description: 'as the owner wrote it', examples: ['GTX Pro'] }) }],
    ['another order of properties', { ...others, leadId }],
    ['another order of values', { ...base, status: z.enum(['won', 'new']) }],
    ['the same shape under another name', { ...base, amount: money.clone().meta({ id: 'Amount' }).nullable() }],
  ])('is %s', (_, fields) => {
    expect(incompatibilities(golden(base), golden(fields))).toEqual([])
  })
})

describe('an incompatible change of an event', () => {
  const { note: _note, ...without } = base
  const closed = (fields: Fields) => z.strictObject(fields)
  it.each<[string, Fields, string]>([
    ['a removed property', without, '/note: was removed'],
    ['a removed property inside', { ...base, account: z.object({ name: line(200) }) }, '/account/phone: was removed'],
    ['a new required property', { ...base, source: line(100) }, '/source: is new and required'],
    [
      'a new required property inside',
      { ...base, account: base.account.extend({ email: z.string() }) },
      '/account/email: is new and required',
    ],
    ['required made optional', { ...base, title: line(200).optional() }, '/title: was required, is optional'],
    ['optional made required', { ...base, note: text(2000) }, '/note: was optional, is required'],
    ['another type', { ...base, tags: z.string() }, '/tags: type was "array", is "string"'],
    ['another type of items', { ...base, tags: z.array(z.int()) }, '/tags/items: type was "string", is "integer"'],
    ['another type of a record’s values', { ...base, counts: z.record(z.string(), z.string()) }, '/counts/additionalProperties: type'],
    ['null allowed', { ...base, title: line(200).nullable() }, '/title: type was "string", is not said'],
    ['null no longer allowed', { ...base, amount: money }, '/amount: anyOf was'],
    ['a new value', { ...base, status: z.enum(['new', 'won', 'lost']) }, '/status: enum was ["new","won"], is ["new","won","lost"]'],
    ['a removed value', { ...base, status: z.enum(['new']) }, '/status: enum was'],
    ['another pattern', { ...base, leadId: id('account') }, '/leadId: pattern was'],
    ['a pattern where there was none', { ...base, tags: z.array(z.string().max(20).regex(/^a/)) }, '/tags/items: pattern was not said'],
    ['a format', { ...base, title: line(200).meta({ format: 'uri' }) }, '/title: format was not said, is "uri"'],
    ['a longer text', { ...base, title: line(300) }, '/title: maxLength was 200, is 300'],
    ['a shorter text', { ...base, title: line(100) }, '/title: maxLength was 200, is 100'],
    [
      'another shape under the same name',
      { ...base, amount: z.strictObject({ amount: z.string() }).nullable() },
      '/amount/anyOf/0/currency: was removed',
    ],
    [
      'unknown properties refused inside',
      { ...base, account: z.strictObject(base.account.shape) },
      '/account: additionalProperties was not said, is false',
    ],
  ])('is %s', (_, fields, reason) => {
    const found = incompatibilities(golden(base), golden(fields))
    expect(found).toEqual(expect.arrayContaining([expect.stringContaining(reason)]))
  })

  it('is unknown properties refused', () => {
    expect(incompatibilities(golden(base), golden(base, closed))).toEqual(['/: additionalProperties was not said, is false'])
  })
  it('is a new property where former receivers refuse unknown ones', () => {
    expect(incompatibilities(golden(base, closed), golden({ ...base, source: line(100).optional() }, closed))).toEqual([
      '/source: is new, and former receivers refuse properties that they do not know here',
    ])
  })
  it('is found in a shape that refers to itself', () => {
    const tree = (name: string, leaf: z.ZodType) => {
      const node: z.ZodType = z.object({ leaf, below: z.array(z.lazy(() => node)) }).meta({ id: name })
      return golden({ root: node })
    }
    expect(incompatibilities(tree('Tree', z.string()), tree('Baum', z.string()))).toEqual([])
    expect(incompatibilities(tree('Tree', z.string()), tree('Baum', z.int()))).toEqual(['/root/leaf: type was "string", is "integer"'])
  })
})

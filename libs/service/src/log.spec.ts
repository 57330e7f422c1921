import { faultOf } from './log.js'

const raised = (error: Error, fields: object) => Object.assign(error, fields)

describe('what the log says of a fault', () => {
  it('is its kind, its message and where it happened', () => {
    const fault = faultOf(raised(new TypeError('x is not a function'), { code: '42P01' }))
    expect(fault).toMatchObject({ type: 'TypeError', code: '42P01', message: 'x is not a function' })
    expect(fault.stack).toMatch(/^ {4}at .*log\.spec/)
  })

  it.each([
    ['a row that raised an exception', raised(new Error('cannot store (li@example.com)\n    at li@example.com'), { code: 'P0001' })],
    ['a value that is none', raised(new Error('invalid input syntax for type date: "li@example.com"'), { code: '22007' })],
    ['a text that is no JSON', new SyntaxError('Unexpected token l, "li@example.com" is not valid JSON')],
    ['a wrong argument', raised(new TypeError("Received 'li@example.com'"), { code: 'ERR_INVALID_ARG_VALUE' })],
  ])('is not the message of %s: it shows the data', (_, error) => {
    const fault = faultOf(error)
    expect(JSON.stringify(fault)).not.toContain('li@example.com')
    expect(fault.stack).toMatch(/^ {4}at .*log\.spec/)
  })
})

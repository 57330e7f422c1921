import { newId, Refusal } from '@millrace/domain'
import { monday } from '../lead/lead.fixture.js'
import { embedScript } from './form-script.js'
import { LeadForm, usualLabels, usualThanks, type LeadFormData, type Submission } from './form.js'

const aForm = (given: Partial<LeadFormData> = {}) =>
  LeadForm.create({
    ...{ id: newId('lead_form'), version: 1, journeyId: null, createdAt: monday, updatedAt: monday, key: 'k'.repeat(24), name: 'Contact' },
    fields: [
      { name: 'companyName', required: false },
      { name: 'email', required: true },
    ],
    customFields: [],
    ...{
      origins: ['https://www.example.com'],
      source: null,
      channel: null,
      campaign: null,
      tags: [],
      thanks: null,
      consent: null,
      perMinute: 10,
    },
    ...given,
  })
const sent = (given: Partial<Submission> = {}): Submission => ({
  ...{ submission: 'one-two-three', values: { email: 'li@example.com' }, custom: {}, consent: false, homepage: '' },
  ...given,
})
const pointers = (form: LeadForm, given: Partial<Submission>) => {
  try {
    form.mustBeComplete(sent(given))
    return []
  } catch (error) {
    return ((error as Refusal).details['errors'] as { pointer: string; code: string }[]).map(({ pointer, code }) => `${pointer} ${code}`)
  }
}

describe('a web form', () => {
  it('is taken from its own sites, its own page and programs, and from no other site', () => {
    const form = aForm()
    for (const origin of ['https://www.example.com', 'https://crm.example.com', undefined]) form.mustTake(origin, 'https://crm.example.com')
    for (const origin of ['https://evil.example', 'http://www.example.com', 'null'])
      expect(() => form.mustTake(origin, 'https://crm.example.com')).toThrow(new Refusal('lead_form.foreign_origin'))
    expect(() => form.change({ active: false }, monday).mustTake(undefined, 'x')).toThrow(new Refusal('lead_form.closed'))
  })

  it('says every field that is missing or not asked for', () => {
    expect(pointers(aForm(), {})).toEqual([])
    expect(pointers(aForm(), { values: { email: ' ', note: 'x' } })).toEqual([
      '/values/email lead_form.missing',
      '/values/note lead_form.not_asked',
    ])
    const custom = aForm({
      customFields: [
        { key: 'seats', required: true },
        { key: 'modules', required: false },
      ],
    })
    expect(pointers(custom, { custom: { seats: '12', modules: ['crm'] } })).toEqual([])
    for (const empty of [undefined, null, ' ', []])
      expect(pointers(custom, { custom: { seats: empty } })).toEqual(['/custom/seats lead_form.missing'])
    expect(pointers(custom, { custom: { seats: '1', 'a/b': 'x' } })).toEqual(['/custom/a~1b lead_form.not_asked'])
    const consent = { en: 'I agree', 'zh-CN': '同意' }
    expect(pointers(aForm({ consent }), {})).toEqual(['/consent lead_form.no_consent'])
    expect(pointers(aForm({ consent }), { consent: true })).toEqual([])
  })

  it('knows a machine by the hidden field and by its haste', () => {
    expect(aForm().isSpam(sent())).toBe(false)
    expect(aForm().isSpam(sent({ elapsedMs: 5_000 }))).toBe(false)
    expect(aForm().isSpam(sent({ homepage: 'https://spam.example' }))).toBe(true)
    expect(aForm().isSpam(sent({ elapsedMs: 300 }))).toBe(true)
  })
})

describe('the script of a form', () => {
  it('cannot be ended by what the form says', () => {
    const label = { en: '</script><script>alert(1)</script>\u2028', 'zh-CN': '公司' }
    const script = embedScript(
      { key: 'k', fields: [{ name: 'email', required: true, label }], customFields: [], thanks: usualThanks, consent: null },
      'https://crm.example.com',
    )
    expect(script).not.toContain('</script>')
    expect(script).not.toContain('\u2028')
    expect(script).toContain('"https://crm.example.com/v1/public-forms/k/send"')
    expect(Object.values(usualLabels).every((words) => words.en && words['zh-CN'])).toBe(true)
  })
})

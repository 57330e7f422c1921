import { newId, type Id } from '@millrace/domain'
import fc from 'fast-check'
import { SurveyInvitation } from './invitation.js'
import { figuresOf, Survey, type ScoreCount, type SurveyKind } from './survey.js'

const monday = new Date('2026-11-02T08:00:00Z')
const later = (days: number) => new Date(monday.getTime() + days * 86_400_000)
const head = <Noun extends string>(noun: Noun): { id: Id<Noun>; version: number; journeyId: string; createdAt: Date; updatedAt: Date } => ({
  ...{ id: newId(noun), version: 1, journeyId: newId('journey'), createdAt: monday, updatedAt: monday },
})
const words = { en: 'How was it?', 'zh-CN': '您满意吗?' }
const aSurvey = (kind: SurveyKind, given: Partial<Survey> = {}) =>
  Survey.create({ ...head('survey'), kind, name: 'x', question: words, commentQuestion: words, expiresInDays: 30, ...given })
const invited = (survey: Survey) =>
  SurveyInvitation.send(
    {
      ...head('survey_invitation'),
      ...{ accountId: newId('account'), contactId: newId('contact'), responsibleId: null, sentById: null, tokenHash: 'x' },
    },
    survey,
  )
const counts = (kind: SurveyKind) =>
  fc.array(
    fc.record({
      score: fc.option(fc.integer(kind === 'nps' ? { min: 0, max: 10 } : { min: 1, max: 5 })),
      count: fc.integer({ min: 1, max: 9_999 }),
    }),
    { maxLength: 40 },
  )

describe('an invitation to a survey', () => {
  it('is answered once', () => {
    const answered = invited(aSurvey('nps')).answer({ score: 9, comment: null }, later(1))
    expect(answered).toMatchObject({ status: 'answered', score: 9, answeredAt: later(1) })
    expect(() => answered.answer({ score: 0, comment: null }, later(2))).toThrow('survey.already_answered')
  })

  it('is answered in time, or not at all', () => {
    const invitation = invited(aSurvey('csat', { expiresInDays: 10 }))
    expect([later(9), later(10)].map((at) => invitation.stateAt(at))).toEqual(['open', 'expired'])
    expect(() => invitation.answer({ score: 5, comment: null }, later(10))).toThrow('survey.expired')
  })

  it('is not sent of a survey that is not active', () => {
    expect(() => invited(aSurvey('nps').change({ active: false }, monday))).toThrow('survey.inactive')
  })

  it.each([
    ['csat', 0],
    ['csat', 6],
    ['nps', 11],
    ['nps', -1],
  ] as const)('takes no score that the scale does not have: %s %s', (kind, score) => {
    expect(() => aSurvey(kind).mustTake({ score, comment: null })).toThrow('request.invalid')
    expect(() => aSurvey(kind, { commentQuestion: null }).mustTake({ score: 3, comment: 'well' })).toThrow('request.invalid')
    expect(() => aSurvey(kind).mustTake({ score: 3, comment: 'well' })).not.toThrow()
  })
})

describe('what came of a survey', () => {
  it('is nothing where nothing was sent, and no score where nobody answered', () => {
    expect(figuresOf('nps', [])).toMatchObject({ sent: 0, answered: 0, responsePercent: null, nps: null, csatPercent: null })
    expect(figuresOf('csat', [{ score: null, count: 3 }])).toMatchObject({
      sent: 3,
      answered: 0,
      responsePercent: '0.0',
      csatPercent: null,
    })
  })

  it('is promoters less detractors, or the share of four and five', () => {
    const nps = [10, 9, 8, 7, 6, 0, null].map((score) => ({ score, count: 1 }))
    expect(figuresOf('nps', [...nps, { score: 9, count: 1 }])).toMatchObject({
      ...{ sent: 8, answered: 7, responsePercent: '87.5', promoters: 3, passives: 2, detractors: 2, nps: '14.3' },
    })
    const csat = [5, 4, 3, 2, 1, 1].map((score) => ({ score, count: 1 }))
    expect(figuresOf('csat', csat)).toMatchObject({ satisfied: 2, csatPercent: '33.3', nps: null, promoters: 0 })
  })

  it('of NPS adds up, lies between −100 and 100, and is the same whatever the order or the parts', () => {
    fc.assert(
      fc.property(counts('nps'), counts('nps'), (one, other) => {
        const figures = figuresOf('nps', [...one, ...other])
        const [a, b] = [figuresOf('nps', one), figuresOf('nps', other)]
        expect(figures).toEqual(figuresOf('nps', [...other, ...one].reverse()))
        expect(figures.promoters + figures.passives + figures.detractors).toBe(figures.answered)
        for (const name of ['sent', 'answered', 'promoters', 'passives', 'detractors'] as const)
          expect(figures[name]).toBe(a[name] + b[name])
        if (!figures.answered) return expect(figures.nps).toBeNull()
        expect(figures.nps).toMatch(/^-?\d{1,3}\.\d$/)
        // Exact: within half of the last decimal of the true value, in whole numbers.
        const tenths = Number(figures.nps!.replace('.', ''))
        const off = Math.abs(tenths * figures.answered - (figures.promoters - figures.detractors) * 1_000)
        expect(off * 2).toBeLessThanOrEqual(figures.answered)
        expect(Math.abs(tenths)).toBeLessThanOrEqual(1_000)
      }),
    )
  })

  it('of NPS turns round with the answers: promoters for detractors is the score with the other sign', () => {
    const turned = (rows: readonly ScoreCount[]) =>
      rows.map(({ score, count }) => ({ score: score === null ? null : score >= 9 ? 0 : score <= 6 ? 10 : score, count }))
    fc.assert(
      fc.property(counts('nps'), (rows) => {
        const [one, other] = [figuresOf('nps', rows), figuresOf('nps', turned(rows))]
        expect([other.promoters, other.detractors]).toEqual([one.detractors, one.promoters])
        if (one.nps !== null) expect(Number(other.nps)).toBeCloseTo(-Number(one.nps), 0)
      }),
    )
  })

  it('of CSAT is a share: none at worst, all at best', () => {
    fc.assert(
      fc.property(counts('csat'), (rows) => {
        const { satisfied, answered, csatPercent } = figuresOf('csat', rows)
        expect(satisfied).toBeLessThanOrEqual(answered)
        if (answered) expect(csatPercent === '100.0').toBe(satisfied === answered || (answered - satisfied) * 2_000 <= answered)
      }),
    )
  })
})

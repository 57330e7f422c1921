import { readFileSync } from 'node:fs'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { newId, Refusal } from '@millrace/domain'
import { monday, tuesday } from '../lead/lead.fixture.js'
import { encoded, featuresOf } from './features.js'
import { areaUnderCurve, calibration, chance, fit } from './logistic-regression.js'
import { ScoreModel, scoreModelStatus, type Training } from './score-model.js'

const options = { ridge: 1, rest: () => Promise.resolve() }

describe('logistic regression', () => {
  it('finds the odds of a single yes or no, as they can be counted', async () => {
    // 30 of 40 with it end well, 10 of 40 without: odds of 3 and 1/3.
    const rows = [...Array<number[]>(40).fill([1]), ...Array<number[]>(40).fill([0])]
    const labels = [
      ...Array<boolean>(30).fill(true),
      ...Array<boolean>(10).fill(false),
      ...Array<boolean>(10).fill(true),
      ...Array<boolean>(30).fill(false),
    ]
    const { intercept, coefficients } = await fit(rows, labels, { ...options, ridge: 1e-6 })
    expect(intercept).toBeCloseTo(Math.log(1 / 3), 4)
    expect(coefficients[0]).toBeCloseTo(Math.log(9), 4)
    expect(chance({ intercept, coefficients }, [1])).toBeCloseTo(0.75, 4)
  })

  it('shares between columns that say the same, and stays finite where they say everything', async () => {
    const rows = Array.from({ length: 60 }, (_, n) => (n < 30 ? [1, 1] : [0, 0]))
    const { coefficients } = await fit(
      rows,
      rows.map(([first]) => first === 1),
      options,
    )
    expect(coefficients[0]).toBeCloseTo(coefficients[1]!, 6)
    expect(coefficients[0]).toBeGreaterThan(1)
    expect(coefficients[0]).toBeLessThan(10)
  })

  it('has no slope left where it stops', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.double({ min: -3, max: 3, noNaN: true }), fc.double({ min: -3, max: 3, noNaN: true }), fc.boolean()), {
          minLength: 20,
          maxLength: 80,
        }),
        async (samples) => {
          const rows = samples.map(([a, b]) => [a, b])
          const labels = samples.map(([, , label]) => label)
          const fitted = await fit(rows, labels, options)
          for (const column of [0, 1]) {
            const slope = rows.reduce((sum, row, n) => sum + ((labels[n] ? 1 : 0) - chance(fitted, row)) * row[column]!, 0)
            expect(slope - options.ridge * fitted.coefficients[column]!).toBeCloseTo(0, 4)
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('the area under the curve', () => {
  it('is the share of pairs that are ranked right, those that are equal counting half', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.boolean()), { minLength: 2, maxLength: 40 }), (samples) => {
        const pairs = samples.flatMap(([a, good]) =>
          good ? samples.flatMap(([b, other]) => (other ? [] : [a > b ? 1 : a === b ? 0.5 : 0])) : [],
        )
        const area = areaUnderCurve(
          samples.map(([value]) => value / 6),
          samples.map(([, label]) => label),
        )
        if (!pairs.length) expect(area).toBeNull()
        else expect(area).toBeCloseTo(pairs.reduce((sum, pair) => sum + pair, 0) / pairs.length, 10)
      }),
    )
  })
})

describe('the features of leads', () => {
  const samples = Array.from({ length: 60 }, (_, n) => ({
    source: n % 3 ? 'fair' : 'web',
    name: n % 2 ? `Company ${n}` : '',
    tags: n % 4 ? ['a', 'b'] : [],
    visits: n % 10,
    always: 'x',
  }))

  it('are the frequent values of a text, whether a name is known, and an amount by its distance from the mean', () => {
    const features = featuresOf(samples, ['source', 'name', 'tags', 'visits', 'always'])
    expect(features).toEqual([
      { field: 'source', kind: 'is', value: 'fair' },
      { field: 'source', kind: 'is', value: 'web' },
      { field: 'name', kind: 'known' },
      { field: 'tags', kind: 'known' },
      { field: 'tags', kind: 'is', value: 'a' },
      { field: 'tags', kind: 'is', value: 'b' },
      { field: 'visits', kind: 'amount', mean: 4.5, deviation: expect.closeTo(2.87, 1) },
    ])
    const row = encoded(features, { source: 'web', tags: ['b'], visits: 0 })
    expect(row.slice(0, 6)).toEqual([0, 1, 0, 1, 0, 1])
    expect(row[6]).toBeLessThan(-1)
  })
})

describe('a model of Northfold’s 9,240 leads', () => {
  it('ranks five of six pairs right that it has not seen, foretells about as many as came, and time on the site drives it', async () => {
    const file = readFileSync(`${import.meta.dirname}/../../../../data/northfold/leads.csv`, 'utf8')
    const rows = parse<Record<string, string>>(file, { columns: true })
    const samples = rows.map(({ LeadOrigin, LeadSource, Specialization, Occupation, TotalVisits, TotalTime, PageViews, Converted }) => ({
      values: {
        ...{ origin: LeadOrigin, source: LeadSource, specialization: Specialization, occupation: Occupation },
        ...{ visits: Number(TotalVisits), time: Number(TotalTime), views: Number(PageViews) },
      },
      success: Converted === '1',
    }))
    const [learnt, held] = [samples.filter((_, n) => n % 4), samples.filter((_, n) => n % 4 === 0)]
    const features = featuresOf(
      learnt.map(({ values }) => values),
      Object.keys(samples[0]!.values),
    )
    const fitted = await fit(
      learnt.map(({ values }) => encoded(features, values)),
      learnt.map(({ success }) => success),
      options,
    )
    const chances = held.map(({ values }) => chance(fitted, encoded(features, values)))
    const labels = held.map(({ success }) => success)
    expect(samples).toHaveLength(9240)
    expect(areaUnderCurve(chances, labels)).toBeGreaterThan(0.84)
    for (const { rows: size, foretold, came } of calibration(chances, labels))
      if (size >= 100) expect(Math.abs(foretold - came)).toBeLessThan(0.12)
    const time = features.findIndex(({ field, kind }) => field === 'time' && kind === 'amount')
    expect(fitted.coefficients[time]).toBeGreaterThan(0.5)
  })
})

describe('the model itself', () => {
  const training = { leads: 0, successes: 0 } as Training
  const model = ScoreModel.begin({
    ...{ id: newId('score_model'), version: 1, journeyId: null, createdAt: monday, updatedAt: monday },
    ...{ success: 'true', among: 'true', fields: ['source'] },
  })

  it('is used once it is trained, and put aside for another', () => {
    const trained = model.trained(training, tuesday)
    expect(trained).toMatchObject({ status: 'trained', training })
    const used = trained.use(tuesday)
    expect(used.use(tuesday)).toBe(used)
    expect(used.putAside(tuesday).status).toBe('trained')
    expect(model.fail('score_model.too_few', tuesday)).toMatchObject({ status: 'failed', problem: 'score_model.too_few' })
  })

  it.each(scoreModelStatus.states.filter((status) => status !== 'trained' && status !== 'used'))('is not used while it is %s', (status) => {
    expect(() => Object.assign(Object.create(ScoreModel.prototype) as ScoreModel, model, { status }).use(tuesday)).toThrow(
      new Refusal('score_model.not_trained'),
    )
  })
})

import { Ratio, type Refusal } from '@millrace/domain'
import { draftProcess } from '@millrace/contracts'
import fc from 'fast-check'
import { aProcess, anItem, aStage, monday, tuesday } from './process.fixture.js'
import { templates } from './process-templates.js'
import { familyOf, mustAddUp, processStatus } from './process.js'

const refusal = (work: () => unknown): Refusal => {
  try {
    work()
  } catch (error) {
    return error as Refusal
  }
  throw new Error('was not refused')
}

describe('the life of a process', () => {
  it('reaches every status from the first one', () => {
    expect(processStatus.unreachable()).toEqual([])
    expect(aProcess().status).toBe('draft')
  })

  it('is changed as a draft only: running deals rely on what was published', () => {
    const name = { en: 'Other', 'zh-CN': '其他' }
    expect(aProcess().change({ name }, tuesday)).toMatchObject({ name, updatedAt: tuesday })
    const published = aProcess().publish(false, monday)
    expect(refusal(() => published.change({ name }, tuesday))).toMatchObject({
      code: 'process.not_draft',
      details: { status: 'published' },
    })
  })

  it('is published once, and the same when asked again', () => {
    const published = aProcess().publish(true, monday)
    expect(published).toMatchObject({ status: 'published', isDefault: true, publishedAt: monday })
    expect(published.publish(false, tuesday)).toBe(published)
  })

  it('is retired unless new deals take it', () => {
    expect(refusal(() => aProcess().publish(true, monday).retire(tuesday)).code).toBe('process.is_default')
    const retired = aProcess().publish(true, monday).noLongerDefault(tuesday).retire(tuesday)
    expect(retired).toMatchObject({ status: 'retired', retiredAt: tuesday })
    expect(retired.retire(tuesday)).toBe(retired)
    expect(refusal(() => retired.publish(false, tuesday)).code).toBe('process.illegal_move')
    expect(refusal(() => retired.makeDefault(tuesday))).toMatchObject({ code: 'process.not_published', details: { status: 'retired' } })
  })
})

describe('the weighted checklist', () => {
  it('adds up in each stage to what the stage adds to the win probability', () => {
    const items = (prefix: string, ...weights: string[]) => weights.map((weight, n) => anItem(`${prefix}${n}`, { weight }))
    expect(() => mustAddUp([aStage('a', '10', items('a', '3.5', '6.5')), aStage('b', '30', items('b', '20'))])).not.toThrow()
    const wrong = [aStage('a', '10', items('a', '10')), aStage('b', '30', items('b', '10', '9.999999'))]
    expect(refusal(() => mustAddUp(wrong))).toMatchObject({
      code: 'process.weights',
      kind: 'invalid',
      details: { stage: 'b', name: { en: 'b' }, sum: '19.999999', expected: '20' },
    })
    expect(refusal(() => aProcess(wrong).publish(false, monday)).code).toBe('process.weights')
  })

  it('is empty where a stage adds nothing, and only there', () => {
    expect(() => mustAddUp([aStage('a', '0'), aStage('b', '0', [anItem('free')])])).not.toThrow()
    expect(refusal(() => mustAddUp([aStage('a', '10')])).details).toMatchObject({ stage: 'a', sum: '0', expected: '10' })
  })

  it('never lets the ceiling fall', () => {
    const falling = [aStage('a', '30', [anItem('x', { weight: '30' })]), aStage('b', '20')]
    expect(refusal(() => mustAddUp(falling))).toMatchObject({
      code: 'process.falling_probability',
      details: { stage: 'b', probability: '20', before: '30' },
    })
  })

  it('puts the stages of won deals last, at 100 %', () => {
    const open = aStage('a', '80', [anItem('x', { weight: '80' })])
    const won = (probability: string, weight: string) => aStage('w', probability, [anItem('y', { weight })], { outcome: 'won' })
    expect(() => mustAddUp([open, won('100', '20')])).not.toThrow()
    expect(refusal(() => mustAddUp([won('100', '100')])).code).toBe('process.no_open_stage')
    expect(refusal(() => mustAddUp([open, won('100', '20'), aStage('b', '100')]))).toMatchObject({
      code: 'process.no_open_stage',
      details: { stage: 'b' },
    })
    expect(refusal(() => mustAddUp([open, won('90', '10')])).code).toBe('process.won_below_100')
    expect(refusal(() => mustAddUp([])).code).toBe('process.no_open_stage')
  })

  it('accepts any split that is exact and refuses any that is off by the smallest step', () => {
    const micro = (units: number) => Ratio.of(units, 1_000_000).toString()
    const stagesOf = (weights: number[][]) => {
      let ceiling = 0
      return weights.map((list, n) => {
        ceiling += list.reduce((sum, weight) => sum + weight, 0)
        return aStage(
          `s${n}`,
          micro(ceiling),
          list.map((weight, m) => anItem(`i${n}-${m}`, { weight: micro(weight) })),
        )
      })
    }
    const anyWeights = fc.array(fc.array(fc.integer({ min: 0, max: 2_000_000 }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(fc.property(anyWeights, (weights) => expect(() => mustAddUp(stagesOf(weights))).not.toThrow()))
    fc.assert(
      fc.property(anyWeights, fc.nat(), (weights, pick) => {
        const stages = stagesOf(weights)
        const n = pick % stages.length
        const [item, ...rest] = stages[n]!.items
        const off = { ...item!, weight: Ratio.parse(item!.weight).plus(Ratio.of(1, 1_000_000)).toString() }
        const tampered = stages.with(n, { ...stages[n]!, items: [off, ...rest] })
        expect(refusal(() => mustAddUp(tampered))).toMatchObject({ code: 'process.weights', details: { stage: `s${n}` } })
      }),
    )
  })
})

describe('the templates', () => {
  it('are the five of the product, by their Chinese names', () => {
    const roads = templates.map(({ stages }) => stages.map(({ name }) => name['zh-CN']).join('→'))
    expect(roads).toEqual([
      '初步接洽→需求确认→报价→拟定合同→赢单',
      '目标识别→赢得支持者→赢得权力支持者→赢得高层支持者→商务谈判→签约',
      '识别→初步联系→需求分析→方案定制→报价→谈判→签约→售后',
      '业务开发 (A)→目标识别 (G)→方案形成→支持者甄别→关键人物拜访→机会甄别 (E)→机会控制→谈判',
      '寻找潜在客户→判断意向客户→报价→合同→成交',
    ])
  })

  it('have the win probabilities that the product names', () => {
    const ceilings = (key: string) => templates.find((template) => template.key === key)!.stages.map(({ probability }) => probability)
    expect(ceilings('value-selling')).toEqual(['10', '30', '50', '70', '80', '100'])
    const control = ceilings('deal-control')
    expect([control[0], control[1], control[3], control[5], control[7]]).toEqual(['0', '10', '25', '50', '90'])
  })

  it.each(templates.map((template) => [template.key, template] as const))('%s can be published as it is', (_, { name, stages }) => {
    expect(() => mustAddUp(stages)).not.toThrow()
    expect(draftProcess.body.safeParse({ name, stages }).error).toBeUndefined()
    for (const { goal, definitionOfDone, buyingPhase, expectedDays } of stages)
      for (const said of [goal, definitionOfDone, buyingPhase, expectedDays]) expect(said).not.toBeNull()
  })
})

describe('the family of a process', () => {
  it.each([
    ['Ridgeway sales', 'ridgeway-sales'],
    ['  Größe & Maß  ', 'gro-e-ma'],
    ['销售流程', undefined],
    ['x'.repeat(80), 'x'.repeat(60)],
  ])('is made from the English name: %s', (en, family) => {
    expect(familyOf({ en, 'zh-CN': 'x' })).toBe(family)
  })
})

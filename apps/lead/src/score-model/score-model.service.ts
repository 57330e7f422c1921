import { hash } from 'node:crypto'
import { setImmediate as rest } from 'node:timers/promises'
import { Injectable } from '@nestjs/common'
import type { Input, trainScoreModel } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, CustomFields, Database, Expressions, inTenant, Jobs, Remembered } from '@millrace/service'
import { fieldsOf, leadFields } from '../lead/lead-fields.js'
import { Lead } from '../lead/lead.js'
import { encoded, featuresOf, type FieldValues } from './features.js'
import { areaUnderCurve, calibration, chance, fit } from './logistic-regression.js'
import { ScoreModel, type Training } from './score-model.js'

const newest = 20_000
const readAtOnce = 1_000
/** So many leads that ended well, and so many that did not, are the least to learn from. */
const least = 50
/** Of 256: a quarter of the leads is held out. */
const heldOut = 64
const ridge = 1
/** Known only when a lead has ended, or the same thing in other words. */
const tellTale: readonly string[] = ['status', 'createdAt']

interface Sample {
  readonly id: string
  readonly values: FieldValues
  readonly success: boolean
}

/** Use cases of the learnt model. */
@Injectable()
export class ScoreModelService {
  private readonly expressions = new Expressions({ lead: leadFields })
  private readonly used = new Remembered(async () => (await this.db.findBy(ScoreModel, { status: 'used' }))[0])

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly jobs: Jobs,
    private readonly customFields: CustomFields,
  ) {
    jobs.every(60, 'train models', () => this.trainAll())
  }

  begin({ success, among, fields }: Input<typeof trainScoreModel>['body']): Promise<ScoreModel> {
    return this.db.transaction(async (tx) => {
      const expressions = await this.customFields.expressions(this.expressions, 'lead')
      expressions.condition(success)
      expressions.condition(among)
      const known = Object.keys({ ...leadFields, ...(await this.customFields.ruleFields('lead')) })
      const chosen = fields?.map((field) => field.replace(/^lead\./, '')) ?? known.filter((name) => !tellTale.includes(name))
      const unknown = chosen.find((name) => !known.includes(name))
      if (unknown) throw Refusal.invalid('reference.unknown', { field: 'fields', value: unknown })
      const model = ScoreModel.begin({ ...begun('score_model', this.clock.now()), success, among, fields: chosen })
      await tx.insert(model)
      const { tenantId } = context()
      tx.onCommit(() => this.jobs.begin('train models', () => inTenant(tenantId, () => this.train(model))))
      return model
    })
  }

  use(id: Id<'score_model'>): Promise<ScoreModel> {
    return this.db.transaction(async (tx) => {
      tx.lockKeys(['used score model'])
      const before = await tx.lock(ScoreModel, id)
      const now = this.clock.now()
      const model = before.use(now)
      if (model === before) return before
      for (const former of await tx.findBy(ScoreModel, { status: 'used' })) await tx.update(former.putAside(now))
      await tx.update(model)
      tx.onCommit(() => this.used.forget())
      return model
    })
  }

  /** The chance that the used model gives a lead, and what moves it most; undefined without one. */
  async chanceOf(lead: Lead) {
    const model = await this.used.get()
    if (!model?.training) return undefined
    const { features, fitted } = model.training
    const rules = await this.customFields.expressions(this.expressions, 'lead')
    const row = encoded(features, rules.seen('lead', fieldsOf(lead)))
    const drivers = features
      .map((feature, n) => ({ feature, moves: fitted.coefficients[n]! * row[n]! }))
      .filter(({ moves }) => Math.abs(moves) >= 0.05)
      .sort((a, b) => Math.abs(b.moves) - Math.abs(a.moves))
    return { modelId: model.id, chance: chance(fitted, row), drivers }
  }

  /** Goes on with what a stop or crash interrupted. */
  private async trainAll(): Promise<void> {
    const waiting = await inTenant('*', () =>
      this.db.query<{ tenant_id: string; id: string }>(`SELECT tenant_id, id FROM score_model WHERE status = 'training'`),
    )
    for (const { tenant_id, id } of waiting) await inTenant(tenant_id, async () => this.train(await this.db.get(ScoreModel, id)))
  }

  private async train(model: ScoreModel): Promise<void> {
    const outcome = await this.learn(model).catch((error: unknown) => {
      if (error instanceof Refusal) return error
      throw error
    })
    await this.db.transaction(async (tx) => {
      const before = await tx.lock(ScoreModel, model.id)
      if (before.status !== 'training') return // another replica was faster
      const now = this.clock.now()
      await tx.update(outcome instanceof Refusal ? before.fail(outcome.code, now) : before.trained(outcome, now))
    })
  }

  private async learn({ success, among, fields }: ScoreModel): Promise<Training> {
    const samples = await this.samples(success, among)
    const successes = samples.filter((sample) => sample.success).length
    const failures = samples.length - successes
    if (successes < least || failures < least) throw new Refusal('score_model.too_few', { least, successes, failures })
    const isHeldOut = ({ id }: Sample) => hash('sha256', id, 'buffer')[0]! < heldOut
    const [held, learnt] = [samples.filter(isHeldOut), samples.filter((sample) => !isHeldOut(sample))]
    const features = featuresOf(
      learnt.map(({ values }) => values),
      fields,
    )
    if (!features.length) throw new Refusal('score_model.nothing_told')
    const rows = (of: readonly Sample[]) => of.map(({ values }) => encoded(features, values))
    const labels = (of: readonly Sample[]) => of.map((sample) => sample.success)
    const fitted = await fit(rows(learnt), labels(learnt), { ridge, rest: () => rest() })
    const chances = rows(held).map((row) => chance(fitted, row))
    return {
      ...{ features, fitted, leads: samples.length, successes },
      heldOut: {
        leads: held.length,
        successes: labels(held).filter(Boolean).length,
        auc: areaUnderCurve(chances, labels(held)),
        calibration: calibration(chances, labels(held)),
      },
    }
  }

  /** The newest leads that ended, as rules see them. */
  private async samples(success: string, among: string): Promise<Sample[]> {
    const expressions = await this.customFields.expressions(this.expressions, 'lead')
    const [ended, well] = [expressions.condition(among), expressions.condition(success)]
    const now = this.clock.now()
    const samples: Sample[] = []
    for (let after = ''; samples.length < newest;) {
      const rows = await this.db.query(`SELECT * FROM lead WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT ${readAtOnce}`, [after])
      for (const lead of this.db.hydrate(Lead, rows)) {
        const values = fieldsOf(lead)
        if (ended.of({ lead: values }, now))
          samples.push({ id: lead.id, values: expressions.seen('lead', values), success: well.of({ lead: values }, now) === true })
      }
      if (rows.length < readAtOnce) break
      after = String(rows.at(-1)!['id'])
      await rest()
    }
    return samples.slice(0, newest)
  }
}

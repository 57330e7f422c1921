import { Injectable } from '@nestjs/common'
import { listScorecards, type Answer, type explainScore, type getScorecard, type Input, type previewScorecard } from '@millrace/contracts'
import { grades } from '@millrace/domain'
import { Clock, CustomFields, Database } from '@millrace/service'
import { leadFields } from '../lead/lead-fields.js'
import { Lead } from '../lead/lead.js'
import { named, share } from '../score-model/score-model.queries.js'
import { ScoreModelService } from '../score-model/score-model.service.js'
import { Scorecard, scoreOf } from './scorecard.js'
import { Scoring } from './scoring.service.js'

const shown = 20
const readAtOnce = 1_000

@Injectable()
export class ScorecardQueries {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly scoring: Scoring,
    private readonly models: ScoreModelService,
    private readonly customFields: CustomFields,
  ) {}

  async list(query: Input<typeof listScorecards>['query']) {
    const rescoring = await this.rescoring()
    return this.db.list(Scorecard, listScorecards, query, (scorecard) => viewed(scorecard, rescoring))
  }

  async get(id: string) {
    return this.view(await this.db.get(Scorecard, id))
  }

  async view(scorecard: Scorecard): Promise<Answer<typeof getScorecard>> {
    return viewed(scorecard, await this.rescoring())
  }

  async fields() {
    const fields = { ...leadFields, ...(await this.customFields.ruleFields('lead')) }
    return { data: Object.entries(fields).map(([field, kind]) => ({ field: `lead.${field}`, kind })), next: null }
  }

  /** What rules would make of the newest leads. */
  async preview({ rules: given, grades: limits, last }: Input<typeof previewScorecard>['body']): Promise<Answer<typeof previewScorecard>> {
    const rules = await this.scoring.read(given)
    const now = this.clock.now()
    const [holds, unknown] = [new Map<string, number>(), new Map<string, number>()]
    const count = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
    const changes: { lead: Lead; to: ReturnType<typeof scoreOf> }[] = []
    const then = new Map<string, number>()
    const before = new Map<string, number>()
    let [leads, after] = [0, '']
    while (leads < last) {
      const rows = await this.db.query(`SELECT * FROM lead WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT $2`, [
        after,
        Math.min(readAtOnce, last - leads),
      ])
      if (!rows.length) break
      for (const lead of this.db.hydrate(Lead, rows)) {
        const parts = this.scoring.parts(rules, lead, now, ({ name }) => count(unknown, name))
        for (const { name } of parts) count(holds, name)
        const to = scoreOf(parts, limits, lead.scorecardId ?? ('' as never))
        count(then, to.grade)
        if (lead.grade) count(before, lead.grade)
        if (lead.grade !== to.grade) changes.push({ lead, to })
      }
      leads += rows.length
      after = String(rows.at(-1)!['id'])
    }
    const distance = ({ lead, to }: (typeof changes)[number]) => Math.abs(to.score - (lead.score ?? 0))
    return {
      leads,
      changed: changes.length,
      grades: grades.map((grade) => ({ grade, now: before.get(grade) ?? 0, then: then.get(grade) ?? 0 })),
      ungraded: leads - [...before.values()].reduce((sum, n) => sum + n, 0),
      rules: rules.map(({ name }) => ({ name, holds: holds.get(name) ?? 0, unknown: unknown.get(name) ?? 0 })),
      examples: changes
        .sort((a, b) => distance(b) - distance(a))
        .slice(0, shown)
        .map(({ lead, to }) => ({
          leadId: lead.id,
          companyName: lead.companyName,
          from: { score: lead.score, grade: lead.grade },
          to: { score: to.score, grade: to.grade },
        })),
    }
  }

  async explain(id: string): Promise<Answer<typeof explainScore>> {
    const lead = await this.db.get(Lead, id)
    const { score, grade, scorecardId, scoreParts } = lead
    const parts = scoreParts.map(({ name, points }) => ({ name, points }))
    const learnt = await this.models.chanceOf(lead)
    return {
      ...{ leadId: lead.id, score, grade, scorecardId, parts, sum: parts.reduce((sum, { points }) => sum + points, 0) },
      learnt: learnt
        ? {
            modelId: learnt.modelId,
            chance: share(learnt.chance),
            drivers: learnt.drivers.map(({ feature, moves }) => ({ ...named(feature), moves: moves.toFixed(4) })),
          }
        : null,
    }
  }

  private rescoring() {
    return this.db.one<Rescoring>('SELECT scorecard_id, done, of FROM rescoring')
  }
}

interface Rescoring {
  readonly scorecard_id: string
  readonly done: number
  readonly of: number
}

function viewed({ journeyId: _, rules, grades, ...rest }: Scorecard, rescoring: Rescoring | undefined): Answer<typeof getScorecard> {
  const running = rescoring?.scorecard_id === rest.id ? { done: rescoring.done, of: rescoring.of } : null
  return { ...rest, rules: rules.map((rule) => ({ ...rule })), grades: { ...grades }, rescoring: running }
}

import { Injectable } from '@nestjs/common'
import { listScoreModels, type Answer, type getScoreModel, type Input } from '@millrace/contracts'
import { Database } from '@millrace/service'
import type { Feature } from './features.js'
import { ScoreModel, type Training } from './score-model.js'

@Injectable()
export class ScoreModelQueries {
  constructor(private readonly db: Database) {}

  list(query: Input<typeof listScoreModels>['query']) {
    return this.db.list(ScoreModel, listScoreModels, query, scoreModelView)
  }

  async get(id: string) {
    return scoreModelView(await this.db.get(ScoreModel, id))
  }
}

export function scoreModelView({ journeyId: _, training, fields, ...model }: ScoreModel): Answer<typeof getScoreModel> {
  return { ...model, fields: [...fields], training: training && trainingView(training) }
}

/** What a feature is, for people. */
export function named(feature: Feature): { field: string; value: string | null } {
  return { field: `lead.${feature.field}`, value: feature.kind === 'is' ? feature.value : feature.kind === 'known' ? 'known' : null }
}

function trainingView({ features, fitted, leads, successes, heldOut }: Training) {
  return {
    leads,
    successes,
    heldOut: {
      leads: heldOut.leads,
      successes: heldOut.successes,
      auc: heldOut.auc === null ? null : share(heldOut.auc),
      calibration: heldOut.calibration.map(({ from, rows, foretold, came }) => ({
        ...{ from: share(from), leads: rows, foretold: share(foretold), came: share(came) },
      })),
    },
    drivers: features
      .map((feature, n) => ({ ...named(feature), weight: fitted.coefficients[n]! }))
      .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
      .map(({ weight, ...driver }) => ({ ...driver, coefficient: weight.toFixed(4) })),
  }
}

/** A share of 1 as the API writes it. */
export function share(value: number): string {
  return value.toFixed(4)
}

import { newId } from '@millrace/domain'
import { Process, type Stage, type StageItem } from './process.js'

export const monday = new Date('2026-11-02T08:00:00Z')
export const tuesday = new Date('2026-11-03T08:00:00Z')

/** An item as a test needs it: a tick without weight unless told otherwise. */
export function anItem(key: string, given: Partial<StageItem> = {}): StageItem {
  return { key, name: { en: key, 'zh-CN': key }, kind: 'tick', options: [], required: false, weight: '0', ...given }
}

/** A stage as a test needs it. */
export function aStage(key: string, probability: string, items: readonly StageItem[] = [], given: Partial<Stage> = {}): Stage {
  return {
    key,
    name: { en: key, 'zh-CN': key },
    probability,
    outcome: 'open',
    buyingPhase: null,
    goal: null,
    definitionOfDone: null,
    workInstruction: null,
    tools: [],
    expectedDays: null,
    failureHint: null,
    gate: 'block',
    items,
    ...given,
  }
}

/** A draft with the given stages. */
export function aProcess(stages: readonly Stage[] = [aStage('only', '50', [anItem('talked', { weight: '50' })])]): Process {
  return Process.draft({
    id: newId('process'),
    version: 1,
    journeyId: newId('journey'),
    createdAt: monday,
    updatedAt: monday,
    family: 'test',
    number: 1,
    name: { en: 'Test', 'zh-CN': '测试' },
    stages,
  })
}

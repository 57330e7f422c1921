import { Injectable } from '@nestjs/common'
import { describeProblem, listViews, operations, reach, type Answer, type getView, type Input, type Operation } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { check, context, Database, type FieldProblem } from '@millrace/service'
import { View, type Look } from './view.js'

type ViewAnswer = Answer<typeof getView>

@Injectable()
export class ViewQueries {
  constructor(private readonly db: Database) {}

  async list(query: Input<typeof listViews>['query']) {
    const defaults = await this.defaults()
    return this.db.list(View, listViews, query, (view) => viewAnswer(view, defaults), {
      where: { sql: seen, values: [me(), me()] },
    })
  }

  async get(id: string): Promise<ViewAnswer> {
    return this.answer(await this.seen(id))
  }

  /** A view as the API shows it to the actor. */
  async answer(view: View): Promise<ViewAnswer> {
    return viewAnswer(view, await this.defaults())
  }

  /** The view, if it is the actor's or shared with them. */
  async seen(id: string): Promise<View> {
    const rows = await this.db.query<{ id: string }>(
      `SELECT id FROM view WHERE id = $1 AND ${seen.replace('?', '$2').replace('?', '$3')}`,
      [id, me(), me()],
    )
    if (!rows.length) throw Refusal.notFound('view', id)
    return this.db.get(View, id)
  }

  /** The views that the actor's lists open with. */
  private async defaults(): Promise<Set<string>> {
    const rows = await this.db.query<{ view_id: string }>('SELECT view_id FROM view_default WHERE user_id = $1', [me()])
    return new Set(rows.map(({ view_id }) => view_id))
  }
}

const me = () => context().actor!.id

/** Their own, those of the company, and those of their unit and of the units above it. */
const seen = `(saved_by = ? OR shared_with = 'company' OR (shared_with = 'unit' AND EXISTS (
  SELECT 1 FROM "user" AS u JOIN org_unit AS own ON own.id = u.unit_id JOIN org_unit AS shared ON shared.id = view.unit_id
  WHERE u.id = ? AND starts_with(own.path, shared.path))))`

function viewAnswer(view: View, defaults: ReadonlySet<string>): ViewAnswer {
  const { journeyId: _, ...shown } = view
  const filters = { ...view.filters } as ViewAnswer['filters']
  return { ...shown, filters, columns: [...view.columns], isDefault: defaults.has(view.id), ...pathOf(view) }
}

/** The list that a view is of, when the actor may read it. */
export function listOf(id: string): Operation {
  const lists = operations.filter(({ list, callers = 'company' }) => list && callers !== 'operator').filter(mayRead)
  const found = lists.find((operation) => operation.id === id)
  if (!found) throw Refusal.invalid('view.unknown_list', { list: id, possible: lists.map((operation) => operation.id) })
  return found
}

function mayRead({ rule }: Operation): boolean {
  return typeof rule === 'string' || reach(context().actor!.roles, rule) !== undefined
}

/** What of a view the list does not take, each wish by itself. */
export function problemsOf(
  list: Operation,
  { filters, columns, sort }: Look,
): (FieldProblem & { readonly of: string; readonly value?: string })[] {
  const wishes = [
    ...Object.entries(filters).map(([of, value]) => ({ of, pointer: `/filters/${of}`, query: { [of]: value } })),
    ...columns.map((value, n) => ({ of: 'fields', value, pointer: `/columns/${n}`, query: { fields: value } })),
    ...(sort === null ? [] : [{ of: 'sort', pointer: '/sort', query: { sort } }]),
  ]
  return wishes.flatMap(({ pointer, query, ...wish }) => {
    const problems: FieldProblem[] = []
    if (pointer.startsWith('/filters/') && notFilters.has(wish.of))
      problems.push({
        pointer,
        code: 'request.unknown_field',
        detail: describeProblem('request.unknown_field', {}, context().language).detail,
      })
    else check(list.query, query, () => pointer, problems, context().language)
    return problems.slice(0, 1).map((problem) => ({ ...wish, ...problem }))
  })
}

/** What a list's query takes besides filters. */
const notFilters = new Set(['limit', 'cursor', 'sort', 'fields', 'format'])

function pathOf(view: View): { path: string | null; problems: ViewAnswer['problems'] } {
  const list = operations.find(({ id, list }) => id === view.list && list)
  if (!list || !mayRead(list)) return { path: null, problems: [] }
  const problems = problemsOf(list, view)
  const lost = new Set(problems.map(({ of, value }) => value ?? of))
  const query = new URLSearchParams()
  for (const [name, wish] of Object.entries(view.filters))
    if (!lost.has(name)) for (const value of [wish].flat()) query.append(name, value as string)
  if (view.sort !== null && !lost.has('sort')) query.append('sort', view.sort)
  const fields = view.columns.filter((column) => !lost.has(column))
  if (fields.length) query.append('fields', fields.join(','))
  return {
    path: `${list.path}${query.size ? `?${query}` : ''}`,
    problems: problems.map(({ of, value, code, detail }) => ({ parameter: value ?? of, code, detail })),
  }
}

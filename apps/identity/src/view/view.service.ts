import { Injectable } from '@nestjs/common'
import { reach, viewShare, type changeView, type Input, type saveView, type shareView } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, Database, type Transaction } from '@millrace/service'
import { View, type Look } from './view.js'
import { listOf, problemsOf, ViewQueries } from './view.queries.js'

const mostEach = 200

/** Use cases of saved views. */
@Injectable()
export class ViewService {
  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly queries: ViewQueries,
  ) {}

  save({ list, name, ...look }: Input<typeof saveView>['body']): Promise<View> {
    return this.db.transaction(async (tx) => {
      const { id } = context().actor!
      mustFit(list, look)
      tx.lockKeys([`views of ${id}`])
      const kept = await tx.one<{ count: number }>('SELECT count(1)::int AS count FROM view WHERE tenant_id = $1 AND saved_by = $2', [
        tx.tenant,
        id,
      ])
      if (kept!.count >= mostEach) throw new Refusal('view.too_many', { limit: mostEach })
      const view = View.save({ ...begun('view', this.clock.now()), name, list, ...look, savedBy: id })
      await tx.insert(view)
      return view
    })
  }

  change(id: Id<'view'>, given: Input<typeof changeView>['body']): Promise<View> {
    return this.db.transaction(async (tx) => {
      const before = await this.mine(tx, id)
      const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<Look>
      const view = before.change(said, this.clock.now())
      mustFit(view.list, { filters: {}, columns: [], sort: null, ...said })
      return tx.update(view)
    })
  }

  /** Shows a view to others, as far as the actor may; nobody else keeps it as the view that their list opens with. */
  share(id: Id<'view'>, { with: whom, unitId }: Input<typeof shareView>['body']): Promise<View> {
    return this.db.transaction(async (tx) => {
      const before = await this.mine(tx, id)
      if (whom !== 'nobody' && context().visibility !== 'company') await this.mustBeBelow(tx, unitId)
      if (unitId && !(await tx.one('SELECT 1 FROM org_unit WHERE id = $1', [unitId])))
        throw Refusal.invalid('reference.unknown', { field: 'unitId', value: unitId })
      return tx.update(before.share(whom, unitId ?? null, this.clock.now()))
    })
  }

  private async mustBeBelow(tx: Transaction, unitId: string | undefined): Promise<void> {
    const below = await tx.one(
      `SELECT 1 FROM "user" AS u JOIN org_unit AS own ON own.id = u.unit_id JOIN org_unit AS unit ON starts_with(unit.path, own.path)
       WHERE u.id = $1 AND unit.id = $2`,
      [context().actor!.id, unitId ?? ''],
    )
    if (!below) throw Refusal.forbidden('view.unit_too_high')
  }

  delete(id: Id<'view'>): Promise<void> {
    return this.db.transaction(async (tx) => {
      await this.mine(tx, id)
      tx.send('DELETE FROM view_default WHERE tenant_id = $1 AND view_id = $2', [tx.tenant, id])
      await tx.query('DELETE FROM view WHERE tenant_id = $1 AND id = $2', [tx.tenant, id])
    })
  }

  makeDefault(id: Id<'view'>): Promise<void> {
    return this.db.transaction(async (tx) => {
      const { list } = await this.queries.seen(id)
      await tx.query(
        `INSERT INTO view_default (user_id, list, view_id) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, user_id, list) DO UPDATE SET view_id = excluded.view_id`,
        [context().actor!.id, list, id],
      )
    })
  }

  clearDefault(id: Id<'view'>): Promise<void> {
    return this.db.transaction(async (tx) => {
      await this.queries.seen(id)
      await tx.query('DELETE FROM view_default WHERE tenant_id = $1 AND user_id = $2 AND view_id = $3', [
        tx.tenant,
        context().actor!.id,
        id,
      ])
    })
  }

  private async mine(tx: Transaction, id: Id<'view'>): Promise<View> {
    await this.queries.seen(id)
    const view = await tx.lock(View, id)
    const { id: actorId, roles } = context().actor!
    view.mustBeIn({ id: actorId, sharesWithCompany: reach(roles, viewShare) === 'company' })
    return view
  }
}

function mustFit(list: string, look: Look): void {
  const errors = problemsOf(listOf(list), look).map(({ pointer, code, detail }) => ({ pointer, code, detail }))
  if (errors.length) throw Refusal.invalid('request.invalid', { errors })
}

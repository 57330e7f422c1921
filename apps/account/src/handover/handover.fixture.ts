import { newId } from '@millrace/domain'
import { amy, bob, fresh } from '../account/account.fixture.js'
import { Handover } from './handover.js'

/** A handover from Amy to Bob that has just been prepared, unless told otherwise. */
export function aHandover(given: Partial<Handover> = {}): Handover {
  const base = { ...fresh('handover'), ownerId: amy.id, toUserId: bob.id, assignments: [], scope: null, reason: 'Amy has left' }
  return Object.assign(Handover.prepare({ ...base, ...given }, newId('user')), given)
}

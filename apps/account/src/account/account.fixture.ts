import { newId } from '@millrace/domain'
import { Account } from './account.js'

export const monday = new Date('2026-11-02T08:00:00Z')
export const tuesday = new Date('2026-11-03T08:00:00Z')
export const amy = { id: newId('user') }
export const bob = { id: newId('user') }

/** What every record of a test begins with. */
export function fresh<Noun extends string>(noun: Noun) {
  return { id: newId(noun), version: 1, journeyId: newId('journey'), createdAt: monday, updatedAt: monday }
}

/** An account as a test needs it; Amy's, unless told otherwise. */
export function anAccount(given: Partial<Account> = {}): Account {
  return Account.open({ ...fresh('account'), name: '云图科技有限公司', ownerId: amy.id, ...given })
}

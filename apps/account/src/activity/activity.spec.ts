import { newId, Refusal } from '@millrace/domain'
import { amy, bob, fresh, monday, tuesday } from '../account/account.fixture.js'
import { Activity } from './activity.js'

const anActivity = (given: Partial<Activity> = {}) =>
  Activity.log({
    ...fresh('activity'),
    kind: 'visit',
    accountId: newId('account'),
    ownerId: amy.id,
    loggedById: amy.id,
    subject: 'First visit',
    takesPlaceAt: monday,
    ...given,
  })
const checkIn = { latitude: 31.2304, longitude: 121.4737, at: monday.toISOString() }
const refusal = new Refusal('activity.no_check_in', {}, 'invalid')

describe('an activity', () => {
  it.each(['visit', 'meeting'] as const)('of kind %s may have a check-in', (kind) => {
    expect(anActivity({ kind, checkIn }).checkIn).toEqual(checkIn)
  })

  it.each(['call', 'email', 'note'] as const)('of kind %s has no check-in, neither at first nor later', (kind) => {
    expect(() => anActivity({ kind, checkIn })).toThrow(refusal)
    expect(() => anActivity({ kind }).change({ checkIn }, tuesday)).toThrow(refusal)
  })

  it('names each companion once', () => {
    expect(anActivity({ companions: [bob.id, amy.id, bob.id] }).companions).toEqual([bob.id, amy.id])
  })

  it('is corrected without losing the rest', () => {
    const before = anActivity({ text: 'They want 120 seats', nextStep: { text: 'Send the offer', on: '2026-11-09' } })
    expect(before.change({ nextStep: null, subject: 'Demo' }, tuesday)).toMatchObject({
      subject: 'Demo',
      text: 'They want 120 seats',
      nextStep: null,
      updatedAt: tuesday,
    })
    expect(before.nextStep).not.toBeNull()
  })
})

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

  it('cannot have a check-in that is still to come, but for a phone whose clock is a little ahead', () => {
    const at = (minutes: number) => ({ ...checkIn, at: new Date(monday.getTime() + minutes * 60_000).toISOString() })
    expect(anActivity({ checkIn: at(4) }).checkIn).toEqual(at(4))
    expect(() => anActivity({ checkIn: at(6) })).toThrow(new Refusal('activity.early_check_in', { at: at(6).at }, 'invalid'))
    expect(anActivity().change({ checkIn: at(6) }, tuesday).checkIn).toEqual(at(6))
  })

  it('says since when its next step is done, and by whom; said again, nothing changes', () => {
    const nextStep = { text: 'Send the offer', on: '2026-11-09' } as const
    const done = anActivity({ nextStep }).finishNextStep(bob.id, tuesday)
    expect(done.nextStep).toEqual({ ...nextStep, doneAt: tuesday.toISOString(), doneById: bob.id })
    expect(done.finishNextStep(amy.id, tuesday)).toBe(done)
    expect(() => anActivity().finishNextStep(amy.id, tuesday)).toThrow(new Refusal('activity.no_next_step'))
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

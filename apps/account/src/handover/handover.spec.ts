import { newId } from '@millrace/domain'
import { amy, bob, monday, tuesday } from '../account/account.fixture.js'
import { aHandover } from './handover.fixture.js'
import { handoverStatus, type Handover, type Progress } from './handover.js'

const day = 86_400_000
const part = (service: string, asked: number, given: Partial<Progress> = {}): Progress => ({
  service,
  asked,
  done: true,
  refusal: null,
  ...given,
})
const what = ({ log }: Handover) => log.map((entry) => entry.what)
const refusal = { code: 'handover.receiver_left', details: { userId: bob.id } }

const ready = () => aHandover().counted(monday)
const moving = () => ready().start(amy.id, monday)
const moved = () => moving().recheck(monday).moved(monday)

describe('the status of a handover', () => {
  it('can be reached, each', () => {
    expect(handoverStatus.unreachable()).toEqual([])
  })
})

describe('a handover', () => {
  it('counts, moves, looks once more, and has moved', () => {
    expect(what(moved())).toEqual(['prepared', 'counted', 'started', 'rechecked', 'moved'])
    expect(moved()).toMatchObject({ status: 'moved', step: 'recheck', asked: 3, movedAt: monday })
  })

  it('cannot go to the leaver, neither the rest nor an assignment', () => {
    expect(() => aHandover({ toUserId: amy.id })).toThrow('handover.to_themselves')
    expect(() => aHandover({ assignments: [{ toUserId: amy.id, when: null, accounts: 1 }] })).toThrow('handover.to_themselves')
  })

  it('names each receiver once', () => {
    const carl = newId('user')
    const assignments = [carl, bob.id].map((toUserId) => ({ toUserId, when: null, accounts: 1 }))
    expect(aHandover({ assignments }).receivers).toEqual([bob.id, carl])
  })

  it('goes on when every service has done what it was asked for last, and not before', () => {
    const handover = moving()
    expect(handover.isAnswered([part('lead', 2), part('account', 2)])).toBe(true)
    expect(handover.isAnswered([part('lead', 2), part('account', 1)])).toBe(false)
    expect(handover.isAnswered([part('lead', 2), part('account', 2, { done: false })])).toBe(false)
  })

  it('is taken back when a service refuses what it is asked for now', () => {
    expect(moving().refusedBy([part('lead', 2), part('account', 2, { refusal })])).toEqual({ service: 'account', ...refusal })
    expect(moving().refusedBy([part('account', 1, { refusal })])).toBeUndefined()
    expect(moved().refusedBy([part('account', 3, { refusal })])).toBeUndefined()
    const returning = moving().takeBack({ service: 'account', ...refusal }, tuesday)
    expect(returning).toMatchObject({ status: 'returning', step: 'move_back', asked: 3, failure: { service: 'account' } })
    expect(returning.returned(tuesday)).toMatchObject({ status: 'failed' })
  })

  it('can be cancelled before it is started, and not after', () => {
    expect(aHandover().cancel(amy.id, monday).status).toBe('cancelled')
    expect(ready().cancel(amy.id, monday).status).toBe('cancelled')
    expect(() => moving().cancel(amy.id, monday)).toThrow('handover.illegal_move')
  })

  it('starts once all have counted, and asked again stays as it is', () => {
    expect(() => aHandover().start(amy.id, monday)).toThrow('handover.illegal_move')
    const handover = moving()
    expect(handover.start(bob.id, tuesday)).toBe(handover)
  })

  it('can be undone for thirty days', () => {
    const last = new Date(monday.getTime() + 30 * day)
    expect(moved().undo(amy.id, last)).toMatchObject({ status: 'undoing', step: 'move_back', asked: 4 })
    expect(() => moved().undo(amy.id, new Date(last.getTime() + 1))).toThrow('handover.too_late')
    expect(() => moving().undo(amy.id, monday)).toThrow('handover.illegal_move')
    expect(moved().undo(amy.id, monday).returned(tuesday)).toMatchObject({ status: 'undone' })
  })
})

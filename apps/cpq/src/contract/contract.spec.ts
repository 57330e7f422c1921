import type { Refusal } from '@millrace/domain'
import { aContract, monday, tuesday } from './contract.fixture.js'
import { contractStatus } from './contract.js'

const refusal = (work: () => unknown): Refusal => {
  try {
    work()
  } catch (error) {
    return error as Refusal
  }
  throw new Error('was not refused')
}
const today = '2026-11-03'
const approved = () => aContract().submit('amy', monday).approve('mona', monday)
const signing = { customerSigner: null, ourSigner: null, signedOn: today, signedBy: 'amy' } as const

describe('the life of a contract', () => {
  it('reaches every status from the first one', () => {
    expect(contractStatus.unreachable()).toEqual([])
  })

  it('is drafted, handed in, approved and signed, with who and when', () => {
    expect(approved().sign(signing, tuesday, today)).toMatchObject({
      status: 'signed',
      submittedBy: 'amy',
      submittedAt: monday,
      approvedBy: 'mona',
      approvedAt: monday,
      customerSigner: 'Li Lei',
      signedOn: today,
      signedAt: tuesday,
      signedBy: 'amy',
    })
  })

  it.each(contractStatus.states.filter((status) => status !== 'draft'))('cannot be changed or handed in while %s', (status) => {
    expect(refusal(() => aContract({ status }).change({ title: 'x' }, 'amy', monday)).code).toBe('contract.not_draft')
    expect(refusal(() => aContract({ status }).submit('amy', monday)).code).toBe('contract.illegal_move')
  })

  it.each(contractStatus.states.filter((status) => status !== 'in_approval'))('cannot be approved while %s', (status) => {
    expect(refusal(() => aContract({ status }).approve('mona', monday)).code).toBe('contract.illegal_move')
  })

  it.each(contractStatus.states.filter((status) => status !== 'approved'))('cannot be signed while %s', (status) => {
    expect(refusal(() => aContract({ status }).sign(signing, tuesday, today)).code).toBe('contract.illegal_move')
  })

  it.each(contractStatus.states.filter((status) => status !== 'in_approval' && status !== 'approved'))(
    'cannot be rejected while %s',
    (status) => {
      expect(refusal(() => aContract({ status }).reject('no', monday)).code).toBe('contract.illegal_move')
    },
  )
})

describe('approving a contract', () => {
  it('is for somebody who neither drafted nor changed it', () => {
    expect(refusal(() => aContract().submit('mona', monday).approve('amy', monday))).toMatchObject({
      code: 'contract.own_approval',
      kind: 'forbidden',
    })
    const changed = aContract().change({ title: 'x' }, 'olga', monday).change({ title: 'y' }, 'olga', monday)
    expect(changed.authorIds).toEqual(['amy', 'olga'])
    expect(refusal(() => changed.submit('amy', monday).approve('olga', monday)).code).toBe('contract.own_approval')
    expect(changed.submit('amy', monday).approve('mona', monday).status).toBe('approved')
  })

  it('counts no more once the contract went back to its author', () => {
    const rejected = approved().reject('the term is missing', tuesday)
    expect(rejected).toMatchObject({
      status: 'draft',
      approvedBy: null,
      approvedAt: null,
      submittedBy: null,
      rejectedReason: 'the term is missing',
    })
    expect(rejected.submit('amy', tuesday).approve('mona', tuesday).rejectedReason).toBeNull()
  })
})

describe('signing a contract', () => {
  it('needs somebody who signs for the customer', () => {
    const nobody = approved()
      .reject('x', monday)
      .change({ customerSigner: null }, 'amy', monday)
      .submit('amy', monday)
      .approve('mona', monday)
    expect(refusal(() => nobody.sign(signing, tuesday, today)).code).toBe('contract.no_signer')
    expect(nobody.sign({ ...signing, customerSigner: 'Han Meimei' }, tuesday, today).customerSigner).toBe('Han Meimei')
  })

  it('can be told later, but not beforehand', () => {
    expect(approved().sign({ ...signing, signedOn: '2026-10-30' }, tuesday, today).signedOn).toBe('2026-10-30')
    expect(refusal(() => approved().sign({ ...signing, signedOn: '2026-11-04' }, tuesday, today)).code).toBe('contract.signed_in_future')
  })
})

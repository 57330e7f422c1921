import { operations } from '@millrace/contracts'
import { newId } from '@millrace/domain'
import { serviceFor } from './routes.js'

describe('the service that answers', () => {
  it('every operation of a service is that service', () => {
    const wrong = operations.filter(({ service, path }) => service !== 'each' && service !== 'gateway' && serviceFor(path, {}) !== service)
    expect(wrong.map(({ id }) => id)).toEqual([])
  })

  it.each([
    ['/oauth/token', {}, 'identity'],
    ['/.well-known/openid-configuration', {}, 'identity'],
    ['/v1/imports', { kind: 'leads' }, 'lead'],
    ['/v1/imports', { kind: 'contacts' }, 'account'],
    ['/v1/custom-fields', { record: 'contact' }, 'account'],
    ['/v1/custom-fields', { record: 'constructor' }, 'identity'],
    [`/v1/custom-fields/${newId('lead_custom_field')}/index`, {}, 'lead'],
    ['/v1/imports', { kind: 'cars' }, 'identity'],
    ['/v1/imports', { kind: 'constructor' }, 'identity'],
    ['/v1/parked-events', { service: 'toString' }, 'identity'],
    [`/v1/imports/${newId('constructor_import')}`, {}, undefined],
    [`/v1/imports/${newId('cpq_import')}/rejections`, {}, 'cpq'],
    [`/v1/import-mappings`, { kind: 'contacts' }, 'account'],
    [`/v1/import-mappings/${newId('lead_import_mapping')}`, {}, 'lead'],
    [`/v1/exports`, { service: 'billing' }, 'billing'],
    [`/v1/audit/${newId('lead_export')}`, {}, 'lead'],
    ['/v1/parked-events', { service: 'billing' }, 'billing'],
    ['/v1/parked-events/replay', { service: 'billing' }, 'billing'],
    [`/v1/parked-events/${newId('insight_parked')}/replay`, {}, 'insight'],
    [`/v1/audit/${newId('org_unit')}`, {}, 'identity'],
    [`/v1/audit/${newId('contract')}`, {}, 'cpq'],
    [`/v1/handovers/${newId('handover')}/records`, { noun: 'order' }, 'cpq'],
    [`/v1/handovers/${newId('handover')}/records`, { noun: 'cars' }, 'account'],
    [`/v1/handovers/${newId('handover')}`, { noun: 'order' }, 'account'],
    ['/v1/audit/nothing', {}, undefined],
    ['/v1/cars', {}, undefined],
    ['/v1', {}, undefined],
    ['/admin', {}, undefined],
  ])('%s %j is %s', (path, query, service) => {
    expect(serviceFor(path, query)).toBe(service)
  })
})

import { aggregateSchema } from '@millrace/service'
import { ApiClient } from './api-client.js'

export const ApiClientSchema = aggregateSchema(ApiClient, 'api_client', { name: 'text', roles: 'json', active: 'boolean' })

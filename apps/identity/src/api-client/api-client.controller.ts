import { Controller } from '@nestjs/common'
import {
  changeApiClient,
  createApiClient,
  getApiClient,
  listApiClients,
  revokeApiClient,
  rotateApiClientSecret,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { ApiClientService } from './api-client.service.js'

@Controller()
export class ApiClientController {
  constructor(private readonly clients: ApiClientService) {}

  @Serve(createApiClient)
  create({ body }: Input<typeof createApiClient>) {
    return this.clients.create(body)
  }

  @Serve(listApiClients)
  list({ query }: Input<typeof listApiClients>) {
    return this.clients.list(query)
  }

  @Serve(getApiClient)
  get({ params }: Input<typeof getApiClient>) {
    return this.clients.get(params.id)
  }

  @Serve(changeApiClient)
  change({ params, body }: Input<typeof changeApiClient>) {
    return this.clients.change(params.id, body)
  }

  @Serve(revokeApiClient)
  revoke({ params }: Input<typeof revokeApiClient>) {
    return this.clients.revoke(params.id)
  }

  @Serve(rotateApiClientSecret)
  rotateSecret({ params }: Input<typeof rotateApiClientSecret>) {
    return this.clients.rotateSecret(params.id)
  }
}

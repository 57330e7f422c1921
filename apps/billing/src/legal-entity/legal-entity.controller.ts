import { Controller } from '@nestjs/common'
import { addLegalEntity, changeLegalEntity, getLegalEntity, listLegalEntities, type Answer, type Input } from '@millrace/contracts'
import { Database, Serve } from '@millrace/service'
import { LegalEntity } from './legal-entity.js'
import { LegalEntityService } from './legal-entity.service.js'

@Controller()
export class LegalEntityController {
  constructor(
    private readonly entities: LegalEntityService,
    private readonly db: Database,
  ) {}

  @Serve(addLegalEntity)
  async add({ body }: Input<typeof addLegalEntity>) {
    return view(await this.entities.add(body))
  }

  @Serve(listLegalEntities)
  list({ query }: Input<typeof listLegalEntities>) {
    return this.db.list(LegalEntity, listLegalEntities, query, view)
  }

  @Serve(getLegalEntity)
  async get({ params }: Input<typeof getLegalEntity>) {
    return view(await this.db.get(LegalEntity, params.id))
  }

  @Serve(changeLegalEntity)
  async change({ params, body }: Input<typeof changeLegalEntity>) {
    return view(await this.entities.change(params.id, body))
  }
}

function view({ journeyId: _, ...entity }: LegalEntity): Answer<typeof getLegalEntity> {
  return entity
}

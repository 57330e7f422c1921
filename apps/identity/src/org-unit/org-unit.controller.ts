import { Controller } from '@nestjs/common'
import { changeOrgUnit, createOrgUnit, getOrgUnit, listOrgUnits, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { OrgUnitService } from './org-unit.service.js'

@Controller()
export class OrgUnitController {
  constructor(private readonly units: OrgUnitService) {}

  @Serve(createOrgUnit)
  create({ body }: Input<typeof createOrgUnit>) {
    return this.units.create(body)
  }

  @Serve(listOrgUnits)
  list({ query }: Input<typeof listOrgUnits>) {
    return this.units.list(query)
  }

  @Serve(getOrgUnit)
  get({ params }: Input<typeof getOrgUnit>) {
    return this.units.get(params.id)
  }

  @Serve(changeOrgUnit)
  change({ params, body }: Input<typeof changeOrgUnit>) {
    return this.units.change(params.id, body)
  }
}

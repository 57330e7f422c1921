import { Controller } from '@nestjs/common'
import { changeCurrentTenant, createTenant, getCurrentTenant, listTenants, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { TenantService } from './tenant.service.js'

@Controller()
export class TenantController {
  constructor(private readonly tenants: TenantService) {}

  @Serve(createTenant)
  create({ body }: Input<typeof createTenant>) {
    return this.tenants.create(body)
  }

  @Serve(listTenants)
  list({ query }: Input<typeof listTenants>) {
    return this.tenants.list(query)
  }

  @Serve(getCurrentTenant)
  current() {
    return this.tenants.current()
  }

  @Serve(changeCurrentTenant)
  changeCurrent({ body }: Input<typeof changeCurrentTenant>) {
    return this.tenants.changeCurrent(body)
  }
}

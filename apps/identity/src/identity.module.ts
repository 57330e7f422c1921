import { Module } from '@nestjs/common'
import { Config, Database, Imports, inTenant, Jobs, Sealing, type ServiceDefinition } from '@millrace/service'
import { AbsenceController } from './absence/absence.controller.js'
import { AbsenceSchema } from './absence/absence.schema.js'
import { AbsenceService } from './absence/absence.service.js'
import { ApiClientController } from './api-client/api-client.controller.js'
import { ApiClientSchema } from './api-client/api-client.schema.js'
import { ApiClientService } from './api-client/api-client.service.js'
import { CalendarController } from './calendar/calendar.controller.js'
import { CalendarSchema } from './calendar/calendar.schema.js'
import { CalendarService } from './calendar/calendar.service.js'
import { identityConfig, type IdentityConfig } from './config.js'
import { identityMigrations } from './migrations/index.js'
import { OpenId } from './openid/openid.service.js'
import { mountSignIn } from './openid/sign-in.controller.js'
import { SignInRecords } from './openid/sign-in-records.service.js'
import { SigningKeyController } from './openid/signing-key.controller.js'
import { SigningKeys } from './openid/signing-key.service.js'
import { OrgUnitController } from './org-unit/org-unit.controller.js'
import { OrgUnitSchema } from './org-unit/org-unit.schema.js'
import { OrgUnitService } from './org-unit/org-unit.service.js'
import { AttemptService } from './sign-in/attempt.service.js'
import { LoginService } from './sign-in/login.service.js'
import { Passwords } from './sign-in/passwords.service.js'
import { TenantController } from './tenant/tenant.controller.js'
import { TenantSchema } from './tenant/tenant.schema.js'
import { TenantService } from './tenant/tenant.service.js'
import { UserController } from './user/user.controller.js'
import { userImport } from './user/user.import.js'
import { UserSchema } from './user/user.schema.js'
import { UserService } from './user/user.service.js'
import { ViewService } from './view/view.service.js'
import { ViewSchema } from './view/view.schema.js'
import { ViewQueries } from './view/view.queries.js'
import { ViewController } from './view/view.controller.js'

@Module({
  controllers: [
    TenantController,
    OrgUnitController,
    UserController,
    ApiClientController,
    SigningKeyController,
    CalendarController,
    AbsenceController,
    ViewController,
  ],
  providers: [
    TenantService,
    OrgUnitService,
    UserService,
    ApiClientService,
    CalendarService,
    AbsenceService,
    LoginService,
    Passwords,
    AttemptService,
    { provide: Sealing, useFactory: ({ IDENTITY_SECRET }: IdentityConfig) => new Sealing(IDENTITY_SECRET), inject: [Config] },
    SignInRecords,
    SigningKeys,
    OpenId,
    ViewService,
    ViewQueries,
  ],
})
export class IdentityModule {
  constructor(
    imports: Imports,
    jobs: Jobs,
    database: Database,
    users: UserService,
    units: OrgUnitService,
    records: SignInRecords,
    attempts: AttemptService,
    keys: SigningKeys,
  ) {
    imports.register(userImport(users, units))
    jobs.every(300, 'sign-in leftovers', () =>
      inTenant('*', () =>
        database.transaction(async (tx) => {
          await records.forgetOld(tx)
          await attempts.forgetOld(tx)
          await keys.forgetOld(tx)
        }),
      ),
    )
  }
}

export const identityService: ServiceDefinition = {
  name: 'identity',
  module: IdentityModule,
  schemas: [TenantSchema, OrgUnitSchema, UserSchema, ApiClientSchema, CalendarSchema, AbsenceSchema, ViewSchema],
  migrations: identityMigrations,
  config: identityConfig,
  extend: mountSignIn,
}

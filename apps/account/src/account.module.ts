import { Module } from '@nestjs/common'
import {
  Clock,
  Config,
  CustomFields,
  Directory,
  filesProvider,
  HandoverConsumers,
  handoverPartSchema,
  Handovers,
  Imports,
  Jobs,
  type ServiceDefinition,
} from '@millrace/service'
import { AccountConsumers } from './account/account.consumers.js'
import { AccountController } from './account/account.controller.js'
import { accountImport } from './account/account.import.js'
import { AccountQueries } from './account/account.queries.js'
import { AccountSchema } from './account/account.schema.js'
import { AccountService } from './account/account.service.js'
import { ActivityConsumers } from './activity/activity.consumers.js'
import { ActivityController } from './activity/activity.controller.js'
import { ActivityQueries } from './activity/activity.queries.js'
import { ActivitySchema } from './activity/activity.schema.js'
import { ActivityService } from './activity/activity.service.js'
import { AttachmentController } from './attachment/attachment.controller.js'
import { AttachmentQueries } from './attachment/attachment.queries.js'
import { AttachmentSchema } from './attachment/attachment.schema.js'
import { AttachmentService } from './attachment/attachment.service.js'
import { accountConfig } from './config.js'
import { ContactController } from './contact/contact.controller.js'
import { contactImport } from './contact/contact.import.js'
import { ContactQueries } from './contact/contact.queries.js'
import { ContactSchema } from './contact/contact.schema.js'
import { ContactService } from './contact/contact.service.js'
import { MailAddressService } from './mail/mail-address.service.js'
import { MailController } from './mail/mail.controller.js'
import { MailQueries } from './mail/mail.queries.js'
import { MailReceiver } from './mail/mail-receiver.service.js'
import { UnmatchedMailSchema } from './mail/mail.schema.js'
import { MailService } from './mail/mail.service.js'
import { UnmatchedMail, unmatchedMailStatus } from './mail/unmatched-mail.js'
import { MailboxController } from './mailbox/mailbox.controller.js'
import { MailboxQueries } from './mailbox/mailbox.queries.js'
import { MailboxReader } from './mailbox/mailbox-reader.service.js'
import { MailboxSchema } from './mailbox/mailbox.schema.js'
import { MailboxService } from './mailbox/mailbox.service.js'
import { accountMigrations } from './migrations/index.js'
import { AccountPlanController } from './plan/plan.controller.js'
import { accountPlanStatus } from './plan/plan.js'
import { AccountPlanQueries } from './plan/plan.queries.js'
import { AccountPlanSchema } from './plan/plan.schema.js'
import { AccountPlanService } from './plan/plan.service.js'
import { SearchController } from './search/search.controller.js'
import { SegmentController } from './segment/segment.controller.js'
import { SegmentQueries } from './segment/segment.queries.js'
import { SegmentSchema } from './segment/segment.schema.js'
import { SegmentService } from './segment/segment.service.js'
import { DueListService } from './service-plan/due-list.service.js'
import { serviceDueStatus } from './service-plan/service-due.js'
import { ServicePlanController } from './service-plan/service-plan.controller.js'
import { ServicePlanQueries } from './service-plan/service-plan.queries.js'
import { ServiceDueSchema, ServicePlanSchema } from './service-plan/service-plan.schema.js'
import { ServicePlanService } from './service-plan/service-plan.service.js'
import { surveyInvitationStatus } from './survey/invitation.js'
import { SurveyController } from './survey/survey.controller.js'
import { SurveyQueries } from './survey/survey.queries.js'
import { SurveyInvitationSchema, SurveySchema } from './survey/survey.schema.js'
import { SurveyService } from './survey/survey.service.js'
import { TimelineController } from './timeline/timeline.controller.js'
import { TimelineQueries } from './timeline/timeline.queries.js'
import { HandoverService } from './handover/handover.service.js'
import { HandoverSchema } from './handover/handover.schema.js'
import { HandoverQueries } from './handover/handover.queries.js'
import { handoverStatus } from './handover/handover.js'
import { HandoverController } from './handover/handover.controller.js'
import { HandoverReportConsumers } from './handover/handover.consumers.js'
import { Account, accountStatus } from './account/account.js'
import { AccountFigures } from './account/account-figures.queries.js'
import { AccountMerges } from './account/account-merge.service.js'
import { AccountLikeness } from './account/account-likeness.service.js'
import { OverviewQueries } from './overview/overview.queries.js'
import { RecordConsumers } from './overview/record.consumers.js'
import { TenantConsumers } from './overview/tenant.consumers.js'
import { AccountPoolController } from './pool/account-pool.controller.js'
import { AccountPoolQueries } from './pool/account-pool.queries.js'
import { AccountPoolService } from './pool/account-pool.service.js'
import { AccountScoreQueries } from './scorecard/account-score.queries.js'
import { AccountScorecardController } from './scorecard/account-scorecard.controller.js'
import { accountScorecardStatus } from './scorecard/account-scorecard.js'
import { AccountScorecardSchema } from './scorecard/account-scorecard.schema.js'
import { AccountScorecardService } from './scorecard/account-scorecard.service.js'
import { AccountScoring } from './scorecard/account-scoring.service.js'
import { SecondSaleConsumers } from './second-sale/second-sale.consumers.js'
import { SecondSaleController } from './second-sale/second-sale.controller.js'
import { SecondSaleQueries } from './second-sale/second-sale.queries.js'
import { SecondSaleService } from './second-sale/second-sale.service.js'

@Module({
  controllers: [
    AccountController,
    ContactController,
    ActivityController,
    AttachmentController,
    TimelineController,
    MailController,
    MailboxController,
    AccountPlanController,
    SurveyController,
    SegmentController,
    ServicePlanController,
    AccountConsumers,
    ActivityConsumers,
    SearchController,
    HandoverController,
    HandoverReportConsumers,
    HandoverConsumers,
    AccountPoolController,
    AccountScorecardController,
    SecondSaleController,
    SecondSaleConsumers,
    RecordConsumers,
    TenantConsumers,
  ],
  providers: [
    AccountService,
    AccountQueries,
    ContactService,
    ContactQueries,
    ActivityService,
    ActivityQueries,
    AccountPlanService,
    AccountPlanQueries,
    SurveyService,
    SurveyQueries,
    SegmentService,
    SegmentQueries,
    ServicePlanService,
    DueListService,
    ServicePlanQueries,
    filesProvider(Config),
    AttachmentService,
    AttachmentQueries,
    TimelineQueries,
    MailService,
    MailQueries,
    MailAddressService,
    MailReceiver,
    MailboxService,
    MailboxQueries,
    MailboxReader,
    HandoverService,
    HandoverQueries,
    AccountLikeness,
    AccountMerges,
    AccountFigures,
    OverviewQueries,
    AccountPoolService,
    AccountPoolQueries,
    AccountScoring,
    AccountScorecardService,
    AccountScoreQueries,
    SecondSaleService,
    SecondSaleQueries,
  ],
})
export class AccountModule {
  constructor(
    imports: Imports,
    jobs: Jobs,
    customFields: CustomFields,
    handovers: Handovers,
    accounts: AccountService,
    contacts: ContactService,
    pool: AccountPoolService,
    segments: SegmentService,
    dueList: DueListService,
    directory: Directory,
    clock: Clock,
  ) {
    customFields.accountsIn('account', 'owner_id')
    imports.register(accountImport(accounts, directory, clock))
    imports.register(contactImport(contacts, clock))
    jobs.every(600, 'idle accounts go into the pool', () => pool.returnIdle())
    jobs.every(600, 'members of segments', () => segments.findMembers())
    jobs.every(600, 'due lists', () => dueList.write())
    handovers.register('account', [
      {
        noun: 'account',
        target: Account,
        account: 'id',
        title: 'name',
        followers: [
          { noun: 'contact', table: 'contact', column: 'account_id' },
          { noun: 'activity', table: 'activity', column: 'account_id' },
        ],
        tell: (tx, handed: readonly Account[]) => accounts.tellHandedOver(tx, handed),
      },
      // E-mails that wait for an account wait for whoever follows.
      { noun: 'unmatched_mail', target: UnmatchedMail, where: "status = 'waiting'", account: null, title: 'subject' },
    ])
  }
}

export const accountService: ServiceDefinition = {
  name: 'account',
  module: AccountModule,
  schemas: [
    AccountSchema,
    ContactSchema,
    ActivitySchema,
    AttachmentSchema,
    UnmatchedMailSchema,
    MailboxSchema,
    AccountPlanSchema,
    SurveySchema,
    SurveyInvitationSchema,
    SegmentSchema,
    ServicePlanSchema,
    ServiceDueSchema,
    HandoverSchema,
    AccountScorecardSchema,
    handoverPartSchema('account'),
  ],
  migrations: accountMigrations,
  lifecycles: [
    unmatchedMailStatus,
    accountPlanStatus,
    surveyInvitationStatus,
    serviceDueStatus,
    handoverStatus,
    accountStatus,
    accountScorecardStatus,
  ],
  config: accountConfig,
  extend: (app) => app.get(MailReceiver).listen(),
}

import { randomBytes } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { formCustomTypes, type changeLeadForm, type createLeadForm, type Input, type sendPublicForm } from '@millrace/contracts'
import { Refusal, type Id } from '@millrace/domain'
import { begun, Clock, context, CustomFields, Database, withContext } from '@millrace/service'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { LeadService } from '../lead/lead.service.js'
import { LeadForm, usualThanks, type AskedCustomField, type LeadFormData, type Submission } from './form.js'
import { LeadFormQueries } from './form.queries.js'

const minuteSeconds = 60

type Filled = Input<typeof sendPublicForm>['body']['custom']

/** Use cases of web forms. */
@Injectable()
export class LeadFormService {
  private readonly limiters = new Map<number, RateLimiterMemory>()

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
    private readonly leads: LeadService,
    private readonly queries: LeadFormQueries,
    private readonly customFields: CustomFields,
  ) {}

  create(given: Input<typeof createLeadForm>['body']): Promise<LeadForm> {
    return this.db.transaction(async (tx) => {
      await this.mustBeOffered(given.customFields)
      const form = LeadForm.create({ ...begun('lead_form', this.clock.now()), ...given, key: newKey() })
      await tx.insert(form)
      return form
    })
  }

  change(id: Id<'lead_form'>, given: Input<typeof changeLeadForm>['body']): Promise<LeadForm> {
    const said = Object.entries(given).filter(([, value]) => value !== undefined)
    return this.db.transaction(async (tx) => {
      const before = await tx.lock(LeadForm, id)
      // Those that it asks for already may have been retired since.
      await this.mustBeOffered((given.customFields ?? []).filter(({ key }) => !before.customFields.some((field) => field.key === key)))
      return tx.update(before.change(Object.fromEntries(said) as Partial<LeadFormData>, this.clock.now()))
    })
  }

  renewKey(id: Id<'lead_form'>): Promise<LeadForm> {
    return this.db.transaction(async (tx) => tx.update((await tx.lock(LeadForm, id)).change({ key: newKey() }, this.clock.now())))
  }

  /**
   * Makes a lead of what was sent, once. Where an open lead has the same keys it gets what it lacked, also where the company refuses duplicates:
   * nobody’s interest is lost.
   */
  async send(key: string, given: Submission, language = context().language): Promise<string> {
    const { address, origin, publicUrl } = context().from!
    const { tenantId, form } = await this.queries.byKey(key)
    form.mustTake(origin, publicUrl)
    await this.stayInRate(form, address)
    const spam = form.isSpam(given)
    if (!spam) form.mustBeComplete(given, await this.queries.customFieldsOf(form, tenantId))
    await withContext({ ...context(), tenantId, visibility: 'company', channel: 'form' }, () =>
      this.db.transaction(async (tx) => {
        const fresh = await tx.count(
          `INSERT INTO lead_form_submission (form_id, submission, spam, received_at, page, consent) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
          [
            form.id,
            given.submission,
            spam,
            this.clock.now(),
            given.page ?? null,
            form.consent && given.consent ? form.consent[language] : null,
          ],
        )
        if (!fresh || spam) return
        const { source, channel, campaign, tags } = form
        const lead = await this.leads.capture(
          { ...given.values, source, channel, campaign, tags: [...tags], utm: given.utm ?? null, custom: given.custom as Filled },
          'merge',
        )
        await tx.query('UPDATE lead_form_submission SET lead_id = $3 WHERE form_id = $1 AND submission = $2', [
          form.id,
          given.submission,
          lead.id,
        ])
      }),
    )
    return (form.thanks ?? usualThanks)[language]
  }

  /** Refuses custom fields that the lead does not have, and those that nobody outside can fill in. */
  private async mustBeOffered(asked: readonly AskedCustomField[]): Promise<void> {
    if (!asked.length) return
    const fields = await this.customFields.of(
      'lead',
      asked.map(({ key }) => key),
    )
    for (const { key } of asked) {
      const field = fields.get(key)
      if (!field) throw Refusal.invalid('custom.unknown_field', { key })
      if (!field.active) throw Refusal.invalid('custom.retired_field', { key })
      if (!formCustomTypes.some((type) => type === field.type))
        throw Refusal.invalid('lead_form.field_not_offered', { key, type: field.type })
    }
  }

  private async stayInRate({ id, perMinute }: LeadForm, address: string): Promise<void> {
    const limiter = this.limiters.get(perMinute) ?? new RateLimiterMemory({ points: perMinute, duration: minuteSeconds })
    this.limiters.set(perMinute, limiter)
    await limiter.consume(`${id} ${address}`).catch(() => {
      throw new Refusal('rate.exceeded')
    })
  }
}

function newKey(): string {
  return randomBytes(18).toString('base64url')
}

import { Injectable } from '@nestjs/common'
import { formCustomTypes, listLeadForms, type Answer, type getLeadForm, type Input, type readPublicForm } from '@millrace/contracts'
import { Refusal } from '@millrace/domain'
import { context, CustomFields, Database, inTenant } from '@millrace/service'
import { LeadForm, usualLabels, usualThanks } from './form.js'

interface Counts {
  readonly received: number
  readonly spam: number
}

@Injectable()
export class LeadFormQueries {
  constructor(
    private readonly db: Database,
    private readonly custom: CustomFields,
  ) {}

  async list(query: Input<typeof listLeadForms>['query']) {
    const counts = await this.counts()
    return this.db.list(LeadForm, listLeadForms, query, (form) => this.viewed(form, counts.get(form.id)))
  }

  async get(id: string) {
    return this.view(await this.db.get(LeadForm, id))
  }

  async view(form: LeadForm): Promise<Answer<typeof getLeadForm>> {
    return this.viewed(form, (await this.counts(form.id)).get(form.id))
  }

  /** The form with this key, of whatever company. */
  async byKey(key: string): Promise<{ tenantId: string; form: LeadForm }> {
    const [row] = await inTenant('*', () => this.db.query<{ tenant_id: string }>('SELECT * FROM lead_form WHERE key = $1', [key]))
    if (!row) throw Refusal.notFound('lead_form')
    return { tenantId: row.tenant_id, form: this.db.hydrate(LeadForm, [row])[0]! }
  }

  async publicView(key: string): Promise<Answer<typeof readPublicForm>> {
    const { tenantId, form } = await this.byKey(key)
    if (!form.active) throw new Refusal('lead_form.closed')
    return {
      key,
      fields: form.fields.map(({ name, required, label }) => ({ name, required, label: label ?? usualLabels[name] })),
      customFields: await this.customFieldsOf(form, tenantId),
      thanks: form.thanks ?? usualThanks,
      consent: form.consent,
    }
  }

  /** The custom fields that a form asks for, as far as they can be filled in: a retired one takes nothing, so it is asked for no more. */
  async customFieldsOf({ customFields }: LeadForm, tenantId: string): Promise<Answer<typeof readPublicForm>['customFields']> {
    if (!customFields.length) return []
    const fields = await inTenant(tenantId, () =>
      this.custom.of(
        'lead',
        customFields.map(({ key }) => key),
      ),
    )
    return customFields.flatMap(({ key, required }) => {
      const field = fields.get(key)
      const type = formCustomTypes.find((each) => each === field?.type)
      if (!field?.active || !type) return []
      const options = field.options.filter(({ active }) => active).map((option) => ({ key: option.key, label: option.labels }))
      return [{ key, type, required, label: field.labels, help: field.help, options }]
    })
  }

  private async counts(formId: string | null = null): Promise<Map<string, Counts>> {
    const rows = await this.db.query<Counts & { form_id: string }>(
      `SELECT form_id, count(*) FILTER (WHERE NOT spam)::int AS received, count(*) FILTER (WHERE spam)::int AS spam
       FROM lead_form_submission WHERE $1::text IS NULL OR form_id = $1 GROUP BY form_id`,
      [formId],
    )
    return new Map(rows.map((row) => [row.form_id, row]))
  }

  private viewed({ journeyId: _, ...form }: LeadForm, counts: Counts = { received: 0, spam: 0 }): Answer<typeof getLeadForm> {
    return {
      ...form,
      fields: form.fields.map((field) => ({ ...field })),
      customFields: form.customFields.map((field) => ({ ...field })),
      origins: [...form.origins],
      tags: [...form.tags],
      received: counts.received,
      spam: counts.spam,
      snippet: `<script src="${context().from!.publicUrl}/v1/public-forms/${form.key}/embed.js" async></script>`,
    }
  }
}

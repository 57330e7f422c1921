import { Controller, Header, StreamableFile } from '@nestjs/common'
import {
  changeLeadForm,
  createLeadForm,
  embedPublicForm,
  getLeadForm,
  listLeadForms,
  readPublicForm,
  renewLeadFormKey,
  sendPublicForm,
  showPublicForm,
  type Input,
} from '@millrace/contracts'
import { context, Serve } from '@millrace/service'
import { embedScript, formPage } from './form-script.js'
import { LeadFormQueries } from './form.queries.js'
import { LeadFormService } from './form.service.js'

@Controller()
export class LeadFormController {
  constructor(
    private readonly forms: LeadFormService,
    private readonly queries: LeadFormQueries,
  ) {}

  @Serve(createLeadForm)
  async create({ body }: Input<typeof createLeadForm>) {
    return this.queries.view(await this.forms.create(body))
  }

  @Serve(listLeadForms)
  list({ query }: Input<typeof listLeadForms>) {
    return this.queries.list(query)
  }

  @Serve(getLeadForm)
  get({ params }: Input<typeof getLeadForm>) {
    return this.queries.get(params.id)
  }

  @Serve(changeLeadForm)
  async change({ params, body }: Input<typeof changeLeadForm>) {
    return this.queries.view(await this.forms.change(params.id, body))
  }

  @Serve(renewLeadFormKey)
  async renewKey({ params }: Input<typeof renewLeadFormKey>) {
    return this.queries.view(await this.forms.renewKey(params.id))
  }

  @Serve(readPublicForm)
  read({ params }: Input<typeof readPublicForm>) {
    return this.queries.publicView(params.key)
  }

  @Serve(sendPublicForm)
  async send({ params, body: { language, ...submission } }: Input<typeof sendPublicForm>) {
    return { received: true as const, thanks: await this.forms.send(params.key, submission, language) }
  }

  @Serve(embedPublicForm)
  async embed({ params }: Input<typeof embedPublicForm>) {
    return sent(embedScript(await this.queries.publicView(params.key), context().from!.publicUrl), 'text/javascript')
  }

  @Serve(showPublicForm)
  @Header(
    'content-security-policy',
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'",
  )
  async show({ params }: Input<typeof showPublicForm>) {
    const { key } = await this.queries.publicView(params.key)
    return sent(formPage(key), 'text/html')
  }
}

function sent(text: string, type: string): StreamableFile {
  return new StreamableFile(Buffer.from(text), { type: `${type}; charset=utf-8` })
}

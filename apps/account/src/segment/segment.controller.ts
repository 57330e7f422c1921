import { Controller } from '@nestjs/common'
import { changeSegment, createSegment, getSegment, listSegmentFields, listSegments, previewSegment, type Input } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { SegmentQueries } from './segment.queries.js'
import { SegmentService } from './segment.service.js'

@Controller()
export class SegmentController {
  constructor(
    private readonly segments: SegmentService,
    private readonly queries: SegmentQueries,
  ) {}

  @Serve(createSegment)
  async create({ body }: Input<typeof createSegment>) {
    return this.queries.view(await this.segments.create(body))
  }

  @Serve(listSegments)
  list({ query }: Input<typeof listSegments>) {
    return this.queries.list(query)
  }

  @Serve(getSegment)
  get({ params }: Input<typeof getSegment>) {
    return this.queries.get(params.id)
  }

  @Serve(changeSegment)
  async change({ params, body }: Input<typeof changeSegment>) {
    return this.queries.view(await this.segments.change(params.id, body))
  }

  @Serve(previewSegment)
  preview({ body }: Input<typeof previewSegment>) {
    return this.queries.preview(body)
  }

  @Serve(listSegmentFields)
  fields() {
    return this.queries.fields()
  }
}

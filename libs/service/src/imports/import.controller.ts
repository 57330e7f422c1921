import type { Readable } from 'node:stream'
import { Controller, StreamableFile } from '@nestjs/common'
import {
  deleteImportMapping,
  discardImport,
  fileFormats,
  getImport,
  listImportMappings,
  listImports,
  listRejections,
  previewImport,
  saveImportMapping,
  startImport,
  startWaitingImport,
  type Input,
} from '@millrace/contracts'
import { context } from '../context.js'
import { Serve } from '../operation-server.js'
import { Imports } from './imports.js'
import { SavedMappings } from './saved-mappings.js'

@Controller()
export class ImportController {
  constructor(
    private readonly imports: Imports,
    private readonly mappings: SavedMappings,
  ) {}

  @Serve(startImport)
  start({ query, body }: Input<typeof startImport>) {
    return this.imports.start({ query, file: body as unknown as Readable })
  }

  @Serve(previewImport)
  preview({ params, body }: Input<typeof previewImport>) {
    return this.imports.preview(params.id, body)
  }

  @Serve(startWaitingImport)
  startWaiting({ params, body }: Input<typeof startWaitingImport>) {
    return this.imports.startWaiting(params.id, body)
  }

  @Serve(discardImport)
  discard({ params }: Input<typeof discardImport>) {
    return this.imports.discard(params.id)
  }

  @Serve(getImport)
  get({ params }: Input<typeof getImport>) {
    return this.imports.get(params.id)
  }

  @Serve(listImports)
  list({ query }: Input<typeof listImports>) {
    return this.imports.list(query.kind)
  }

  @Serve(listRejections)
  async rejections({ params, query: { format } }: Input<typeof listRejections>) {
    const file = await this.imports.rejections(params.id, format, context().language)
    return new StreamableFile(file, {
      type: format === 'csv' ? `${fileFormats.csv}; charset=utf-8` : fileFormats.xlsx,
      disposition: `attachment; filename="${params.id}.${format}"`,
    })
  }

  @Serve(saveImportMapping)
  saveMapping({ query, body }: Input<typeof saveImportMapping>) {
    return this.imports.saveMapping(query.kind, body)
  }

  @Serve(listImportMappings)
  listMappings({ query }: Input<typeof listImportMappings>) {
    return this.mappings.list(query.kind)
  }

  @Serve(deleteImportMapping)
  deleteMapping({ params }: Input<typeof deleteImportMapping>) {
    return this.mappings.forget(params.id)
  }
}

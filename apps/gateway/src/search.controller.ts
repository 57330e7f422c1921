import { Controller, Req, Res } from '@nestjs/common'
import { search, searchOf, type Answer, type Input, type SearchKind } from '@millrace/contracts'
import { searchMatches } from '@millrace/domain'
import { Serve } from '@millrace/service'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Door } from './proxy.js'

type Found = Pick<Answer<typeof search>, 'data' | 'complete'>

/** How long a service may take; one that has to wait for the caller's own writes first, longer. */
const patienceMs = 3_000
const patienceForWritesMs = 35_000

/** One search over the services, each as far as its own permission reaches. */
@Controller()
export class SearchController {
  constructor(private readonly door: Door) {}

  @Serve(search)
  async search(
    { query }: Input<typeof search>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answer<typeof search>> {
    await this.door.admit(request, reply)
    const kinds = [...new Set(query.kinds)]
    const answers = await Promise.all(kinds.map((kind) => this.ask(kind, query, request)))
    const found = answers.filter((answer) => typeof answer === 'object')
    const data = found.flatMap((answer) => answer.data).sort(better)
    return {
      data: data.slice(0, query.limit),
      complete: found.every(({ complete }) => complete) && data.length <= query.limit,
      missing: kinds.filter((_, n) => answers[n] === 'missing'),
    }
  }

  private async ask(
    kind: SearchKind,
    { q, limit }: Input<typeof search>['query'],
    request: FastifyRequest,
  ): Promise<Found | 'missing' | 'forbidden'> {
    const { service, path } = searchOf[kind]
    try {
      const { statusCode, body } = await this.door.ask(service, request, {
        method: 'GET',
        path: `${path}?${new URLSearchParams({ q, limit: String(limit) })}`,
        signal: AbortSignal.timeout(request.headers['millrace-causality'] ? patienceForWritesMs : patienceMs),
      })
      if (statusCode === 200) return (await body.json()) as Found
      await body.dump()
      return statusCode === 403 ? 'forbidden' : 'missing'
    } catch {
      return 'missing' // one service that is away, or breaks off, is no reason to keep back what the others found
    }
  }
}

function better(a: Found['data'][number], b: Found['data'][number]): number {
  return (
    searchMatches.indexOf(a.match) - searchMatches.indexOf(b.match) ||
    Number(b.mine) - Number(a.mine) ||
    String(b.createdAt).localeCompare(String(a.createdAt))
  )
}

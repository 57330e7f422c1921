import { Refusal } from '@millrace/domain'
import { listExport, reach, roles, visibilities, type Operation, type Role, type Visibility } from '@millrace/contracts'
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JSONWebKeySet } from 'jose'
import { context, type Actor } from './context.js'

/** What a verified access token says. */
export interface Caller {
  readonly tenantId: string
  readonly actor: Actor
}

export interface Issuer {
  readonly issuer: string
  readonly jwks: URL | JSONWebKeySet
}

/** Verifies access tokens of the configured issuers. A verified token is remembered until it expires. */
export class Tokens {
  private readonly verified = new Map<string, { caller: Caller; expiresAt: number }>()
  private readonly keys: Map<string, ReturnType<typeof createRemoteJWKSet> | ReturnType<typeof createLocalJWKSet>>

  constructor(
    issuers: readonly Issuer[],
    private readonly audience: string,
    private readonly now: () => Date,
  ) {
    this.keys = new Map(
      issuers.map(({ issuer, jwks }) => [
        issuer,
        jwks instanceof URL ? createRemoteJWKSet(jwks, { cooldownDuration: 5_000, timeoutDuration: 5_000 }) : createLocalJWKSet(jwks),
      ]),
    )
  }

  async verify(header: string | undefined): Promise<Caller> {
    if (!header?.startsWith('Bearer ')) throw new Refusal('token.missing', {}, 'forbidden')
    const token = header.slice(7)
    const remembered = this.verified.get(token)
    if (remembered && remembered.expiresAt > this.now().getTime()) return remembered.caller
    const { payload } = await jwtVerify(token, (head, flat) => this.keyOf(flat.payload)(head as never, flat as never), {
      issuer: [...this.keys.keys()],
      audience: this.audience,
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      requiredClaims: ['exp', 'sub'],
      currentDate: this.now(),
    }).catch((error: unknown) => {
      if (error instanceof errors.JWTExpired) throw new Refusal('token.expired', {}, 'forbidden')
      if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) {
        if (error instanceof Refusal) throw error
        throw new Unavailable('the issuer’s keys cannot be read')
      }
      throw new Refusal('token.invalid', {}, 'forbidden')
    })
    const { tenant, roles: held, sub } = payload as { tenant?: unknown; roles?: unknown; sub: string }
    if (typeof tenant !== 'string' || !/^(\*|tenant_[0-9a-z]{26})$/.test(tenant) || !Array.isArray(held))
      throw new Refusal('token.invalid', {}, 'forbidden')
    const caller: Caller = {
      tenantId: tenant,
      actor: {
        id: sub,
        kind: sub.startsWith('user_') ? 'user' : 'api_client',
        roles: held.filter((role): role is Role => (roles as readonly unknown[]).includes(role)),
      },
    }
    if (this.verified.size > 10_000) this.verified.clear()
    this.verified.set(token, { caller, expiresAt: payload.exp! * 1000 })
    return caller
  }

  private keyOf(encodedPayload: string | Uint8Array): (head: never, flat: never) => Promise<never> {
    const text =
      typeof encodedPayload === 'string' ? Buffer.from(encodedPayload, 'base64url').toString() : Buffer.from(encodedPayload).toString()
    const keys = this.keys.get(issuerIn(text) ?? '')
    if (!keys) throw new Refusal('token.invalid', {}, 'forbidden')
    return keys as never
  }
}

function issuerIn(payload: string): string | undefined {
  try {
    return (JSON.parse(payload) as { iss?: string } | null)?.iss
  } catch {
    return undefined
  }
}

/** Something that this service needs is away; the caller may try again. */
export class Unavailable extends Error {}

/** How far the caller sees with an operation; refuses when they may not call it. */
export function visibilityFor(operation: Operation, { actor, tenantId }: Caller): Visibility {
  const { callers = 'company' } = operation
  if (tenantId === '*' && callers === 'company') throw Refusal.forbidden('tenant.none')
  if (tenantId !== '*' && callers === 'operator') throw Refusal.forbidden('tenant.operator_only')
  if (operation.rule === 'public' || operation.rule === 'signed-in') return 'own'
  const visibility = reach(actor.roles, operation.rule)
  if (!visibility) throw Refusal.forbidden('access.forbidden', { permission: operation.rule.name })
  return visibility
}

/** How far the caller sees in a list that they have as a file: no further than in the list, and no further than their right to export. */
export function exportVisibility({ actor }: Caller, allowed: Visibility): Visibility {
  const exporting = reach(actor.roles, listExport)
  if (!exporting) throw Refusal.forbidden('access.forbidden', { permission: listExport.name })
  return visibilities.indexOf(exporting) < visibilities.indexOf(allowed) ? exporting : allowed
}

/**
 * The SQL condition "the owner in this column is visible to the actor with the operation's permission"; undefined: everything is.
 * `offset` says how many parameters the statement has already.
 */
export function visibleOwners(column: string, offset: number): { sql: string; values: unknown[] } | undefined {
  const { visibility, actor } = context()
  if (visibility === 'company' || !actor) return undefined
  const me = `$${offset + 1}`
  if (visibility === 'own') return { sql: `${column} = ${me}`, values: [actor.id] }
  const mine = `(SELECT d.path FROM directory_user u JOIN directory_unit d ON d.id = u.unit_id WHERE u.id = ${me})`
  const unit = visibility === 'team' ? `d.path = ${mine}` : `d.path LIKE ${mine} || '%'`
  const colleagues = `SELECT u.id FROM directory_user u JOIN directory_unit d ON d.id = u.unit_id WHERE ${unit}`
  return { sql: `(${column} = ${me} OR ${column} IN (${colleagues}))`, values: [actor.id] }
}

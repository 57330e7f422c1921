import { AsyncLocalStorage } from 'node:async_hooks'
import type { Language, Permission, Role, Visibility } from '@millrace/contracts'
import type { Transaction } from './transaction.js'

/** Who acts: a person or an API client of a tenant. */
export interface Actor {
  readonly id: string
  readonly kind: 'user' | 'api_client'
  readonly roles: readonly Role[]
}

/** What is known about the request or event being worked on. It follows the call, so that nobody has to hand it on. */
export interface Context {
  /** The tenant whose records may be touched; `*` is the platform itself (relay, sign-in), which sees no business table. */
  readonly tenantId: string
  /** Absent while an event is applied. */
  readonly actor?: Actor
  readonly permission?: Permission
  /** How far the actor sees with this operation's permission; events see all of the tenant. */
  readonly visibility: Visibility
  readonly language: Language
  readonly journeyId?: string | undefined
  readonly traceparent?: string | undefined
  /** How what happens came about, where it is not a call of the API or the platform's own clock. */
  readonly channel?: 'form' | 'import' | 'event' | 'handover' | 'mail'
  /** Where the request came from; absent while an event is applied. */
  readonly from?: { readonly address: string; readonly origin?: string | undefined; readonly publicUrl: string }
  /** The record that the request names (empty: its path has no id, as with settings), and the version it expects (If-Match). */
  readonly target?: { readonly id: string; readonly ifMatch?: number | undefined } | undefined
  /** The one transaction that a whole request or event batch runs in. */
  transaction?: Transaction | undefined
  /** Events published on behalf of this context, as causality entries. */
  readonly caused: string[]
}

const storage = new AsyncLocalStorage<Context>()

/** The context of the current call. Outside one it is an error: nothing happens without a tenant. */
export function context(): Context {
  const found = storage.getStore()
  if (!found) throw new Error('no context: this runs outside a request, an event or inTenant()')
  return found
}

export function currentContext(): Context | undefined {
  return storage.getStore()
}

export function withContext<T>(value: Context, work: () => T): T {
  return storage.run(value, work)
}

/** Runs work of the service itself for one tenant (jobs, consumers, set-up): all of the tenant's records are visible. */
export function inTenant<T>(tenantId: string, work: () => T): T {
  return storage.run({ tenantId, visibility: 'company', language: 'en', caused: [] }, work)
}

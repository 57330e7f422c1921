/** Why a wish is refused: it makes no sense, is not this person's to make, names nothing we know, or breaks a business rule. */
export type RefusalKind = 'invalid' | 'forbidden' | 'notFound' | 'refused'

/** A business "no" with a stable code such as `lead.not_qualified`. Anything else that is thrown is a fault of the program. */
export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(
    readonly code: string,
    readonly details: Record<string, unknown> = {},
    readonly kind: RefusalKind = 'refused',
  ) {
    super(code)
  }

  /** The wish itself makes no sense, whoever makes it and whenever. */
  static invalid(code: string, details?: Record<string, unknown>): Refusal {
    return new Refusal(code, details, 'invalid')
  }

  /** The wish makes sense but is not this person's to make. */
  static forbidden(code: string, details?: Record<string, unknown>): Refusal {
    return new Refusal(code, details, 'forbidden')
  }

  /** There is no such thing, or none that this person may know of: `lead.not_found`. */
  static notFound(noun: string, id?: string): Refusal {
    return new Refusal(`${noun}.not_found`, { id }, 'notFound')
  }
}

import { Injectable } from '@nestjs/common'
import type { CustomRecord, ImportKindName } from '@millrace/contracts'
import { Refusal, type CustomValues } from '@millrace/domain'
import type { z } from 'zod'
import { CustomFields } from '../custom-fields/custom-fields.js'
import type { Transaction } from '../transaction.js'
import { holdings, type Holds } from './cells.js'
import type { Checked } from './rows.js'

/** One row of a file, mapped and checked. */
export interface ImportRow<Fields> {
  /** Line of data in the file; the first after the header is 1. */
  readonly row: number
  readonly fields: Fields
  /** Values of the company's own fields, checked. */
  readonly custom: CustomValues
}

/** Something that can be imported. Names are those of the API's fields. */
export interface ImportKind<Shape extends z.ZodObject = z.ZodObject> {
  readonly kind: ImportKindName
  /**
   * The fields of one row; every value arrives as text or is absent, so shapes coerce and parse. Where a shape takes a date or a number, the usual ways
   * to write one arrive in the API's own way.
   */
  readonly shape: Shape
  /** The record that it adds, when a company may add fields to it: then also columns named `custom.<key>` are taken. */
  readonly custom?: CustomRecord
  /**
   * Stores rows in the given transaction and says for each what became of it. A row whose record is there already answers `existing` and
   * changes nothing. A Refusal that is thrown makes the rows be tried one by one, so that only the guilty one is rejected. A preview does this too, and
   * takes it back.
   */
  apply(tx: Transaction, rows: readonly ImportRow<z.output<Shape>>[]): Promise<(('added' | 'existing') | Refusal)[]>
}

/** A kind, and what each of its fields holds. */
export type KnownKind = ImportKind & { readonly holdings: ReadonlyMap<string, Holds> }

/** What can be imported into a service, and the columns that a file may have for it. */
@Injectable()
export class ImportKinds {
  private readonly kinds = new Map<string, KnownKind>()

  constructor(private readonly customFields: CustomFields) {}

  add<Shape extends z.ZodObject>(kind: ImportKind<Shape>): void {
    const general = kind as unknown as ImportKind
    this.kinds.set(kind.kind, {
      kind: kind.kind,
      shape: general.shape,
      ...(general.custom && { custom: general.custom }),
      holdings: holdings(kind.shape),
      apply: (tx, rows) => general.apply(tx, rows),
    })
  }

  find(kind: string): KnownKind | undefined {
    return this.kinds.get(kind)
  }

  of(kind: string): KnownKind {
    const found = this.kinds.get(kind)
    if (!found) throw new Refusal('import.not_here')
    return found
  }

  /** Rows with the values of the company's own fields, checked too. */
  async withCustom(kind: ImportKind, rows: readonly Checked[]): Promise<(Omit<Checked, 'custom'> & { readonly custom: CustomValues })[]> {
    if (!kind.custom) return rows.map((row) => ({ ...row, custom: {} }))
    const read = await this.customFields.fromCells(
      kind.custom,
      rows.map(({ custom }) => custom),
    )
    return rows.map((row, n) => ({ ...row, custom: read[n]!.values, problems: [...row.problems, ...read[n]!.problems] }))
  }

  /** What a mapping can name for a kind. */
  async fieldsOf(name: ImportKindName): Promise<string[]> {
    const kind = this.of(name)
    return [...Object.keys(kind.shape.shape), ...(await this.customNames(kind))]
  }

  /** The columns of the company's own fields that a kind takes. */
  async customNames({ custom }: Pick<ImportKind, 'custom'>): Promise<string[]> {
    if (!custom) return []
    const fields = await this.customFields.of(custom)
    return [...fields.values()].filter(({ active }) => active).map(({ key }) => `custom.${key}`)
  }
}

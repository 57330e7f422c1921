import { Injectable } from '@nestjs/common'
import { Database } from '@millrace/service'
import { Deals } from './deal.service.js'

/** The human numbers of quotes (Q), contracts (C) and orders (O): `Q-2026-0042`, counted per company and year. */
@Injectable()
export class Numbers {
  constructor(
    private readonly db: Database,
    private readonly deals: Deals,
  ) {}

  /** The next number, never given twice. Two who ask at once wait for each other; ask late in the transaction. */
  async next(letter: 'Q' | 'C' | 'O'): Promise<string> {
    const { today } = await this.deals.company()
    const series = `${letter}-${today.slice(0, 4)}`
    const row = await this.db.one<{ last: number }>(
      `INSERT INTO number_series (series, last) VALUES ($1, 1) ON CONFLICT (tenant_id, series) DO UPDATE SET last = number_series.last + 1 RETURNING last`,
      [series],
    )
    return `${series}-${String(row!.last).padStart(4, '0')}`
  }
}

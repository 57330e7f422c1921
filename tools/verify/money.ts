import type { Ground, Reader } from './ground.ts'
import type { Findings, Invariant } from './verify.ts'

/** I6: the ledger balances, is never rewritten, and books what the documents say. */
export const ledger: Invariant = {
  id: 'I6',
  title: 'the ledger balances, is append-only, and invoice = lines = receivables',
  async check(ground, findings) {
    const billing = ground.readers.get('billing')
    if (!billing) return void findings.unchecked.push('the database of billing is not given')
    await rowsHold(billing, findings, {
      from: 'journal_entry r',
      wrong: `SELECT CASE WHEN count(*) = 0 THEN 'the entry has no postings'
          WHEN bool_or(p.unbalanced) THEN 'the debits and credits of the entry are not equal' END
        FROM (SELECT sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) <> 0 AS unbalanced FROM posting
              WHERE tenant_id = r.tenant_id AND entry_id = r.id GROUP BY amount_currency) p`,
    })
    await rowsHold(billing, findings, {
      from: 'posting r',
      about: 'r.entry_id',
      wrong: `SELECT 'the posting belongs to no entry' WHERE NOT EXISTS (SELECT 1 FROM journal_entry WHERE tenant_id = r.tenant_id AND id = r.entry_id)`,
    })
    await rowsHold(billing, findings, {
      from: 'invoice r',
      wrong: `SELECT CASE WHEN l.gross IS DISTINCT FROM r.total_minor OR l.tax IS DISTINCT FROM r.tax_minor OR l.net IS DISTINCT FROM r.net_minor OR l.foreign
            THEN format('the lines of %s make %s, the invoice says %s (minor units)', r.number, coalesce(l.gross, 0), r.total_minor)
          WHEN l.stray IS NOT NULL THEN format('line for %s of %s: there is no such receivable, or it is of less', l.stray, r.number)
          WHEN b.booked IS DISTINCT FROM r.total_minor THEN format('the ledger books %s for %s of %s (minor units)', coalesce(b.booked, 0), r.number, r.total_minor) END
        FROM (SELECT sum(l.gross_minor) AS gross, sum(l.tax_minor) AS tax, sum(l.net_minor) AS net, bool_or(l.gross_currency <> r.total_currency) AS foreign,
                min(l.receivable_id) FILTER (WHERE v.id IS NULL OR l.gross_minor > v.amount_minor
                  OR (r.credit_of IS NULL AND l.gross_minor < v.amount_minor - v.credited_minor)) AS stray
              FROM invoice_line l LEFT JOIN receivable v ON v.tenant_id = l.tenant_id AND v.id = l.receivable_id
              WHERE l.tenant_id = r.tenant_id AND l.invoice_id = r.id) l,
             (SELECT sum(p.amount_minor) AS booked FROM journal_entry e JOIN posting p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id
              WHERE e.tenant_id = r.tenant_id AND e.source_id = r.id AND p.ledger_account = 'accounts_receivable'
                AND e.kind = CASE WHEN r.credit_of IS NULL THEN 'invoice' ELSE 'credit_note' END
                AND p.side = CASE WHEN r.credit_of IS NULL THEN 'debit' ELSE 'credit' END) b`,
    })
    await rowsHold(billing, findings, {
      from: 'receipt r',
      wrong: `SELECT format('the ledger books %s for the receipt of %s (minor units)', coalesce(sum(p.amount_minor), 0), r.amount_minor)
        FROM journal_entry e JOIN posting p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id
        WHERE e.tenant_id = r.tenant_id AND e.source_id = r.id AND e.kind = 'receipt' AND p.ledger_account = 'bank'
        HAVING sum(p.amount_minor) IS DISTINCT FROM r.amount_minor::numeric`,
    })
    await rowsHold(billing, findings, {
      from: 'receivable r',
      wrong: `SELECT CASE WHEN r.invoice_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM invoice_line l WHERE l.tenant_id = r.tenant_id AND l.invoice_id = r.invoice_id AND l.receivable_id = r.id)
          THEN format('%s has no line for the receivable', r.invoice_id) END`,
    })
    await balances(ground, billing, findings)
    await appendOnly(billing, findings)
  },
}

/** I7: an amount that was agreed is the same wherever it stands, to the last unit. */
export const closed: Invariant = {
  id: 'I7',
  title: 'money is closed from quote to instalments, discounts and credits',
  async check(ground, findings) {
    const [cpq, billing] = [ground.readers.get('cpq'), ground.readers.get('billing')]
    if (cpq) await agreed(cpq, findings)
    else findings.unchecked.push('the database of cpq is not given')
    if (billing) await owed(billing, findings)
    else findings.unchecked.push('the database of billing is not given')
    if (cpq && billing) await laidOut(ground, cpq, billing, findings)
  },
}

/** I11: no invoice number is missing or given twice. */
export const numbered: Invariant = {
  id: 'I11',
  title: 'invoice numbers are unique and without gap per legal entity and series',
  async check(ground, findings) {
    const billing = ground.readers.get('billing')
    if (!billing) return void findings.unchecked.push('the database of billing is not given')
    // In order of their numbers, so the first one after a gap is seen without looking anything up.
    const pages = billing.pages<{
      tenant_id: string
      legal_entity_id: string
      series: string
      sequence: string
      id: string
      number: string
    }>({
      from: 'invoice r',
      columns: 'r.id, r.number',
      key: ['tenant_id', 'legal_entity_id', 'series', 'sequence'],
    })
    const last = new Map<string, bigint>()
    let before = { series: '', sequence: 0n, id: '' }
    for await (const rows of pages)
      for (const { tenant_id, legal_entity_id, series, sequence, id, number } of rows) {
        findings.checked += 1
        const name = `${tenant_id} ${legal_entity_id} ${series}`
        if (name !== before.series) before = { series: name, sequence: 0n, id: '' }
        const place = BigInt(sequence)
        if (place === before.sequence)
          findings.add(tenant_id, id, `${number}: number ${place} of series ${series} was given twice, also to ${before.id}`)
        else if (place !== before.sequence + 1n)
          findings.add(
            tenant_id,
            id,
            `${number}: between number ${before.sequence} and ${place} of series ${series} of ${legal_entity_id} is a gap`,
          )
        if (!number.endsWith(`-${series}-${sequence.padStart(6, '0')}`))
          findings.add(tenant_id, id, `${number} does not name its series ${series} and number ${sequence}`)
        before = { series: name, sequence: place, id }
        last.set(name, place)
      }
    const [doubled, counters] = [
      billing.pages<{ tenant_id: string; number: string; id: string; other: string | null }>({
        from: 'invoice r',
        columns: `r.id, (SELECT min(o.id) FROM invoice o WHERE o.tenant_id = r.tenant_id AND o.number = r.number AND o.id > r.id) AS other`,
        key: ['tenant_id', 'number'],
      }),
      billing.pages<{ tenant_id: string; legal_entity_id: string; series: string; last: string }>({
        from: 'invoice_series r',
        columns: 'r.last',
        key: ['tenant_id', 'legal_entity_id', 'series'],
      }),
    ]
    for await (const rows of doubled)
      for (const { tenant_id, number, id, other } of rows)
        if (other) findings.add(tenant_id, other, `the number ${number} is also that of ${id}`)
    for await (const rows of counters)
      for (const { tenant_id, legal_entity_id, series, last: counted } of rows) {
        const issued = last.get(`${tenant_id} ${legal_entity_id} ${series}`) ?? 0n
        if (issued !== BigInt(counted))
          findings.add(tenant_id, legal_entity_id, `series ${series} has counted to ${counted}, its last invoice has number ${issued}`)
      }
  },
}

/** A fact about each row of a table. */
interface Held {
  /** Table under the name `r`. */
  readonly from: string
  /** A query that says what is wrong with the row; no row or null: nothing. */
  readonly wrong: string
  /** Whose time line tells more, when the row has none. */
  readonly about?: string
}

async function rowsHold(reader: Reader, findings: Findings, { from, wrong, about = 'r.id' }: Held): Promise<void> {
  for await (const rows of reader.pages<{ tenant_id: string; id: string; wrong: string | null; about: string }>({
    from,
    columns: `${about} AS about, (${wrong}) AS wrong`,
  })) {
    findings.checked += rows.length
    for (const { tenant_id, id, wrong, about } of rows) if (wrong) findings.add(tenant_id, id, wrong, about)
  }
}

/** What is booked for each customer against what it stands for; and all of it, debit against credit. */
async function balances(ground: Ground, billing: Reader, findings: Findings): Promise<void> {
  const of = (table: string) => `FROM ${table} WHERE ($1::text IS NULL OR tenant_id = $1)`
  const tenant = [ground.tenant ?? null]
  const sums = await billing.query<{ tenant_id: string; currency: string; debit: string; credit: string }>(
    `SELECT tenant_id, amount_currency AS currency, coalesce(sum(amount_minor) FILTER (WHERE side = 'debit'), 0)::text AS debit,
       coalesce(sum(amount_minor) FILTER (WHERE side = 'credit'), 0)::text AS credit ${of('posting')} GROUP BY 1, 2 ORDER BY 1, 2`,
    tenant,
  )
  findings.checked += sums.length
  for (const { tenant_id, currency, debit, credit } of sums)
    if (debit !== credit) findings.add(tenant_id, null, `in ${currency} the debits make ${debit} and the credits ${credit} (minor units)`)
  const differing = await billing.query<{
    tenant_id: string
    account: string
    currency: string
    receivable: string
    open: string
    unapplied: string
    held: string
  }>(
    `WITH booked AS (
       SELECT tenant_id, account_id AS account, amount_currency AS currency,
         coalesce(sum(CASE side WHEN 'debit' THEN amount_minor ELSE -amount_minor END) FILTER (WHERE ledger_account = 'accounts_receivable'), 0) AS receivable,
         coalesce(sum(CASE side WHEN 'credit' THEN amount_minor ELSE -amount_minor END) FILTER (WHERE ledger_account = 'unapplied_receipts'), 0) AS unapplied
       ${of('posting')} GROUP BY 1, 2, 3),
     owed AS (SELECT tenant_id, account_id AS account, open_currency AS currency, sum(open_minor) AS open ${of('receivable')} AND invoice_id IS NOT NULL GROUP BY 1, 2, 3),
     held AS (SELECT tenant_id, account_id AS account, credit_currency AS currency, sum(credit_minor) AS held ${of('receipt')} GROUP BY 1, 2, 3)
     SELECT tenant_id, account, currency, coalesce(receivable, 0)::text AS receivable, coalesce(open, 0)::text AS open,
       coalesce(unapplied, 0)::text AS unapplied, coalesce(held, 0)::text AS held
     FROM booked FULL JOIN owed USING (tenant_id, account, currency) FULL JOIN held USING (tenant_id, account, currency)
     WHERE coalesce(receivable, 0) <> coalesce(open, 0) OR coalesce(unapplied, 0) <> coalesce(held, 0) ORDER BY 1, 2, 3 LIMIT 1000`,
    tenant,
  )
  for (const { tenant_id, account, currency, receivable, open, unapplied, held } of differing)
    findings.add(
      tenant_id,
      account,
      receivable === open
        ? `the ledger holds ${unapplied} ${currency} for the account, its receipts have a credit of ${held} (minor units)`
        : `the ledger says the account owes ${receivable} ${currency}, its invoiced receivables are open for ${open} (minor units)`,
    )
}

/** Nobody but the owner could rewrite the ledger, and the triggers that stop the owner are on. */
async function appendOnly(billing: Reader, findings: Findings): Promise<void> {
  const app = await billing.appRole()
  const rights = app
    ? await billing.query<{ table: string; right: string }>(
        `SELECT t AS table, p AS right FROM unnest(ARRAY['journal_entry', 'posting']) t, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) p
         WHERE has_table_privilege($1, t, p)`,
        [app],
      )
    : []
  for (const { table, right } of rights)
    findings.add(null, null, `the application’s role ${app} may ${right} on ${table}: the ledger is not append-only`)
  const triggers = await billing.query<{ name: string; enabled: boolean }>(
    `SELECT t AS name, EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = t AND tgenabled IN ('O', 'A')) AS enabled
     FROM unnest(ARRAY['journal_entry_stays', 'posting_stays', 'entry_balances', 'invoice_stays', 'invoice_line_stays']) t`,
  )
  findings.checked += triggers.length
  for (const { name, enabled } of triggers)
    if (!enabled) findings.add(null, null, `the trigger ${name} is off or missing: what is booked can be rewritten`)
}

/** In cpq: versions, contracts and orders add up and agree with each other. */
async function agreed(cpq: Reader, findings: Findings): Promise<void> {
  const lines = (table: string, owner: string, total: string) =>
    `(SELECT sum(gross_minor) FROM ${table} WHERE tenant_id = r.tenant_id AND ${owner} = r.id) IS DISTINCT FROM ${total}::numeric`
  await rowsHold(cpq, findings, {
    from: 'quote_version r',
    about: 'r.quote_id',
    wrong: `SELECT CASE WHEN sum(l.gross_minor) IS DISTINCT FROM r.gross_minor::numeric OR sum(l.net_minor) IS DISTINCT FROM r.net_minor::numeric
          THEN format('the lines of version %s make %s, it says %s (minor units)', r.number, coalesce(sum(l.gross_minor), 0), r.gross_minor)
        WHEN sum(l.header_discount_minor) IS DISTINCT FROM r.header_discount_minor::numeric
          THEN format('the discounts on the lines of version %s make %s, its discount is %s (minor units)', r.number, sum(l.header_discount_minor), r.header_discount_minor) END
      FROM quote_line l WHERE l.tenant_id = r.tenant_id AND l.quote_version_id = r.id`,
  })
  await rowsHold(cpq, findings, {
    from: 'quote r',
    wrong: `SELECT CASE WHEN v.gross_minor IS DISTINCT FROM r.total_minor OR v.gross_currency <> r.total_currency
        THEN format('the quote says %s, its version %s %s (minor units)', r.total_minor, r.current_number, v.gross_minor) END
      FROM (SELECT 1) one LEFT JOIN quote_version v ON v.tenant_id = r.tenant_id AND v.quote_id = r.id AND v.number = r.current_number`,
  })
  await rowsHold(cpq, findings, {
    from: 'contract r',
    wrong: `SELECT CASE WHEN v.gross_minor IS DISTINCT FROM r.total_minor OR v.gross_currency <> r.total_currency OR v.status <> 'accepted'
          THEN format('the contract %s says %s, the accepted quote %s (minor units)', r.number, r.total_minor, v.gross_minor)
        WHEN ${lines('contract_line', 'contract_id', 'r.total_minor')} THEN format('the lines of the contract %s do not make its total', r.number)
        WHEN r.status IN ('signed', 'active', 'completed', 'terminated') AND o.id IS NULL THEN format('the signed contract %s has no order', r.number)
        WHEN o.total_minor <> r.total_minor OR o.total_currency <> r.total_currency
          THEN format('the contract %s says %s, its order %s (minor units)', r.number, r.total_minor, o.total_minor) END
      FROM (SELECT 1) one LEFT JOIN quote_version v ON v.tenant_id = r.tenant_id AND v.quote_id = r.quote_id AND v.number = r.quote_version
      LEFT JOIN sales_order o ON o.tenant_id = r.tenant_id AND o.contract_id = r.id`,
  })
  await rowsHold(cpq, findings, {
    from: 'sales_order r',
    wrong: `SELECT CASE WHEN ${lines('order_line', 'order_id', 'r.total_minor')} THEN format('the lines of the order %s do not make its total', r.number) END`,
  })
}

/** In billing: plans and instalments, what was paid and what was credited. */
async function owed(billing: Reader, findings: Findings): Promise<void> {
  await rowsHold(billing, findings, {
    from: 'collection_plan r',
    wrong: `SELECT CASE WHEN sum(v.amount_minor) IS DISTINCT FROM r.total_minor::numeric OR sum(v.tax_minor) IS DISTINCT FROM r.tax_minor::numeric
          OR bool_or(v.amount_currency <> r.total_currency)
        THEN format('the instalments of %s make %s, the plan says %s (minor units)', r.contract_number, coalesce(sum(v.amount_minor), 0), r.total_minor) END
      FROM receivable v WHERE v.tenant_id = r.tenant_id AND v.plan_id = r.id AND v.status <> 'cancelled'`,
  })
  await rowsHold(billing, findings, {
    from: 'invoice r',
    wrong: `SELECT CASE WHEN r.credit_of IS NULL AND coalesce(sum(n.total_minor), 0) <> r.credited_minor
          THEN format('the credit notes of %s make %s, it counts %s (minor units)', r.number, coalesce(sum(n.total_minor), 0), r.credited_minor)
        WHEN r.credit_of IS NULL AND coalesce(sum(n.total_minor), 0) > r.total_minor THEN format('more was credited of %s than it was issued for', r.number) END
      FROM invoice n WHERE n.tenant_id = r.tenant_id AND n.credit_of = r.id`,
  })
  await rowsHold(billing, findings, {
    from: 'receivable r',
    wrong: `SELECT CASE WHEN coalesce(sum(s.amount_minor), 0) <> r.settled_minor
        THEN format('settlements of %s were made, the receivable counts %s (minor units)', coalesce(sum(s.amount_minor), 0), r.settled_minor) END
      FROM settlement s WHERE s.tenant_id = r.tenant_id AND s.receivable_id = r.id AND s.undone_at IS NULL`,
  })
  await rowsHold(billing, findings, {
    from: 'receipt r',
    wrong: `SELECT CASE WHEN r.amount_minor - coalesce(sum(s.amount_minor), 0) <> r.credit_minor
        THEN format('%s of the receipt is settled and %s left, it is of %s (minor units)', coalesce(sum(s.amount_minor), 0), r.credit_minor, r.amount_minor) END
      FROM settlement s WHERE s.tenant_id = r.tenant_id AND s.receipt_id = r.id AND s.undone_at IS NULL`,
  })
}

interface Agreement {
  readonly tenant_id: string
  readonly id: string
  readonly number: string
  readonly total_minor: string
  readonly total_currency: string
}

/** Between the two: a signed contract has one plan, of its total; and a plan has its contract. */
async function laidOut(ground: Ground, cpq: Reader, billing: Reader, findings: Findings): Promise<void> {
  const plansOf = async (contracts: readonly Agreement[]) => {
    const rows = await billing.query<{ n: string; plans: number; total: string | null; currency: string | null }>(
      `SELECT n, count(p.id)::int AS plans, min(p.total_minor)::text AS total, min(p.total_currency) AS currency
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g(tenant, id, n) LEFT JOIN collection_plan p ON p.tenant_id = g.tenant AND p.contract_id = g.id
       GROUP BY n ORDER BY n`,
      [contracts.map(({ tenant_id }) => tenant_id), contracts.map(({ id }) => id)],
    )
    return contracts.map((contract, n) => ({ contract, ...rows[n]! }))
  }
  const contracts = cpq.pages<Agreement>({
    from: 'contract r',
    columns: 'r.number, r.total_minor, r.total_currency',
    where: `r.status IN ('signed', 'active', 'completed', 'terminated')`,
  })
  for await (const rows of contracts) {
    findings.checked += rows.length
    const wrong = async (suspects: readonly Agreement[]) =>
      (await plansOf(suspects)).filter(
        ({ contract, plans, total, currency }) => plans !== 1 || total !== contract.total_minor || currency !== contract.total_currency,
      )
    const left = await ground.lasting<Agreement>(rows, async (suspects) => (await wrong(suspects)).map(({ contract }) => contract))
    for (const { contract, plans, total, currency } of left.length ? await wrong(left) : []) {
      const { tenant_id, id, number, total_minor, total_currency } = contract
      const says = plans === 1 ? `its plan ${total} ${currency}` : `there are ${plans} plans for it`
      findings.add(tenant_id, id, `the contract ${number} says ${total_minor} ${total_currency}, ${says} (minor units)`)
    }
  }
  const plans = billing.pages<{ tenant_id: string; id: string; contract_id: string }>({
    from: 'collection_plan r',
    columns: 'r.contract_id',
  })
  for await (const rows of plans) {
    const stray = await cpq.query<{ n: string }>(
      `SELECT n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS g(tenant, id, n)
       WHERE NOT EXISTS (SELECT 1 FROM contract c WHERE c.tenant_id = g.tenant AND c.id = g.id AND c.signed_at IS NOT NULL)`,
      [rows.map(({ tenant_id }) => tenant_id), rows.map(({ contract_id }) => contract_id)],
    )
    for (const { n } of stray) {
      const { tenant_id, id, contract_id } = rows[Number(n) - 1]!
      findings.add(tenant_id, id, `the plan is for ${contract_id}, which is no signed contract`)
    }
  }
}

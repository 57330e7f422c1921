/** Before a project's tests: `npm test` has started a Postgres for all; a project tested alone (`nx test lead`) brings its own. */
export default async function setup() {
  if (process.env.TEST_POSTGRES_URL) return
  const { startPostgres } = await import('../parts/postgres.ts')
  const postgres = await startPostgres({ throwaway: true })
  process.env.TEST_POSTGRES_URL = postgres.url
  globalThis.millracePostgres = postgres
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void postgres.stop().finally(() => process.exit(130)))
}

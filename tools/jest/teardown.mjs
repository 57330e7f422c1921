/** After a project's tests: stops the Postgres that setup.mjs started, if it did. */
export default async function teardown() {
  if (!globalThis.millracePostgres) return
  await globalThis.millracePostgres.stop()
  delete globalThis.millracePostgres
  // Watch mode runs setup again.
  delete process.env.TEST_POSTGRES_URL
}

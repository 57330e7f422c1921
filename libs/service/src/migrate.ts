import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm'

/** One forward step of a service's database: hand-read SQL under a name that sorts, e.g. `0002-lead-source`. */
export interface Migration {
  readonly name: string
  readonly sql: string
}

/** Declares a migration. Published ones never change; there is no way down. */
export function migration(name: string, sql: string): Migration {
  return { name, sql }
}

/** TypeORM wants classes whose names end in a time; ours end in their number, which sorts the same. */
function typeormMigration({ name, sql }: Migration): new () => MigrationInterface {
  const stamp = String(1_700_000_000_000 + Number(name.slice(0, 4)))
  return class implements MigrationInterface {
    name = `${name}-${stamp}`
    async up(runner: QueryRunner): Promise<void> {
      await runner.query(sql)
    }
    async down(): Promise<void> {
      throw new Error('migrations go forward only')
    }
  }
}

function source(url: string, migrations: readonly Migration[]): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    migrations: migrations.map(typeormMigration),
    migrationsTransactionMode: 'each',
    migrationsTableName: 'schema_migration',
    installExtensions: false,
    logging: false,
    extra: { max: 1 },
  })
}

/** Brings a database up to date with the owner's role. Two at once wait for each other. Answers the names of what was run. */
export async function migrate(ownerUrl: string, migrations: readonly Migration[]): Promise<string[]> {
  const database = source(ownerUrl, migrations)
  await database.initialize()
  try {
    await database.query(`SELECT pg_advisory_lock(hashtext('millrace migrate'))`)
    const done = await database.runMigrations()
    await database.query(
      `DO $$ BEGIN EXECUTE format('GRANT SELECT ON schema_migration TO %I', replace(current_user, '_owner', '_app')); END $$`,
    )
    return done.map(({ name }) => name)
  } finally {
    await database.destroy()
  }
}

/** The migrations that the database still lacks, asked with the application's role. */
export const countMigrations = 'SELECT count(*)::int AS count FROM schema_migration'

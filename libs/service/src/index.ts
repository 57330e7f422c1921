export { AuditSeals } from './audit.js'
export { Clock } from './clock.js'
export { baseConfig, readConfig, ConfigError, serviceConfig, type ServiceConfig } from './config.js'
export { context, inTenant, withContext, type Actor, type Context } from './context.js'
export { Unavailable, visibleOwners, Tokens } from './access.js'
export { CustomFields } from './custom-fields/custom-fields.js'
export { Database } from './database.js'
export { Directory, type Absentee, type Colleague } from './directory.js'
export { Events, On, type Received } from './events.js'
export { Exports, mostRows } from './exports/exports.js'
export { Expressions, type Expression, type FieldKind, type Fields, type Values } from './expression.js'
export { HandoverConsumers, handoverPartSchema, Handovers, type HandedRecords } from './handover.js'
export { handoverMigration } from './handover.migration.js'
export type { ImportKind, ImportRow } from './imports/import-kinds.js'
export { Imports } from './imports/imports.js'
export { Jobs } from './jobs.js'
export { filesProvider, storageSettings } from './storage/index.js'
export { Files, type StoredFile } from './storage/files.js'
export { asAttachment, safeFileName } from './storage/file-name.js'
export { mustBeAccepted, mustBeWhatItSays } from './storage/file-kind.js'
export { storedFileTable } from './storage/file.migration.js'
export { migrate, migration, type Migration } from './migrate.js'
export { OperationInterceptor, Serve } from './operation-server.js'
export { check, type FieldProblem } from './validation.js'
export { problemOf, refusalOf, languageOf, type Problem } from './problem.js'
export { destinationOf, networks, type Destination } from './outgoing.js'
export { Remembered } from './remembered.js'
export { pointsBy, readRules, usableRules, type ReadRule } from './scoring-rules.js'
export { Sealing } from './sealing.js'
export { Search, type Found } from './search.js'
export { aggregateSchema, rowSchema, searchable } from './schema.js'
export {
  Config,
  createHttpApp,
  migrationsOf,
  run,
  start,
  startConsumers,
  stopOnSignal,
  tokensOf,
  type RunningService,
  type ServiceDefinition,
} from './start.js'
export { begun, Transaction, type Aggregate } from './transaction.js'
export { EventConsumer } from './consumer.js'
export { createLogger, type Logger } from './log.js'
export { startTelemetry, Telemetry } from './telemetry.js'
export { openBus, openLog } from './bus/index.js'
export { Causality, mergeCausality, parseCausality } from './causality.js'
export type { Bus, BusMessage, Delivery, EventLog, Extent, SubscribeOptions } from './bus/bus.js'

import type { Provider } from '@nestjs/common'
import { z } from 'zod'
import { Clock } from '../clock.js'
import { ConfigError } from '../config.js'
import { Database } from '../database.js'
import { Jobs } from '../jobs.js'
import { DiskStorage } from './disk.storage.js'
import { Files } from './files.js'
import { S3Storage } from './s3.storage.js'
import type { Storage } from './storage.js'

/** Settings of a service that keeps files: `serviceConfig.extend(storageSettings)`. */
export const storageSettings = {
  STORAGE: z.enum(['disk', 's3']).default('disk').describe('where files are kept: in a folder, or in a store that speaks S3'),
  STORAGE_FOLDER: z.string().default('files').describe('the folder, with `disk`; replicas of the service have to share it'),
  S3_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('address of the store, with `s3`; without the bucket'),
  S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/)
    .optional()
    .describe('bucket that files are kept in'),
  S3_REGION: z.string().default('us-east-1').describe('region that the store signs for'),
  S3_ACCESS_KEY_ID: z.string().optional().describe('key that may read, write and delete in the bucket'),
  S3_SECRET_ACCESS_KEY: z.string().optional().describe('secret of the key'),
  FILE_LIMIT: z.coerce.number().int().min(1_024).max(1_073_741_824).default(26_214_400).describe('largest attachment, in bytes'),
}
type Settings = z.infer<z.ZodObject<typeof storageSettings>>

/** The store that the settings name. */
export function openStorage(config: Settings): Storage {
  if (config.STORAGE === 'disk') return new DiskStorage(config.STORAGE_FOLDER)
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config
  if (!endpoint || !bucket || !accessKeyId || !secretAccessKey)
    throw new ConfigError('STORAGE=s3 needs S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY')
  return new S3Storage({ endpoint, bucket, region: config.S3_REGION, accessKeyId, secretAccessKey })
}

/** Gives a service's module its `Files`. `config`: the token of its configuration. */
export function filesProvider(config: symbol): Provider {
  return {
    provide: Files,
    inject: [config, Database, Clock, Jobs],
    useFactory: (settings: Settings, database: Database, clock: Clock, jobs: Jobs) =>
      new Files(openStorage(settings), database, clock, jobs),
  }
}

import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'

const project = basename(process.cwd())
const tools = join(import.meta.dirname, 'tools/jest')

/** One jest configuration for every project: TypeScript through swc, ESM, the libraries from source. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  roots: ['<rootDir>/src'],
  testMatch: ['**/*.spec.ts', '**/*.journey.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          target: 'es2023',
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        swcrc: false,
      },
    ],
  },
  moduleNameMapper: {
    '^@millrace/(domain|contracts|service|testing)$': `${import.meta.dirname}/libs/$1/src/index.ts`,
    '^@millrace/(identity|gateway|lead|account|opportunity|cpq|billing|insight)$': `${import.meta.dirname}/apps/$1/src/$1.module.ts`,
    // Its ESM build imports JSON in a way that jest warns about once per file.
    '^libphonenumber-js$': `${import.meta.dirname}/node_modules/libphonenumber-js/index.cjs`,
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  // Ends what hangs, and nothing that is slow on a busy machine. Tests give no limit of their own.
  testTimeout: 600_000,
  passWithNoTests: true,
  // A project alone has all cores, and one file more, as a suite often waits; `npm test` runs several projects at a time, each in one process.
  maxWorkers: availableParallelism() + 1,
  // A database only where one is used.
  ...(!['domain', 'contracts'].includes(project) && { globalSetup: `${tools}/setup.mjs`, globalTeardown: `${tools}/teardown.mjs` }),
}

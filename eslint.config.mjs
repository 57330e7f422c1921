import nx from '@nx/eslint-plugin'
import tseslint from 'typescript-eslint'

/**
 * Who may import whom, and what may not be written. `npm run lint` lets nx write its project graph first:
 * without it the boundary rule says nothing. `tools/canary.ts` breaks each rule once on every `npm test` and expects it to fire.
 */

const tests = ['**/*.spec.ts', '**/*.fixture.ts', '**/*.journey.ts']
const roles = 'controller|service|queries|schema|consumers|import|module|fixture|spec|problems'

/** Nx tags of libs and apps. `external` holds for shipped files only; tests may use any package. */
const boundaries = ({ external, testing, tools = false }) => {
  const libs = (...names) => names.map((name) => `lib:${name}`)
  const service = libs('domain', 'contracts', 'service', ...testing)
  const packages = (...names) => (external ? { allowedExternalImports: names } : {})
  return [
    'error',
    {
      // The tools are no project of nx and have no other name.
      ...(tools && { allow: ['^(\\.\\./)+tools/'] }),
      depConstraints: [
        { sourceTag: 'lib:domain', onlyDependOnLibsWithTags: [], ...packages() },
        { sourceTag: 'lib:contracts', onlyDependOnLibsWithTags: libs('domain'), ...packages('zod') },
        { sourceTag: 'lib:service', onlyDependOnLibsWithTags: libs('domain', 'contracts') },
        { sourceTag: 'lib:testing', onlyDependOnLibsWithTags: libs('domain', 'contracts', 'service') },
        { sourceTag: 'type:service', onlyDependOnLibsWithTags: service },
        { sourceTag: 'type:gateway', onlyDependOnLibsWithTags: service },
        { sourceTag: 'type:journeys', onlyDependOnLibsWithTags: ['*'] },
      ],
    },
  ]
}

const kafkajs = { regex: '^kafkajs(/|$)', message: 'Only libs/service/src/bus/kafka.bus.ts talks to kafkajs; use the bus.' }
const notDomain = {
  regex: `^(?!@millrace/domain$|(\\.|\\.\\./[a-z-]+)/(?![^/]*\\.(${roles})(\\.js)?$)[^/]+$)`,
  message: 'A file without a role suffix is domain: it imports the role-less files of its service and @millrace/domain only.',
}
const notPure = { regex: '^(?!\\.\\.?/)', message: 'libs/domain imports nothing.' }
const imports = (...patterns) => ['error', { patterns }]

const lateImport = { selector: 'ImportExpression[source.value=/^kafkajs/]', message: kafkajs.message }
const systemTime = {
  selector:
    ':matches(NewExpression, CallExpression)[callee.name="Date"][arguments.length=0], MemberExpression[object.name="Date"][property.name="now"]',
  message: 'Time comes in as an argument or from the Clock (libs/service/src/clock.ts).',
}
const savers = '/(repository|repo|manager)$/i'
const save = {
  selector: `CallExpression[callee.property.name="save"]:matches([callee.object.name=${savers}], [callee.object.property.name=${savers}], [callee.object.callee.property.name="getRepository"])`,
  message: 'save() overwrites what others wrote meanwhile: lock the row, or UPDATE … WHERE version = $n.',
}
const noFloats = 'No floats: Money, Ratio or a string of digits.'
const syntax = (...bans) => ['error', lateImport, save, ...bans]

export default tseslint.config(
  { ignores: ['**/dist', '**/node_modules', '**/.nx', '**/.millrace', '**/coverage', 'docs/generated'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.mjs'],
    extends: [tseslint.configs.recommended],
    plugins: { '@nx': nx },
    rules: {
      eqeqeq: 'error',
      'no-restricted-imports': imports(kafkajs),
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': false }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
    },
  },
  {
    files: ['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@nx/enforce-module-boundaries': boundaries({ external: true, testing: [] }),
      '@typescript-eslint/no-floating-promises': 'error',
      'no-restricted-syntax': syntax(systemTime),
    },
  },
  {
    files: ['apps/*/src/**/*.ts', 'libs/domain/src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'parseFloat', message: noFloats }],
      'no-restricted-properties': ['error', { object: 'Number', property: 'parseFloat', message: noFloats }],
    },
  },
  { files: ['libs/domain/src/**/*.ts'], ignores: tests, rules: { 'no-restricted-imports': imports(notPure) } },
  {
    files: ['apps/*/src/*/**/*.ts'],
    ignores: [...roles.split('|').map((role) => `**/*.${role}.ts`), '**/*.journey.ts', '**/migrations/**', 'apps/journeys/**'],
    rules: {
      'no-restricted-imports': imports(kafkajs, notDomain),
      'no-restricted-syntax': syntax(systemTime, { selector: 'ImportExpression', message: notDomain.message }),
    },
  },
  // An id carries the moment it was minted, so id.ts reads the system's time; tests of the clock's users do not depend on it.
  {
    files: ['libs/service/src/clock.ts', 'libs/domain/src/id.ts', 'libs/testing/src/**/*.ts'],
    rules: { 'no-restricted-syntax': syntax() },
  },
  // What comes out of SQL and of an HTTP answer in a test has no static shape unless the caller names one.
  {
    files: ['libs/service/src/{database,transaction,schema,list}.ts', 'libs/testing/src/**/*.ts', ...tests],
    rules: { '@typescript-eslint/no-explicit-any': 'off' },
  },
  {
    files: ['libs/service/src/bus/kafka.bus.ts'],
    rules: { 'no-restricted-imports': 'off', 'no-restricted-syntax': ['error', save, systemTime] },
  },
  {
    files: ['apps/journeys/src/**/*.ts', ...tests.flatMap((pattern) => [`apps/*/src/${pattern}`, `libs/*/src/${pattern}`])],
    rules: { '@nx/enforce-module-boundaries': boundaries({ external: false, testing: ['testing'] }), 'no-restricted-syntax': syntax() },
  },
  {
    files: ['apps/journeys/src/**/*.ts'],
    rules: { '@nx/enforce-module-boundaries': boundaries({ external: false, testing: ['testing'], tools: true }) },
  },
)

// Who may import whom. A module is a folder of src, or a file directly in it; each lists the modules it may import, so
// imports go one way: app → tracker | kanboard → core → database. Type imports count.
const MAY_IMPORT = {
  'texts.ts': [],
  'text-length.ts': [],
  'calendar.ts': [],
  'signal.ts': [],
  'database-url.ts': [],
  'errors.ts': ['texts.ts'],
  'shares.ts': ['errors.ts', 'signal.ts', 'texts.ts'],
  'minute-limit.ts': ['errors.ts', 'texts.ts'],
  'config.ts': ['database-url.ts', 'errors.ts'],
  'log.ts': [],
  contract: ['errors.ts', 'texts.ts'],
  'embedded-postgres': ['errors.ts'],
  database: [
    'config.ts',
    'database-url.ts',
    'embedded-postgres',
    'errors.ts',
    'log.ts',
    'shares.ts',
    'signal.ts',
    'texts.ts',
  ],
  core: ['database', 'errors.ts', 'minute-limit.ts', 'text-length.ts', 'texts.ts'],
  http: ['contract', 'errors.ts', 'minute-limit.ts', 'shares.ts', 'signal.ts', 'texts.ts'],
  tracker: ['calendar.ts', 'contract', 'core', 'database', 'errors.ts', 'http', 'text-length.ts', 'texts.ts'],
  kanboard: [
    'calendar.ts',
    'contract',
    'core',
    'database',
    'errors.ts',
    'http',
    'minute-limit.ts',
    'text-length.ts',
    'texts.ts',
  ],
  seed: ['config.ts', 'contract', 'core', 'database', 'errors.ts', 'log.ts', 'texts.ts', 'tracker'],
  'test-mode': ['core', 'database', 'errors.ts', 'http', 'texts.ts', 'tracker'],
  'metrics.ts': ['database', 'http'],
  demo: ['config.ts', 'core', 'database', 'errors.ts', 'http'],
};

const inModule = (module) => `^src/${module.endsWith('.ts') ? module.replace('.', '\\.') : `${module}/`}`;

export default {
  forbidden: [
    ...Object.entries(MAY_IMPORT).map(([module, allowed]) => ({
      name: `${module.replace('.ts', '')}-imports`,
      severity: 'error',
      from: { path: inModule(module) },
      to: { path: '^src/', pathNot: [module, ...allowed].map(inModule) },
    })),
    {
      name: 'no-cycle-of-files',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-cycle-of-folders',
      severity: 'error',
      scope: 'folder',
      from: { path: '^src/.' },
      // `src` itself holds files that are modules of their own.
      to: { circular: true, viaOnly: { pathNot: '^src$' } },
    },
    {
      name: 'services-know-no-protocol',
      comment: 'A service, a store and a rule take and return domain types; .rest.ts and .rpc.ts translate.',
      severity: 'error',
      from: { path: '^src/(core|tracker|kanboard)/', pathNot: '(\\.rest|\\.rpc)\\.ts$|/(rest|rpc|link-list)/' },
      to: { path: '^src/(contract|http|tracker/rest|kanboard/rpc)/|^src/.*(\\.rest|\\.rpc)\\.ts$' },
    },
    {
      name: 'stores-know-no-service',
      severity: 'error',
      from: { path: '\\.store\\.ts$' },
      to: { path: '\\.service\\.ts$' },
    },
    {
      name: 'handlers-call-services',
      comment: 'A handler may import the types of a store, not its functions.',
      severity: 'error',
      from: { path: '(\\.rest|\\.rpc)\\.ts$|^src/(tracker/rest|kanboard/rpc)/' },
      to: { path: '\\.store\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'express-serves-http',
      severity: 'error',
      from: {
        path: '^src/(core|contract|database|embedded-postgres|cli|demo)/|(\\.rest|\\.rpc|\\.service|\\.store)\\.ts$',
      },
      to: { path: 'node_modules/(@types/)?express/' },
    },
    {
      name: 'database-speaks-to-postgresql',
      comment: 'Everything else is given a Queryable.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(database|embedded-postgres)/' },
      to: { path: 'node_modules/(@types/)?(pg|pg-.*|knex)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.d.ts'] },
  },
};

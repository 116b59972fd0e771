import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { describeVariables, readConfig } from '../config.ts';
import { distribute, hasCitus, tablesToDistribute } from '../database/distribution.ts';
import { listAppliedMigrations, migrate } from '../database/migrations.ts';
import { openDatabase } from '../database/open-database.ts';
import { updateSchema } from '../database/postgres.ts';
import { StartError } from '../errors.ts';
import { createLog } from '../log.ts';
import { reset } from '../test-mode/snapshot.ts';
import { ask, connectDatabase, DeclinedError, print, UsageError, withDatabase } from './command.ts';
import { greeting } from './greeting.ts';

const LOG_FLUSH_MS = 2_000;
/**
 * Garbage is collected once the heap has doubled. By default, V8 lets it grow up to fourfold, which takes 40 MB more with 256
 * busy clients. The collections of new objects do not share their work among threads, which saves more CPU than that costs.
 */
const V8_FLAGS = ['--heap-growing-percent=100', '--no-parallel-scavenge'];

interface DistributeOptions {
  readonly dryRun?: true;
  readonly json?: true;
}

interface MigrateOptions {
  readonly down?: true;
  readonly yes?: true;
  readonly json?: true;
}

export function addServerCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('serve')
    .description('start the server; without DATABASE_URL, create an embedded database in DATA_DIR if there is none')
    .option('--reset', 'start with fresh demo data; refused when the database holds another organisation')
    .addHelpText('after', ({ command }) => `\nEnvironment variables:\n${variablesHelp(command)}`)
    .action(async (options: { reset?: true }) => {
      for (const flag of V8_FLAGS) setFlagsFromString(flag);
      const config = readConfig(environment);
      if (options.reset && (config.seed ?? config.init) !== undefined) {
        throw new UsageError('--reset creates demo data, which SEED and INIT_ORG replace: use only one of them.');
      }
      if (options.reset && config.demo === 'off') {
        throw new UsageError('--reset creates demo data, which DEMO=off forbids: use only one of them.');
      }
      const log = createLog(config.logLevel);
      // Imported lazily: no other command needs the HTTP stack.
      const { serve } = config.workers === 1 ? await import('../serve.ts') : await import('../workers.ts');
      const server = await serve(config, log, { ...options, environment });
      const stop = async (signal: NodeJS.Signals) => {
        log.info({ signal }, 'stopping');
        await server.stop();
        log.info('stopped');
      };
      stopOnSignal(stop, () => void server.stop());
      process.stdout.write(`${greeting(server)}\n`);
    });

  program
    .command('worker <number>', { hidden: true })
    .description('a process that "serve" starts for WORKERS')
    .option('--demo', "accept the demo's credentials")
    .action(async (number: string, { demo }: { demo?: true }) => {
      for (const flag of V8_FLAGS) setFlagsFromString(flag);
      if (process.send === undefined) throw new UsageError('Workers are started by "issue-links serve" with WORKERS.');
      const { startWorker } = await import('../worker.ts');
      startWorker(readConfig(environment), { number: Number(number), isDemoUsable: demo === true });
    });

  program
    .command('reset')
    .description('with TEST_MODE=on: restore the database as the first start with it found it')
    .action(async () => {
      if (!readConfig(environment).testMode)
        throw new UsageError('A reset deletes data: set TEST_MODE=on to allow it.');
      await withDatabase(environment, reset);
      process.stdout.write('The database is what it was.\n');
    });

  program
    .command('migrate')
    .description('bring the schema up to date')
    .option('--down', 'undo the last migration instead; the data it added is lost')
    .option('--yes', 'undo without asking')
    .option('--json', 'print JSON')
    .action(async (options: MigrateOptions) => {
      if (options.down) await undoMigration(environment, options);
      else await runMigrations(environment, options);
    });

  program
    .command('distribute')
    .description('spread the organisations over the nodes of a Citus cluster; nobody can use them meanwhile')
    .option('--dry-run', 'only list what would be distributed')
    .option('--json', 'print JSON')
    .action(async (options: DistributeOptions) => {
      await distributeTables(environment, options);
    });
}

function variablesHelp(command: Command): string {
  const help = command.createHelp();
  help.prepareContext({});
  const variables = describeVariables();
  const width = Math.max(...variables.map(({ name }) => name.length));
  return variables
    .map(({ name, meaning, defaultValue }) => {
      const description = defaultValue === undefined ? meaning : `${meaning} (default: ${defaultValue})`;
      return help.formatItem(name, width, description, help);
    })
    .join('\n');
}

async function distributeTables(environment: NodeJS.ProcessEnv, options: DistributeOptions): Promise<void> {
  const postgres = await connectDatabase(environment);
  const log = createLog('silent');
  const db = openDatabase(postgres.connection, log, { hasTimeouts: false });
  try {
    await updateSchema(postgres, log);
    if (!(await hasCitus(db))) {
      throw new StartError('The database has no extension "citus": create it on every node, and add the nodes.');
    }
    const tables = await tablesToDistribute(db);
    if (!options.dryRun) {
      await distribute(db, ({ table, rows }) => {
        process.stderr.write(`${table}${rows > 0 ? ` (about ${rows} rows)` : ''}\n`);
      });
    }
    const names = tables.map(({ table }) => table);
    const verb = options.dryRun ? 'To distribute' : 'Distributed';
    const sentence = names.length === 0 ? 'All tables are distributed.' : `${verb}: ${names.join(', ')}`;
    print(options, { tables: names }, sentence);
  } finally {
    await db.close();
    await postgres.close();
  }
}

async function runMigrations(environment: NodeJS.ProcessEnv, options: MigrateOptions): Promise<void> {
  const postgres = await connectDatabase(environment);
  try {
    const steps = await migrate(postgres.connection);
    print(options, { steps }, steps.length === 0 ? 'The schema is up to date.' : `Migrated: ${steps.join(', ')}`);
  } finally {
    await postgres.close();
  }
}

async function undoMigration(environment: NodeJS.ProcessEnv, options: MigrateOptions): Promise<void> {
  if (!options.yes && !process.stdin.isTTY) {
    throw new UsageError(
      'Undoing a migration deletes the data it added. Confirm with --yes, or run the command in a terminal.',
    );
  }
  const postgres = await connectDatabase(environment);
  try {
    // The query fails if no migration has ever run.
    const last = (await listAppliedMigrations(postgres.db).catch(() => [])).at(-1);
    if (
      last !== undefined &&
      !options.yes &&
      !/^y(es)?$/i.test((await ask(`Undo ${last}? The data it added will be lost. [y/N]`)).trim())
    ) {
      throw new DeclinedError();
    }
    const steps = last === undefined ? [] : await migrate(postgres.connection, 'down');
    print(options, { steps }, steps.length === 0 ? 'There is no migration to undo.' : `Undone: ${steps.join(', ')}`);
  } finally {
    await postgres.close();
  }
}

/**
 * Shuts down gracefully on the first signal and lets the process end by itself: after process.exit() the log would retry
 * its last lines forever on a pipe without a reader. If something keeps the process alive, it exits once the log has had
 * time to flush. Calls `hurry` for further signals.
 */
function stopOnSignal(stop: (signal: NodeJS.Signals) => Promise<void>, hurry: () => void): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) {
        hurry();
        return;
      }
      isStopping = true;
      stop(signal)
        .catch((error: unknown) => {
          process.stderr.write(`${String(error)}\n`);
          process.exitCode = 1;
        })
        .finally(() => setTimeout(() => process.exit(), LOG_FLUSH_MS).unref());
    });
  }
}

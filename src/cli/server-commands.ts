import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { migrate } from '../database/migrations.ts';
import { connectPostgres } from '../database/postgres.ts';
import { createLog } from '../log.ts';
import { print } from './command.ts';

const LAST_LINES_MS = 2_000;

export function addServerCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('serve')
    .description('start the server')
    .action(async () => {
      // Only here: the other commands need nothing of HTTP.
      const { greeting, serve } = await import('../serve.ts');
      const config = readConfig(environment);
      const log = createLog(config.logLevel);
      const server = await serve(config, log);
      stopOnSignal(async (signal) => {
        log.info({ signal }, 'stopping');
        await server.stop();
        log.info('stopped');
      });
      process.stdout.write(`${greeting(server)}\n`);
    });

  program
    .command('migrate')
    .description('bring the schema up to date')
    .option('--down', 'take the last step back instead')
    .option('--json', 'print JSON')
    .action(async (options: { down?: true; json?: true }) => {
      const config = readConfig(environment);
      const postgres = await connectPostgres(config, createLog('silent'));
      try {
        const steps = await migrate(postgres.connection, options.down ? 'down' : 'up');
        print(options, { steps }, steps.length === 0 ? 'There was nothing to do.' : `Ran: ${steps.join(', ')}`);
      } finally {
        await postgres.close();
      }
    });
}

/**
 * The first signal stops in good order, and the process ends by itself once nothing is left to do: at process.exit() the
 * log would try for ever to write its last lines to a pipe that nobody reads any more. Should something keep the process
 * alive, it is ended once those lines have had their time.
 */
function stopOnSignal(stop: (signal: NodeJS.Signals) => Promise<void>): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      stop(signal)
        .catch((error: unknown) => {
          process.stderr.write(`${String(error)}\n`);
          process.exitCode = 1;
        })
        .finally(() => setTimeout(() => process.exit(), LAST_LINES_MS).unref());
    });
  }
}

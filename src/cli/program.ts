import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { PACKAGE_ROOT } from '../package/package-root.ts';
import { addBackupCommands } from './backup-commands.ts';
import { addCheckCommand } from './check-command.ts';
import { addCompletionCommand } from './completion-command.ts';
import { addImportCommand } from './import-command.ts';
import { addKanboardCommands } from './kanboard-commands.ts';
import { addLinkTypeCommands } from './link-type-commands.ts';
import { addLinksCommand } from './links-command.ts';
import { addOrganisationCommands } from './organisation-commands.ts';
import { addServerCommands } from './server-commands.ts';
import { addTokenCommands } from './token-commands.ts';
import { addTransferCommands } from './transfer-commands.ts';
import { addUserCommands } from './user-commands.ts';

const { version } = createRequire(import.meta.url)(fileURLToPath(new URL('package.json', PACKAGE_ROOT))) as {
  version: string;
};

/** Defines the command line. Parsing throws a CommanderError for incorrect usage, `--help` and `--version`. */
export function createProgram(environment: NodeJS.ProcessEnv): Command {
  const program = new Command('issue-links')
    .description('Stores typed links between issues and serves them to Tracker and Kanboard clients.')
    .version(version)
    .addHelpText('after', '\nThe server is configured with environment variables: see "issue-links serve --help".')
    .showHelpAfterError('(see --help)')
    // Commands inherit these settings, so they are added afterwards.
    .exitOverride();
  addServerCommands(program, environment);
  addOrganisationCommands(program, environment);
  addLinkTypeCommands(program, environment);
  addUserCommands(program, environment);
  addTokenCommands(program, environment);
  addKanboardCommands(program, environment);
  addTransferCommands(program, environment);
  addBackupCommands(program, environment);
  addLinksCommand(program, environment);
  addImportCommand(program, environment);
  addCheckCommand(program, environment);
  addCompletionCommand(program);
  return program;
}

import { Command } from 'commander';
import { addKanboardCommands } from './kanboard-commands.ts';
import { addOrganisationCommands } from './organisation-commands.ts';
import { addServerCommands } from './server-commands.ts';
import { addTokenCommands } from './token-commands.ts';
import { addUserCommands } from './user-commands.ts';

/** The command line of docs and help. Throws CommanderError for usage, everything else as it comes. */
export function createProgram(environment: NodeJS.ProcessEnv): Command {
  const program = new Command('issue-links')
    .description('Stores the typed links between issues and serves them to clients of Tracker and Kanboard.')
    .addHelpText('after', '\nThe server is configured by environment variables: see README.md.')
    .showHelpAfterError('(add --help to see what is possible)')
    // Set before the commands are added, since they inherit it.
    .exitOverride();
  addServerCommands(program, environment);
  addOrganisationCommands(program, environment);
  addUserCommands(program, environment);
  addTokenCommands(program, environment);
  addKanboardCommands(program, environment);
  return program;
}

import { type Command, Option } from 'commander';
import type { Profile } from '../core/organisations/defaults.ts';
import { APPLICATION_LOGIN, createOrganisation } from '../core/organisations/organisations.service.ts';
import { createQueue } from '../core/queues/queues.service.ts';
import { getUserId } from '../core/users/users.service.ts';
import { LANGUAGES, type Language } from '../texts.ts';
import { print, withDatabase } from './command.ts';

interface OrganisationOptions {
  readonly name?: string;
  readonly language: Language;
  readonly profile: Profile;
  readonly cloudId?: string;
  readonly json?: true;
}

interface QueueOptions {
  readonly org: string;
  readonly key: string;
  readonly name?: string;
  readonly json?: true;
}

export function addOrganisationCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('org')
    .description('organisations')
    .command('create <org-id>')
    .description('make an organisation; <org-id> is what X-Org-ID names')
    .option('--name <name>', 'its name (default: its id)')
    .addOption(new Option('--language <language>', 'language of its texts').choices(LANGUAGES).default('ru'))
    .addOption(
      new Option('--profile <profile>', 'rules and labels to start with')
        .choices(['tracker', 'kanboard'])
        .default('tracker'),
    )
    .option('--cloud-id <id>', 'what X-Cloud-Org-ID names')
    .option('--json', 'print JSON')
    .action(async (orgId: string, options: OrganisationOptions) => {
      const { name = orgId, language, profile, cloudId } = options;
      await withDatabase(environment, (db) => createOrganisation(db, { orgId, cloudId, name, language, profile }));
      print(options, { orgId, cloudId, name, language, profile }, `Made the organisation ${orgId}.`);
    });

  program
    .command('queue')
    .description('queues')
    .command('create')
    .description('make a queue that is open to its organisation')
    .requiredOption('--org <org-id>', 'its organisation')
    .requiredOption('--key <key>', 'what its issues are called, such as TEST')
    .option('--name <name>', 'its name (default: its key)')
    .option('--json', 'print JSON')
    .action(async (options: QueueOptions) => {
      const { org, key, name = key } = options;
      const id = await withDatabase(environment, async (db) => {
        const leadId = await getUserId(db, org, APPLICATION_LOGIN);
        return await createQueue(db, org, { key, name, leadId });
      });
      print(options, { id, key, name }, `Made the queue ${key}.`);
    });
}

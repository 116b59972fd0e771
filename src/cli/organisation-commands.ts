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
    .description('manage organisations')
    .command('create <org-id>')
    .description('create an organisation; clients send <org-id> in X-Org-ID')
    .option('--name <name>', 'its name (default: its id)')
    .addOption(new Option('--language <language>', 'the language of its messages').choices(LANGUAGES).default('ru'))
    .addOption(
      new Option('--profile <profile>', 'the rules and labels it starts with')
        .choices(['tracker', 'kanboard'])
        .default('tracker'),
    )
    .option('--cloud-id <id>', 'the id that clients send in X-Cloud-Org-ID')
    .option('--json', 'print JSON')
    .action(async (orgId: string, options: OrganisationOptions) => {
      const { name = orgId, language, profile, cloudId } = options;
      await withDatabase(environment, (db) => createOrganisation(db, { orgId, cloudId, name, language, profile }));
      print(options, { orgId, cloudId, name, language, profile }, `Created the organisation ${orgId}.`);
    });

  program
    .command('queue')
    .description('manage queues')
    .command('create')
    .description('create a queue that is open to the whole organisation')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--key <key>', 'the prefix of its issue keys, such as TEST')
    .option('--name <name>', 'its name (default: its key)')
    .option('--json', 'print JSON')
    .action(async (options: QueueOptions) => {
      const { org, key, name = key } = options;
      const id = await withDatabase(environment, async (db) => {
        const leadId = await getUserId(db, org, APPLICATION_LOGIN);
        return await createQueue(db, org, { key, name, leadId });
      });
      print(options, { id, key, name }, `Created the queue ${key}.`);
    });
}

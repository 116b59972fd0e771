import { type Command, Option } from 'commander';
import type { Profile } from '../core/organisations/defaults.ts';
import {
  APPLICATION_LOGIN,
  createOrganisation,
  listOrganisations,
} from '../core/organisations/organisations.service.ts';
import { createQueue, getQueue } from '../core/queues/queues.service.ts';
import { deleteOrganisation, requireDeletable } from '../core/removal/organisation-deletion.service.ts';
import { getUserId } from '../core/users/users.service.ts';
import { listAllProjects, renameProject, setProjectActive } from '../kanboard/projects/projects.service.ts';
import { LANGUAGES, type Language } from '../texts.ts';
import {
  ask,
  DeclinedError,
  operatorOf,
  print,
  table,
  UsageError,
  withDatabase,
  withUntimedDatabase,
} from './command.ts';

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
  const organisation = program.command('org').description('manage organisations');

  organisation
    .command('list')
    .description('list the organisations')
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => {
      const organisations = await withDatabase(environment, listOrganisations);
      const rows = organisations.map(({ orgId, name, language, cloudId }) => [orgId, name, language, cloudId ?? '']);
      print(options, organisations, table(['id', 'name', 'language', 'cloud id'], rows));
    });

  organisation
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

  organisation
    .command('delete <org-id>')
    .description('delete an organisation with everything in it; servers refuse its users at once')
    .option('--yes', 'delete without asking')
    .option('--json', 'print JSON')
    .action(async (orgId: string, options: { yes?: true; json?: true }) => {
      if (!options.yes && !process.stdin.isTTY) {
        throw new UsageError(
          'Everything in the organisation is lost. Confirm with --yes, or run the command in a terminal.',
        );
      }
      await withUntimedDatabase(environment, async (db) => {
        await requireDeletable(db, orgId);
        if (!options.yes && (await ask(`Everything in ${orgId} will be lost. Type its id to confirm:`)) !== orgId) {
          throw new DeclinedError();
        }
        const rows = await deleteOrganisation(db, orgId, (table, deleted) => {
          process.stderr.write(`${table}: ${deleted}\n`);
        });
        print(options, { orgId, rows }, `Deleted the organisation ${orgId}.`);
      });
    });

  const queue = program.command('queue').description('manage queues');

  queue
    .command('list')
    .description('list the queues of an organisation')
    .requiredOption('--org <org-id>', 'the organisation')
    .option('--json', 'print JSON')
    .action(async (options: { org: string; json?: true }) => {
      const projects = await withDatabase(environment, async (db) =>
        listAllProjects(db, await operatorOf(db, options.org)),
      );
      const queues = projects.map(({ id, key, name, isActive, isOpen }) => ({ id, key, name, isActive, isOpen }));
      const rows = queues.map(({ id, key, name, isActive, isOpen }) => [
        id,
        key,
        name,
        isOpen ? 'organisation' : 'members',
        isActive ? 'active' : 'closed',
      ]);
      print(options, queues, table(['id', 'key', 'name', 'seen by', 'state'], rows));
    });

  for (const [verb, isActive] of [
    ['close', false],
    ['reopen', true],
  ] as const) {
    queue
      .command(verb)
      .description(isActive ? 'reopen a closed queue' : 'close a queue: a disabled project in the Kanboard API')
      .requiredOption('--org <org-id>', 'the organisation')
      .requiredOption('--key <key>', 'the key of the queue')
      .option('--json', 'print JSON')
      .action(async (options: QueueOptions) => {
        const { org, key } = options;
        await withDatabase(environment, async (db) => {
          const operator = await operatorOf(db, org);
          const { id } = await getQueue(db, operator, key);
          await setProjectActive(db, operator, id, isActive);
        });
        print(options, { key, isActive }, `${isActive ? 'Reopened' : 'Closed'} the queue ${key}.`);
      });
  }

  queue
    .command('rename')
    .description('give a queue another name; its key stays, since the keys of its issues begin with it')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--key <key>', 'the key of the queue')
    .requiredOption('--name <name>', 'the new name')
    .option('--json', 'print JSON')
    .action(async (options: QueueOptions & { name: string }) => {
      const { org, key, name } = options;
      await withDatabase(environment, async (db) => {
        const operator = await operatorOf(db, org);
        await renameProject(db, operator, (await getQueue(db, operator, key)).id, name);
      });
      print(options, { key, name }, `The queue ${key} is now called ${name}.`);
    });

  queue
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

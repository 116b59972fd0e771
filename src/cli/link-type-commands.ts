import { type Command, Option } from 'commander';
import { listLinkTypes, updateLinkType } from '../core/link-types/link-types.service.ts';
import type { LinkTypeRow } from '../core/link-types/link-types.store.ts';
import { operatorOf, print, table, UsageError, withDatabase } from './command.ts';

type Switch = 'on' | 'off';

interface RuleOptions {
  readonly org: string;
  readonly id: string;
  readonly antisymmetric?: Switch;
  readonly acyclic?: Switch;
  readonly single?: LinkTypeRow['single_end'];
  readonly json?: true;
}

export function addLinkTypeCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  const linkType = program.command('link-type').description('rules of link types');

  linkType
    .command('list')
    .description('list the link types of an organisation and their rules')
    .requiredOption('--org <org-id>', 'the organisation')
    .option('--json', 'print JSON')
    .action(async (options: { org: string; json?: true }) => {
      const rows = await withDatabase(environment, async (db) => {
        const { orgId } = await operatorOf(db, options.org);
        return await listLinkTypes(db, orgId);
      });
      const types = rows.map(describe);
      const lines = types.map(({ id, inward, outward, antisymmetric, acyclic, single }) => {
        const rules = [antisymmetric && 'antisymmetric', acyclic && 'acyclic', single !== 'none' && `single ${single}`];
        return [id, inward, outward, rules.filter(Boolean).join(', ')];
      });
      print(options, types, table(['id', 'inward', 'outward', 'rules'], lines));
    });

  const onOff = (flags: string, description: string) => new Option(flags, description).choices(['on', 'off']);
  linkType
    .command('set-rules')
    .description('change the rules of a link type, unless existing links break them')
    .requiredOption('--org <org-id>', 'the organisation')
    .requiredOption('--id <link-type>', 'its id in "link-type list"')
    .addOption(onOff('--antisymmetric <switch>', 'forbid links in both directions between two issues'))
    .addOption(onOff('--acyclic <switch>', 'forbid cycles'))
    .addOption(
      new Option('--single <end>', 'the end at which an issue has at most one link').choices([
        'none',
        'inward',
        'outward',
      ]),
    )
    .option('--json', 'print JSON')
    .action(async (options: RuleOptions) => {
      const { org, id, antisymmetric, acyclic, single } = options;
      if ([antisymmetric, acyclic, single].every((rule) => rule === undefined)) {
        throw new UsageError('Specify at least one of --antisymmetric, --acyclic and --single.');
      }
      const kept = { inward: undefined, outward: undefined, version: undefined };
      const type = await withDatabase(environment, async (db) => {
        const operator = await operatorOf(db, org);
        return await updateLinkType(db, operator, id, {
          ...kept,
          antisymmetric: isOn(antisymmetric),
          acyclic: isOn(acyclic),
          single,
        });
      });
      print(options, describe(type), `Changed the rules of ${id}.`);
    });
}

function isOn(given: Switch | undefined): boolean | undefined {
  return given && given === 'on';
}

function describe(type: LinkTypeRow) {
  return {
    id: type.link_type_id,
    inward: type.inward_en,
    outward: type.outward_en,
    symmetric: type.is_symmetric,
    antisymmetric: type.is_antisymmetric,
    acyclic: type.is_acyclic,
    single: type.single_end,
  };
}

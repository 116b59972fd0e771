import type { Command } from 'commander';
import {
  checkOrganisation,
  type Finding,
  listOrganisations,
  type Report,
  repairOrganisation,
} from '../core/check/check.service.ts';
import { withUntimedDatabase, writeOut } from './command.ts';

interface CheckOptions {
  readonly org?: string;
  readonly repair?: true;
  readonly json?: true;
}

const EXIT_FINDINGS = 1;

export function addCheckCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('check')
    .description('look for links, events and counters that break a rule; exits with 1 if there are any')
    .option('--org <org-id>', 'the organisation (default: all)')
    .option('--repair', 'repair what has one right answer, while servers may run')
    .option('--json', 'print JSON, a line for each finding and one for the result')
    .action(async (options: CheckOptions) => {
      await withUntimedDatabase(environment, async (db) => {
        const organisations = await listOrganisations(db, options.org);
        const result = { organisations: organisations.length, findings: 0, repaired: 0 };
        for (const orgId of organisations) {
          const report = await checkOrganisation(db, orgId, (finding) => printFinding(options, finding));
          const findings = total(report);
          result.findings += findings;
          if (options.repair && findings > 0) {
            await repairOrganisation(db, orgId, report);
            result.repaired += findings - total(await checkOrganisation(db, orgId, () => Promise.resolve()));
          }
        }
        await printLine(options.json ? JSON.stringify(result) : sentence(result, options));
        if (result.findings > result.repaired) process.exitCode = EXIT_FINDINGS;
      });
    });
}

function total(report: Report): number {
  return [...report.values()].reduce((sum, { count }) => sum + count, 0);
}

function sentence(
  { organisations, findings, repaired }: { organisations: number; findings: number; repaired: number },
  { repair }: CheckOptions,
): string {
  const checked = `Checked ${counted(organisations, 'organisation')}: ${counted(findings, 'finding')}`;
  return repair ? `${checked}, ${repaired} repaired.` : `${checked}.`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

async function printFinding({ json }: CheckOptions, finding: Finding): Promise<void> {
  const { kind, orgId, problem, linkType, links, issues, detail } = finding;
  if (json) {
    await printLine(JSON.stringify(finding));
    return;
  }
  const parts = [
    problem,
    linkType && `type ${linkType}`,
    links.length > 0 && `links ${links.map((id) => `#${id}`).join(', ')}`,
    issues.length > 0 && `issues ${issues.join(', ')}`,
    detail,
  ];
  await printLine(`${orgId}: ${kind}: ${parts.filter(Boolean).join('; ')}`);
}

async function printLine(line: string): Promise<void> {
  await writeOut(`${line}\n`);
}

import { styleText } from 'node:util';
import type { Command } from 'commander';
import { type IssueLink, listIssueLinks } from '../core/issue-links/issue-links.service.ts';
import {
  type GraphIssue,
  type GraphLink,
  getLinkGraph,
  type LinkGraph,
} from '../core/issue-links/link-graph.service.ts';
import { listOrganisations } from '../core/organisations/organisations.service.ts';
import type { Database } from '../database/database.ts';
import { DomainError } from '../errors.ts';
import { texts } from '../texts.ts';
import { oneLine, operatorOf, parsePositiveInteger, print, table, UsageError, withDatabase } from './command.ts';

interface LinksOptions {
  readonly org?: string;
  readonly tree?: true;
  readonly depth: number;
  readonly json?: true;
}

export function addLinksCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('links <issue>')
    .description('show the links of an issue, such as TEST-1')
    .option('--org <org-id>', 'the organisation (default: the only one)')
    .option('--tree', 'follow the links further')
    .option(
      '--depth <number>',
      'with --tree: how many links away from the issue others may be',
      parsePositiveInteger,
      3,
    )
    .option('--json', 'print JSON, with the names of the REST API')
    .action(async (issueKey: string, options: LinksOptions) => {
      await withDatabase(environment, async (db) => {
        const operator = await operatorOf(db, options.org ?? (await onlyOrganisation(db)));
        const unknown = (error: unknown) => {
          const isUnknown = error instanceof DomainError && error.code === 'not_found';
          throw isUnknown ? new DomainError('not_found', texts.issueNotIn(operator.orgId, issueKey)) : error;
        };
        if (options.tree) {
          const query = { issueNames: [issueKey], depth: options.depth, ends: undefined, direction: undefined };
          printTree(options, await getLinkGraph(db, operator, query).catch(unknown));
        } else printTable(options, await listIssueLinks(db, operator, issueKey).catch(unknown));
      });
    });
}

async function onlyOrganisation(db: Database): Promise<string> {
  const [first, ...others] = (await listOrganisations(db)).map(({ orgId }) => orgId);
  if (first === undefined) throw new UsageError('The database holds no organisation.');
  if (others.length > 0)
    throw new UsageError(`Name one of the organisations with --org: ${[first, ...others].join(', ')}.`);
  return first;
}

function printTable(options: LinksOptions, links: readonly IssueLink[]): void {
  const result = links.map(({ id, type, direction, object, status }) => ({
    id,
    type: { id: type.id, inward: type.inward.en, outward: type.outward.en },
    direction,
    object: { key: object.key, display: object.summary },
    status: { key: status.key, display: status.name.en },
    relationship: type.relationships[direction],
  }));
  const rows = links.map(({ type, direction, object, status }) => [
    type.relationships[direction],
    object.key,
    status.name.en,
    object.summary,
  ]);
  print(options, result, table(['relationship', 'issue', 'status', 'summary'], rows));
}

function printTree(options: LinksOptions, graph: LinkGraph): void {
  const result = {
    nodes: graph.issues.map(({ key, summary, status }) => ({
      key,
      display: summary,
      status: { key: status.key, display: status.name.en },
    })),
    edges: graph.links.map(({ id, type, outward, inward }) => ({
      id,
      type: { id: type.id, inward: type.inward.en, outward: type.outward.en },
      from: outward,
      to: inward,
    })),
    truncated: graph.isTruncated,
  };
  print(options, result, treeLines(graph).join('\n'));
  if (graph.isTruncated) process.stderr.write('There are more issues and links than are shown.\n');
}

/**
 * A line for each link, below its issue. The links of an issue are shown once, where the issue is nearest to the first one;
 * elsewhere an ellipsis stands for them, so that cycles end.
 */
function treeLines({ issues, links }: LinkGraph): string[] {
  const byKey = new Map(issues.map((issue) => [issue.key, issue]));
  const linksOf = new Map<string, GraphLink[]>(issues.map(({ key }) => [key, []]));
  for (const link of links) for (const key of [link.outward, link.inward]) linksOf.get(key)?.push(link);

  /** The link that leads to each issue first. */
  const leading = new Map<string, GraphLink | undefined>(issues.slice(0, 1).map(({ key }) => [key, undefined]));
  // The map grows while it is traversed, which makes this a breadth-first search.
  for (const [key] of leading) {
    for (const link of linksOf.get(key) ?? []) {
      const other = otherEnd(link, key);
      if (!leading.has(other)) leading.set(other, link);
    }
  }

  const lines: string[] = [];
  const add = (key: string, indent: string) => {
    const shown = (linksOf.get(key) ?? []).filter((link) => link !== leading.get(key));
    for (const [index, link] of shown.entries()) {
      const isLast = index === shown.length - 1;
      const other = otherEnd(link, key);
      const isFirst = leading.get(other) === link;
      const phrase = link.type.relationships[link.outward === key ? 'outward' : 'inward'];
      const ellipsis = isFirst ? '' : ' …';
      lines.push(`${indent}${isLast ? '└─' : '├─'} ${phrase} ${describe(byKey.get(other))}${ellipsis}`);
      if (isFirst) add(other, `${indent}${isLast ? '   ' : '│  '}`);
    }
  };
  const [first] = issues;
  lines.push(describe(first));
  if (first) add(first.key, '');
  return lines;
}

function otherEnd({ outward, inward }: GraphLink, key: string): string {
  return outward === key ? inward : outward;
}

function describe(issue: GraphIssue | undefined): string {
  return issue
    ? `${styleText('cyan', issue.key)} ${oneLine(issue.summary)} ${styleText('dim', `[${issue.status.name.en}]`)}`
    : '';
}

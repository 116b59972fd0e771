import { beforeAll, expect, test } from '@jest/globals';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { hasTerminal, inTerminal, runCommand } from '../support/command-line.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase();
let org: GivenOrganisation;
let issues: readonly GivenIssue[];

const issueLinks = (args: string) => runCommand(args, { DATABASE_URL: database().url });
const key = (index: number) => issues[index]?.key ?? '';

/** A chain of subtasks 0 → 1 → 2, whose last issue relates to the first, and an issue that blocks the first. */
beforeAll(async () => {
  const { db } = database();
  org = await givenOrganisation(db);
  const { key: queue } = await givenQueue(db, org, [org.admin]);
  const given: GivenIssue[] = [];
  for (const summary of ['Root', 'Child', 'Grand\u001b[31mchild', 'Blocker']) {
    given.push(await givenIssue(db, org, queue, { summary }));
  }
  issues = given;
  const [root, child, grandchild, blocker] = given as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await givenLink(db, org, 'subtask', child, root);
  await givenLink(db, org, 'subtask', grandchild, child);
  await givenLink(db, org, 'relates', grandchild, root);
  await givenLink(db, org, 'depends', blocker, root);
});

test('links shows the links of an issue of the only organisation, also of a closed queue', async () => {
  const outcome = await issueLinks(`links ${key(0)}`);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.stdout).toBe(
    [
      'relationship\tissue\tstatus\tsummary',
      `is parent task for\t${key(1)}\tOpen\tChild`,
      `relates\t${key(2)}\tOpen\tGrand [31mchild`,
      `depends on\t${key(3)}\tOpen\tBlocker`,
      '',
    ].join('\n'),
  );
});

test('links --json prints what the REST API calls by the same names', async () => {
  const { stdout } = await issueLinks(`links ${key(3)} --json`);
  expect(JSON.parse(stdout)).toEqual([
    {
      id: expect.any(Number),
      type: { id: 'depends', inward: 'Blocker', outward: 'Depends on' },
      direction: 'inward',
      relationship: 'is dependent by',
      object: { key: key(0), display: 'Root' },
      status: { key: 'open', display: 'Open' },
    },
  ]);
  const graph = JSON.parse((await issueLinks(`links ${key(3)} --tree --depth 1 --json`)).stdout);
  expect(graph).toMatchObject({
    nodes: [{ key: key(3) }, { key: key(0), display: 'Root', status: { key: 'open' } }],
    edges: [{ type: { id: 'depends' }, from: key(0), to: key(3) }],
    truncated: false,
  });
});

test('links --tree ends at cycles, and at the given depth', async () => {
  expect((await issueLinks(`links ${key(0)} --tree`)).stdout).toBe(
    [
      `${key(0)} Root [Open]`,
      `├─ is parent task for ${key(1)} Child [Open]`,
      `│  └─ is parent task for ${key(2)} Grand [31mchild [Open] …`,
      `├─ relates ${key(2)} Grand [31mchild [Open]`,
      `│  └─ is subtask for ${key(1)} Child [Open] …`,
      `└─ depends on ${key(3)} Blocker [Open]`,
      '',
    ].join('\n'),
  );
  expect((await issueLinks(`links ${key(3)} --tree --depth 1`)).stdout).toBe(
    `${key(3)} Blocker [Open]\n└─ is dependent by ${key(0)} Root [Open]\n`,
  );
});

(hasTerminal ? test : test.skip)('colours and columns are for terminals, and NO_COLOR turns colours off', async () => {
  const environment = { DATABASE_URL: database().url, TERM: 'xterm-256color' };
  for (const args of [`links ${key(0)}`, `links ${key(0)} --tree`]) {
    expect((await inTerminal(args, environment)).stdout).toContain('\u001b[');
    expect((await inTerminal(args, { ...environment, NO_COLOR: '1' })).stdout).not.toContain('\u001b');
  }
  expect((await inTerminal(`links ${key(0)}`, environment)).stdout).toMatch(/relates {13}\S+ {2}Open {4}Grand/);
});

test('links of an unknown issue or organisation fails with the reason, and asks for an organisation if there are several', async () => {
  expect(await issueLinks('links NONE-1')).toMatchObject({
    ...{ code: 1, stdout: '', stderr: `There is no issue NONE-1 in the organisation ${org.orgId}.\n` },
  });
  expect(await issueLinks(`links ${key(0)} --org none`)).toMatchObject({
    ...{ code: 1, stdout: '', stderr: 'There is no organisation none.\n' },
  });
  const other = await givenOrganisation(database().db);
  const names = [org.orgId, other.orgId].sort().join(', ');
  expect(await issueLinks(`links ${key(0)}`)).toMatchObject({
    ...{ code: 2, stdout: '', stderr: `Name one of the organisations with --org: ${names}.\n` },
  });
  expect(await issueLinks(`links ${key(0)} --org ${org.orgId}`)).toMatchObject({ code: 0 });
});

import { expect, test } from '@jest/globals';
import { CHECK_COUNTERS } from '../../src/core/check/check.store.ts';
import { prepareDemo } from '../../src/demo/demo.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { type Rest, restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';
import { createTestDatabase, isOnCitus } from '../support/test-database.ts';

// Each kind of damage is planted in SQL, past constraints, in an organisation whose links the API has written.

const api = useApi();
const db = () => api().database.db;

interface Given {
  readonly org: GivenOrganisation;
  readonly rest: Rest;
  readonly queue: string;
  readonly issues: readonly GivenIssue[];
  /** `a` relates to `b`, `c` depends on `d`, and `e` is a subtask of `f`. */
  readonly links: { readonly relates: number; readonly depends: number; readonly subtask: number };
  readonly issue: (name: 'a' | 'b' | 'c' | 'd' | 'e' | 'f') => GivenIssue;
}

async function givenLinks(): Promise<Given> {
  const org = await givenOrganisation(db(), { language: 'en' });
  const { key: queue } = await givenQueue(db(), org);
  const issues: GivenIssue[] = [];
  for (let count = 0; count < 6; count += 1) issues.push(await givenIssue(db(), org, queue));
  const rest = restAs(api(), org.admin);
  const link = async (place: number, relationship: string) => {
    const path = `/v3/issues/${issues[place]?.key}/links`;
    const { body } = await rest.post(path, { relationship, issue: issues[place + 1]?.key }).expect(201);
    return body.id as number;
  };
  return {
    org,
    rest,
    queue,
    issues,
    links: {
      relates: await link(0, 'relates'),
      depends: await link(2, 'depends on'),
      subtask: await link(4, 'is subtask for'),
    },
    issue: (name) => issues['abcdef'.indexOf(name)] as GivenIssue,
  };
}

/** Runs SQL without foreign keys; $1 is the organisation. */
async function plant({ org }: Given, text: string, ...values: unknown[]): Promise<void> {
  await db().transaction(async (transaction) => {
    const settings = isOnCitus ? [`set local citus.propagate_set_commands = 'local'`] : [];
    for (const setting of [...settings, 'set local session_replication_role = replica']) {
      await transaction.query({ name: '', text: setting, values: [] });
    }
    await transaction.query({ name: '', text, values: [org.orgId, ...values] });
  });
}

/** Removes the indexes that make duplicates impossible. */
async function dropUniqueIndexes(): Promise<void> {
  const names = ['ends', 'unordered_ends', 'pair', 'single_inward', 'single_outward'];
  for (const name of names) {
    await db().query({ name: '', text: `drop index if exists links_${name}_key`, values: [] });
  }
}

interface Damage {
  readonly plant: (given: Given) => Promise<unknown>;
  /** The kinds of all findings, in the order of the checks. */
  readonly found: readonly string[];
  /** Those that `--repair` leaves to a person. */
  readonly left: readonly string[];
  /** What the findings of the first kind name. */
  readonly named?: (given: Given) => object;
}

const copyOf = (columns: string) => `
  insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric, is_antisymmetric,
    is_acyclic, single_end, one_link_per_pair, shares_label, created_by, updated_by)
  select org_id, link_type_id, ${columns}, first_end, is_symmetric, is_antisymmetric, is_acyclic, single_end,
    one_link_per_pair, shares_label, created_by, updated_by
  from links where org_id = $1 and link_id = $2`;

const UNTOLD = ['missing-event', 'missing-event'];

const DAMAGES: Readonly<Record<string, Damage>> = {
  'a duplicate from the other end': {
    async plant(given) {
      await dropUniqueIndexes();
      await plant(given, copyOf('outward_issue_id, inward_issue_id'), given.links.relates);
    },
    found: ['duplicate', 'pair', ...UNTOLD],
    left: ['duplicate', 'pair', ...UNTOLD],
    named: ({ issue, links }) => ({
      linkType: 'relates',
      links: [links.relates, expect.any(Number)],
      issues: [issue('a').key, issue('b').key],
    }),
  },
  'a second link of a pair': {
    async plant({ org, issue }) {
      await dropUniqueIndexes();
      await givenLink(db(), org, 'duplicates', issue('a'), issue('b'));
    },
    found: ['pair', ...UNTOLD],
    left: ['pair', ...UNTOLD],
  },
  'a second parent': {
    async plant(given) {
      await dropUniqueIndexes();
      await plant(given, copyOf('inward_issue_id, $3'), given.links.subtask, given.issue('a').id);
    },
    found: ['single', 'order', ...UNTOLD],
    left: ['single', ...UNTOLD],
    named: ({ issue, links }) => ({
      linkType: 'subtask',
      links: [links.subtask, expect.any(Number)],
      issues: [issue('e').key],
    }),
  },
  'types that share a label without a mark, and links with that label': {
    async plant(given) {
      await dropUniqueIndexes();
      await plant(
        given,
        `insert into link_types (org_id, link_type_id, inward_label_id, outward_label_id, is_symmetric)
         values ($1, 'mixed', 1, 10, false)`,
      );
      await givenLink(db(), given.org, 'mixed', given.issue('a'), given.issue('b'));
    },
    found: ['pair', 'same-label', 'shared-label', 'shared-label', 'shared-label', ...UNTOLD],
    left: ['pair', 'same-label', ...UNTOLD],
  },
  'an issue removed without its links': {
    plant: (given) =>
      plant(given, 'delete from issues where org_id = $1 and issue_id = any($2)', [
        given.issue('b').id,
        given.issue('d').id,
      ]),
    found: ['orphan', 'orphan', 'position'],
    left: [],
    named: ({ issue, links }) => ({ links: [links.relates], issues: expect.arrayContaining([`#${issue('b').id}`]) }),
  },
  'copies of rules that differ': {
    plant: (given) => plant(given, `update links set is_acyclic = false, single_end = 'none' where org_id = $1`),
    found: ['copied-rule', 'copied-rule'],
    left: [],
  },
  'copies of rules that differ, where a link breaks the rule': {
    async plant(given) {
      await restoreUniqueIndex(given);
      await plant(given, `update links set single_end = 'none' where org_id = $1 and link_type_id = 'subtask'`);
      await plant(given, copyOf('inward_issue_id, $3'), given.links.subtask, given.issue('a').id);
    },
    found: ['single', 'copied-rule', 'copied-rule', 'order', ...UNTOLD],
    left: ['single', 'copied-rule', ...UNTOLD],
  },
  'positions in the wrong order': {
    plant: (given) => plant(given, 'update topological_order set position = -position where org_id = $1'),
    found: ['order', 'order'],
    left: [],
    named: ({ links }) => ({ linkType: 'depends', links: [links.depends] }),
  },
  'a missing position': {
    plant: (given) =>
      plant(given, 'delete from topological_order where org_id = $1 and issue_id = $2', given.issue('c').id),
    found: ['order'],
    left: [],
  },
  'positions of no order': {
    plant: (given) => plant(given, `insert into topological_order values ($1, 'relates', $2, 1)`, given.issue('a').id),
    found: ['position'],
    left: [],
  },
  'two cycles': {
    async plant(given) {
      await dropUniqueIndexes();
      await plant(given, copyOf('outward_issue_id, inward_issue_id'), given.links.depends);
      await plant(given, copyOf('outward_issue_id, inward_issue_id'), given.links.subtask);
    },
    found: ['duplicate', 'duplicate', 'pair', 'pair', 'order', 'order', ...UNTOLD, ...UNTOLD, 'cycle', 'cycle'],
    left: ['duplicate', 'duplicate', 'pair', 'pair', 'order', 'order', ...UNTOLD, ...UNTOLD, 'cycle', 'cycle'],
  },
  'a link of which one issue has no event': {
    plant: (given) => plant(given, 'delete from events where org_id = $1 and issue_id = $2', given.issue('e').id),
    found: ['missing-event'],
    left: ['missing-event'],
    named: ({ issue, links }) => ({ linkType: 'subtask', links: [links.subtask], issues: [issue('e').key] }),
  },
  'an event that tells of another type': {
    plant: (given) =>
      plant(
        given,
        `update events set changes = jsonb_set(changes, '{links,0,to,link_type_id}', '"epic"')
         where org_id = $1 and issue_id = $2`,
        given.issue('a').id,
      ),
    found: ['missing-event'],
    left: ['missing-event'],
  },
  'a link that is gone without an event': {
    plant: (given) => plant(given, 'delete from links where org_id = $1 and link_id = $2', given.links.relates),
    found: ['surplus-event', 'surplus-event'],
    left: ['surplus-event', 'surplus-event'],
  },
  'counters that are behind': {
    async plant(given) {
      await plant(given, 'update queues set last_issue_number = 2 where org_id = $1');
      await plant(given, 'update organisations set last_label_id = 3 where org_id = $1');
      await plant(given, `select setval('links_link_id_seq', 1), $1::text`);
      await plant(given, `select setval('topological_order_position_seq', 1), $1::text`);
    },
    found: ['counter', 'counter', 'counter', 'counter'],
    left: [],
  },
  'a token without its directory entry': {
    plant: (given) => plant(given, 'delete from token_directory where org_id = $1'),
    found: ['directory'],
    left: [],
  },
  'events of another server': {
    plant: (given) => plant(given, `update events set transaction_id = '9000000000000' where org_id = $1`),
    found: ['transaction'],
    left: [],
  },
};

/** Puts back the index that the copies of a rule enable. */
async function restoreUniqueIndex({ org }: Given): Promise<void> {
  const text = `
    create unique index links_single_inward_key on links (org_id, inward_issue_id, link_type_id)
    where single_end = 'inward'`;
  // Links of other organisations may stand in its way.
  await db().query({ name: '', text: 'delete from links where org_id <> $1', values: [org.orgId] });
  await db().query({ name: '', text, values: [] });
}

async function check(args: string) {
  const { code, stdout, stderr } = await runCommand(`check ${args}`.trim(), { DATABASE_URL: api().database.url });
  return { code, stdout, stderr };
}

async function findings(args: string) {
  const { code, stdout, stderr } = await check(`--json ${args}`);
  expect(stderr).toBe('');
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const result = lines.pop();
  return { code, result, found: lines, kinds: lines.map(({ kind }) => kind) };
}

test('check finds nothing in what the API has written, also after changes and removals', async () => {
  const { org, rest, issue, links, queue } = await givenLinks();
  await rest.patch(`/v3/issues/${issue('a').key}/links/${links.relates}`, { relationship: 'depends on' }).expect(200);
  await rest.patch(`/v3/issues/${issue('a').key}/links/${links.relates}`, { issue: issue('f').key }).expect(200);
  await rest.patch(`/v3/issues/${issue('e').key}`, { parent: issue('a').key, epic: issue('b').key }).expect(200);
  await rest.delete(`/v3/issues/${issue('c').key}/links/${links.depends}`).expect(204);
  await rest.post('/v3/issues', { queue, summary: 'A child', parent: issue('f').key }).expect(201);
  await rest.delete(`/v3/issues/${issue('f').key}`).expect(204);
  await rest
    .post('/v3/linktypes', { inward: { ru: 'Один', en: 'One' }, outward: { ru: 'Два', en: 'Two' } })
    .expect(201);

  await unchanged(db(), async () => {
    expect(await check(`--org ${org.orgId}`)).toEqual({
      code: 0,
      stdout: 'Checked 1 organisation: 0 findings.\n',
      stderr: '',
    });
    const { code, result, found } = await findings(`--org ${org.orgId} --repair`);
    expect({ code, result, found }).toEqual({
      code: 0,
      result: { organisations: 1, findings: 0, repaired: 0 },
      found: [],
    });
  });
});

test.each(Object.entries(DAMAGES))(
  'check finds %s, and --repair repairs what has one right answer',
  async (_name, damage) => {
    const given = await givenLinks();
    const org = `--org ${given.org.orgId}`;
    await damage.plant(given);

    await unchanged(db(), async () => {
      const { code, kinds, result, found } = await findings(org);
      expect(kinds).toEqual(damage.found);
      expect({ code, result }).toEqual({
        code: 1,
        result: { organisations: 1, findings: damage.found.length, repaired: 0 },
      });
      if (damage.named) expect(found[0]).toMatchObject(damage.named(given));
    });

    const repaired = await findings(`${org} --repair`);
    expect(repaired.kinds).toEqual(damage.found);
    expect(repaired.result).toMatchObject({ repaired: damage.found.length - damage.left.length });
    expect(repaired.code).toBe(damage.left.length === 0 ? 0 : 1);
    const after = await findings(org);
    expect(after.kinds).toEqual(damage.left);
    expect(after.code).toBe(repaired.code);
  },
);

test('a repaired orphan is recorded at the issue that is left', async () => {
  const given = await givenLinks();
  const [left, removed] = [given.issue('a'), given.issue('b')];
  await plant(given, 'delete from issues where org_id = $1 and issue_id = $2', removed.id);
  expect((await check(`--org ${given.org.orgId} --repair`)).stdout).toBe(
    `${given.org.orgId}: orphan: a link without an issue; type relates; links #${given.links.relates}; ` +
      `issues ${left.key}, #${removed.id}\nChecked 1 organisation: 1 finding, 1 repaired.\n`,
  );
  const { body } = await given.rest.get(`/v3/issues/${left.key}/changelog`).expect(200);
  expect(body).toMatchObject([{ type: 'IssueLinked' }, { type: 'IssueUnlinked', updatedBy: { display: 'jsonrpc' } }]);
});

test('events that were restored from another server keep their order and can be followed again', async () => {
  const given = await givenLinks();
  const path = `/v3/issues/${given.issue('a').key}/changelog`;
  await given.rest.patch(`/v3/issues/${given.issue('a').key}`, { summary: 'Second' }).expect(200);
  const before = (await given.rest.get(path).expect(200)).body;
  await plant(given, `update events set transaction_id = '9000000000000' where org_id = $1`);
  expect((await given.rest.get(`${path}?id=0`).expect(200)).body).toEqual([]);

  expect((await check(`--org ${given.org.orgId} --repair`)).code).toBe(0);

  await given.rest.patch(`/v3/issues/${given.issue('a').key}`, { summary: 'Third' }).expect(200);
  const after = (await given.rest.get(path).expect(200)).body;
  expect(after.slice(0, 2)).toEqual(before.map((entry: object) => ({ ...entry, issue: after[0].issue })));
  expect(after).toHaveLength(3);
  expect((await given.rest.get(`${path}?id=0&perPage=2`).expect(200)).body).toEqual(after.slice(0, 2));
});

test('check reads every organisation unless one is named, and exits with 2 for wrong usage', async () => {
  const given = await givenLinks();
  await plant(given, 'update queues set last_issue_number = 0 where org_id = $1');
  const { code, found, result } = await findings('');
  expect(code).toBe(1);
  expect(found.filter(({ orgId }) => orgId === given.org.orgId)).toMatchObject([
    { kind: 'counter', detail: `queue ${given.queue} is at 0, its issues at 6`, isRepairable: true },
  ]);
  const [organisations] = await db().query<{ count: number }>({
    name: '',
    text: 'select count(*) from organisations',
    values: [],
  });
  expect(result).toMatchObject({ organisations: organisations?.count });

  expect((await check('--org nobody')).code).toBe(1);
  expect((await check('--org')).code).toBe(2);
  expect((await check('--fix')).code).toBe(2);
});

test('check finds nothing in the demo', async () => {
  const demo = await createTestDatabase('template_issue_links');
  await prepareDemo(demo.db, { demo: 'on', host: '127.0.0.1' }, { isEmbedded: false, reset: false });
  const { code, stdout } = await runCommand('check', { DATABASE_URL: demo.url });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Checked 1 organisation: 0 findings.\n' });
  await demo.drop();
});

test('every column with a sequence is compared with its values', async () => {
  const columns = await db().query<{ name: string }>({
    name: '',
    text: `select attrelid::regclass || '.' || attname as name from pg_attribute where attidentity <> ''`,
    values: [],
  });
  const { text } = CHECK_COUNTERS({ orgId: '', nextTransaction: '' });
  expect(columns.map(({ name }) => name).filter((name) => !text.includes(`'${name}'`))).toEqual([]);
  expect(columns.length).toBeGreaterThan(10);
});

test('the demo takes no link id of an organisation that was there before', async () => {
  const beside = await createTestDatabase('template_issue_links');
  const org = await givenOrganisation(beside.db);
  const { key } = await givenQueue(beside.db, org);
  const issues = [];
  for (let count = 0; count < 3; count += 1) issues.push(await givenIssue(beside.db, org, key));
  const [first, second, third] = issues as [GivenIssue, GivenIssue, GivenIssue];
  await beside.db.query({
    name: '',
    text: `select setval(pg_get_serial_sequence('links', 'link_id'), 10000000)`,
    values: [],
  });
  const before = await givenLink(beside.db, org, 'relates', first, second);
  await prepareDemo(beside.db, { demo: 'on', host: '127.0.0.1' }, { isEmbedded: false, reset: false });

  expect(await givenLink(beside.db, org, 'relates', first, third)).toBeGreaterThan(before);
  await beside.drop();
});

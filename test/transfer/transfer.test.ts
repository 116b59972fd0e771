import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkOrganisation } from '../../src/core/check/check.service.ts';
import { deleteAnyOrganisation } from '../../src/core/removal/organisation-deletion.service.ts';
import type { Database } from '../../src/database/database.ts';
import { unavailable } from '../../src/database/database-error.ts';
import { createLog } from '../../src/log.ts';
import { applySeed, readSeed } from '../../src/seed/seed.ts';
import { exportOrganisation } from '../../src/transfer/export.service.ts';
import { loadOrganisation, tryToLoad } from '../../src/transfer/load.service.ts';
import { RECORD_KINDS } from '../../src/transfer/record-kinds.ts';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { givenOrganisation } from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { restAs } from '../support/rest.ts';
import { PROGRAM, run } from '../support/server-process.ts';
import { unchanged } from '../support/snapshot.ts';
import { createTestDatabase } from '../support/test-database.ts';

const api = useApi();
const db = () => api().database.db;

/** What no export holds, with the reason: the page on data says the same. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  organisation_directory: 'derived from organisations',
  token_directory: 'derived from tokens',
  topological_order: 'derived from links',
  idempotency_keys: 'expires after 24 hours',
  bulk_changes: 'expires after 30 days',
  failed_logins: 'expires',
  request_counts: 'expires after a minute',
  'users.failed_logins': 'unused',
  'users.locked_until': 'unused',
  'organisations.is_loading': 'true during a load',
  'events.transaction_id': 'numbers of one server',
};

let board: Board;
let folder: string;
let original: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-transfer-'));
  board = await givenBoard(api());
  await fill(board);
  original = await exported();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes something into every table that an export holds. */
async function fill({ rpc, project, org, columns, getIssueKey }: Board): Promise<void> {
  const rest = restAs(api(), org.admin);
  await rpc.call('createTag', project, 'web', 'blue');
  const category = await rpc.call('createCategory', project, 'Later', 'red');
  const [one, two, three, gone] = await Promise.all(
    ['one', 'two', 'three', 'gone'].map((title) =>
      rpc.named<number>('createTask', {
        title,
        project_id: project,
        category_id: category,
        tags: ['web', 'x\u2028"y'],
      }),
    ),
  );
  const comment = { task_id: one, user_id: org.admin.id, content: 'Line one\nline two — «ü» 😀' };
  await rpc.named('createComment', comment);
  await rpc.named('createExternalTaskLink', {
    task_id: one,
    url: 'https://example.com/',
    dependency: 'related',
    type: 'weblink',
  });
  await rpc.call('createTaskLink', one, two, 2);
  await rpc.call('createTaskLink', two, three, 2);
  await rpc.call('createTaskLink', one, three, 1);
  await rpc.call('createTaskLink', one, gone, 10);
  const label = await rpc.call('createLink', 'tests', 'is tested by');
  await rpc.call('createTaskLink', one, three, label);
  await rpc.call('removeTask', gone);
  const column = await rpc.call('addColumn', project, 'Temporary');
  await rpc.call('removeColumn', column);
  await rpc.call('moveTaskPosition', project, two, columns[1], 1, 1);
  const other = await rpc.named<number>('createProject', { name: 'Other', identifier: 'OTHER' });
  await rpc.call('addProjectUser', other, org.admin.id, 'project-manager');
  await rpc.call('moveTaskToProject', three, other);
  const types = { id: 'gone', inward: { ru: 'А', en: 'A' }, outward: { ru: 'Б', en: 'B' } };
  await rest.post('/v3/linktypes', types).expect(201);
  await rest.delete('/v3/linktypes/gone').expect(204);
  await rest
    .patch(`/v3/issues/${await getIssueKey(one as number)}`, {
      storyPoints: 2.5,
      deadline: '2026-12-24',
      followers: { add: [org.admin.login] },
    })
    .expect(200);
  await rest.patch('/v3/linktypes/depends', { acyclic: true });
}

async function exported(orgId = board.org.orgId, withSecrets = false, from = db()): Promise<string> {
  let text = '';
  await exportOrganisation(from, orgId, {
    withSecrets,
    write: (lines) => {
      text += lines;
      return Promise.resolve();
    },
  });
  return text;
}

const load = (text: string, orgId?: string) => loadOrganisation(db(), text.split('\n'), { orgId });

const withoutOrganisation = (text: string) => text.replace(/^\{"organisation".*$/m, '');

/** The lines of the original with one of a kind changed. */
function changed(kind: string, change: (record: Record<string, unknown>) => object | undefined): string {
  let isChanged = false;
  const lines = original.split('\n').flatMap((line) => {
    if (isChanged || !line.startsWith(`{"${kind}":`)) return [line];
    isChanged = true;
    const record = change(JSON.parse(line)[kind]);
    return record === undefined ? [] : [JSON.stringify({ [kind]: record })];
  });
  expect(isChanged).toBe(true);
  return lines.join('\n');
}

const lineOf = (text: string, kind: string, place = 0) =>
  text.split('\n').flatMap((line, index) => (line.startsWith(`{"${kind}":`) ? [index + 1] : []))[place];

async function expectRefused(text: string, message: string | RegExp, orgId = 'refused'): Promise<void> {
  await unchanged(db(), async () => {
    await expect(load(text, orgId)).rejects.toThrow(message);
    await expect(tryToLoad(db(), text.split('\n'), { orgId })).rejects.toThrow(message);
  });
}

describe('an export', () => {
  test('holds every table and column, except those that are left out for a reason', async () => {
    const rows = await db().query<{ table: string; column: string }>({
      name: '',
      text: `
        select relname as table, attname as column from pg_attribute join pg_class on pg_class.oid = attrelid
        where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped`,
      values: [],
    });
    const known = new Set(['org_id', ...Object.keys(LEFT_OUT)]);
    const held = new Set(
      RECORD_KINDS.flatMap(({ table, columns, derived }) =>
        [...columns.map(({ name }) => name), ...Object.keys(derived.columns)].map((name) => `${table}.${name}`),
      ),
    );
    const missing = rows.filter(
      ({ table, column }) =>
        !known.has(table) && !known.has(column) && !known.has(`${table}.${column}`) && !held.has(`${table}.${column}`),
    );
    expect(missing.filter(({ table }) => !table.startsWith('schema_migrations'))).toEqual([]);
    const kinds = new Set(original.split('\n').flatMap((line) => /^\{"(\w+)"/.exec(line)?.[1] ?? []));
    expect(RECORD_KINDS.filter(({ name, isSecret }) => !isSecret && !kinds.has(name)).map(({ name }) => name)).toEqual(
      [],
    );
  });

  test('holds hashes of tokens and passwords only on request', async () => {
    expect(original).not.toMatch(/hash/i);
    const secret = await exported(board.org.orgId, true);
    expect(secret.match(/"tokenHash"/g)).toHaveLength(2);
  });

  test('of an unknown organisation is refused', async () => {
    await expect(exported('unknown')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a load', () => {
  test('into another organisation gives the same export without damage, and its deletion leaves nothing', async () => {
    await unchanged(db(), async () => {
      const report = await load(original, 'copy');
      expect(report).toMatchObject({ issue: { written: 3, present: 0 }, link: { written: 4, present: 0 } });
      expect(withoutOrganisation(await exported('copy'))).toBe(withoutOrganisation(original));
      const findings = await checkOrganisation(db(), 'copy', () => Promise.resolve());
      expect([...findings].filter(([, { count }]) => count > 0)).toEqual([]);
      await deleteAnyOrganisation(db(), 'copy');
    });
  });

  test('of a deleted organisation gives the same bytes, and its tokens are valid again', async () => {
    const { orgId, admin } = board.org;
    const before = await exported(orgId, true);
    await deleteAnyOrganisation(db(), orgId);
    await load(before);
    expect(await exported(orgId, true)).toBe(before);
    const { key } = JSON.parse(before.split('\n')[Number(lineOf(before, 'issue')) - 1] ?? '').issue;
    await api().request.get(`/v3/issues/${key}/links`).set(admin.headers).expect(200);
  });

  test('can be repeated after the connection was lost', async () => {
    const lines = original.split('\n');
    let isLost = false;
    const losing: Database = {
      ...db(),
      async transaction(work) {
        if (!isLost) return await db().transaction(work);
        isLost = false;
        throw unavailable(new Error('Connection terminated'));
      },
    };
    const half = function* () {
      yield* lines.slice(0, lineOf(original, 'link', 1));
      // Another kind of record, so that the links are written.
      yield lines[Number(lineOf(original, 'event')) - 1] ?? '';
      isLost = true;
    };
    await expect(loadOrganisation(losing, half(), { orgId: 'resumed' })).rejects.toMatchObject({ code: 'unavailable' });
    const report = await load(original, 'resumed');
    expect(report).toMatchObject({ issue: { written: 0, present: 3 }, link: { written: 2, present: 2 } });
    expect(withoutOrganisation(await exported('resumed'))).toBe(withoutOrganisation(original));
    await unchanged(db(), async () => {
      const again = await load(original, 'resumed');
      expect(Object.values(again).every(({ written }) => written === 0)).toBe(true);
    });
  });

  test('does not bring back what was deleted from an organisation in use', async () => {
    await load(original, 'used');
    await db().query({ name: '', text: `delete from comments where org_id = 'used'`, values: [] });
    const line = lineOf(original, 'comment');
    await expectRefused(original, `line ${line}: the comment is not there, or differs from this line.`, 'used');
    const malformed = changed('issue', (issue) => ({ ...issue, createdAt: 'x' }));
    await expectRefused(malformed, /^lines \d+ to \d+: invalid input syntax for type timestamp/, 'used');
  });

  test('writes labels that refer to later ones, and reports only those that are wrong', async () => {
    const added = Array.from({ length: 1_100 }, (_, index) => ({
      label: { id: 1000 + index, label: `label ${index}`, oppositeId: index === 1_099 ? 1000 : 1001 + index },
    }));
    const withLabels = (labels: readonly object[]) =>
      original.replace(/^\{"linkType":/m, `${labels.map((label) => JSON.stringify(label)).join('\n')}\n$&`);
    expect(await load(withLabels(added), 'labels')).toMatchObject({ label: { present: 0 } });
    await deleteAnyOrganisation(db(), 'labels');
    const [first, ...others] = added;
    const line = Number(lineOf(original, 'linkType'));
    const few = others.slice(-3);
    await expectRefused(
      withLabels([{ label: { ...first?.label, label: '' } }, ...few]),
      new RegExp(`^line ${line}: .*labels_label_check.*(\nNothing was written.)?$`),
    );
    await expectRefused(withLabels(few), new RegExp(`^line ${line + 2}: oppositeId refers to no label.`));
  });

  test('leaves sequences behind its ids, so that new records get others', async () => {
    const given = await givenOrganisation(db(), { profile: 'kanboard' });
    const text = changed('comment', (comment) => ({ ...comment, id: 4_000_000 }));
    await load(text, 'advanced');
    const [row] = await db().query<{ next: number }>({
      name: '',
      text: `select nextval(pg_get_serial_sequence('comments', 'comment_id')) as next`,
      values: [],
    });
    expect(row?.next).toBeGreaterThan(4_000_000);
    expect(given.orgId).not.toBe('advanced');
  });

  test('dry, writes nothing', async () => {
    await unchanged(db(), async () => {
      const report = await tryToLoad(db(), original.split('\n'), { orgId: 'dry' });
      expect(report).toMatchObject({ issue: { written: 3, present: 0 } });
    });
  });

  test.each([
    [
      'a second link of a type',
      (link: object) => ({ ...link, id: 900 }),
      /line \d+: the issues have a link of this type/,
    ],
    [
      'a link to the same issue',
      (link: { inwardIssueId: number }) => ({ ...link, outwardIssueId: link.inwardIssueId }),
      'cannot be linked to itself',
    ],
    [
      'a link to no issue',
      (link: object) => ({ ...link, outwardIssueId: 123456 }),
      /line \d+: .*outward_issue_id.*123456/,
    ],
    ['a link of no type', (link: object) => ({ ...link, linkTypeId: 'nothing' }), /line \d+: the link type/],
  ])('is refused for %s', async (what, change, message) => {
    const [, line = ''] = /^(\{"link":.*)$/m.exec(original) ?? [];
    const added = JSON.stringify({ link: change(JSON.parse(line).link) });
    const text = what.startsWith('a second')
      ? original.replace(line, `${line}\n${added}`)
      : original.replace(line, added);
    await expectRefused(text, message);
  });

  test('is refused for a cycle, a second parent and a label that two links share', async () => {
    const links = original.split('\n').filter((line) => line.startsWith('{"link":'));
    const [depends, other] = links.map((line) => JSON.parse(line).link);
    expect([depends, other]).toMatchObject([{ linkTypeId: 'depends' }, { linkTypeId: 'depends' }]);
    const closing = { ...depends, id: 901, inwardIssueId: other.outwardIssueId, outwardIssueId: depends.inwardIssueId };
    const acyclic = changed('link', (link) => link).replace('"id":"depends",', '"id":"depends","isAcyclic":true,');
    const last = links.at(-1) ?? '';
    await expectRefused(
      acyclic.replace(last, `${last}\n${JSON.stringify({ link: closing })}`),
      /links .*901.* of type depends form a cycle: /,
    );
    const single = original.replace('"id":"depends",', '"id":"depends","singleEnd":"inward",');
    const second = { ...depends, id: 902, outwardIssueId: other.outwardIssueId };
    await expectRefused(
      single.replace(last, `${last}\n${JSON.stringify({ link: second })}`),
      /line \d+: the inward issue has a link of this type already/,
    );
    await expectRefused(
      original.replace('"id":"duplicates","inwardLabelId":4,', '"id":"duplicates","inwardLabelId":2,'),
      'sharesLabel must be true',
    );
  });

  test.each([
    ['no JSON', 'nonsense', /line 3: .*JSON/],
    ['two members', '{"user":{},"issue":{}}', 'line 3: must be an object with one member'],
    ['an unknown kind', '{"thing":{}}', 'line 3: there is no kind of record "thing"'],
    ['an unknown member', '{"status":{"id":1,"colour":"red"}}', 'line 3: status has no member colour'],
    ['an id that is too large', '{"status":{"id":9007199254740992}}', 'line 3: the id must be'],
    ['an id that is a string', '{"status":{"id":"9223372036854775807"}}', 'line 3: the id must be a whole number'],
    ['a number that is a string', '{"status":{"id":1000,"createdBy":"x"}}', 'line 3: the createdBy must be a whole'],
    [
      'a value of another type',
      '{"user":{"id":1000,"createdAt":"x"}}',
      'line 3: invalid input syntax for type timestamp',
    ],
    ['a missing value', '{"status":{"id":1000}}', 'line 3: null value in column "key"'],
  ])('is refused for %s', async (_, line, message) => {
    const [head, organisation, ...rest] = original.split('\n');
    await expectRefused([head, organisation, line, ...rest].join('\n'), message);
  });

  test('is refused for a record that differs from one before it', async () => {
    const [, status = ''] = /^(\{"status":.*)$/m.exec(original) ?? [];
    const text = original.replace(status, `${status}\n${status.replace('"key":"', '"key":"other')}`);
    await expectRefused(text, /^line \d+: the status differs from what is there.$/m);
  });

  test('is refused without an organisation, and for another version', async () => {
    const [head, , ...rest] = original.split('\n');
    await expectRefused([head, ...rest].join('\n'), 'line 2: an organisation must come first.');
    await expectRefused('', 'The file holds no organisation.');
    await expectRefused(original.replace('"version":1', '"version":2'), 'line 1: the format has version 2');
  });

  test('into an organisation that holds something else is refused, and changes nothing', async () => {
    const { orgId } = await givenOrganisation(db(), { profile: 'tracker' });
    await expectRefused(original, 'line 2', orgId);
  });
});

test('a database that starts with an export as its seed exports the same bytes', async () => {
  const file = join(folder, 'seed.ndjson');
  await writeFile(file, original);
  const own = await createTestDatabase('template_issue_links');
  try {
    const seed = await readSeed({ seed: file, init: undefined });
    const apply = async (lines: readonly string[]) => {
      await applySeed(
        own.db,
        api().contract,
        { ...seed, name: file, records: [], exported: lines },
        createLog('silent'),
      );
    };
    await unchanged(own.db, async () => {
      await expect(apply([...(seed?.exported ?? []), '{"link":{}}'])).rejects.toThrow(
        /The seed .* is invalid, .*\nline \d+: /,
      );
    });
    await apply(seed?.exported ?? []);
    expect(await exported(board.org.orgId, false, own.db)).toBe(original);
  } finally {
    await own.drop();
  }
});

describe('the commands', () => {
  test('of the documentation that export and load run as they are', async () => {
    await load(original, '123');
    const page = await readFile(new URL('../../docs/data.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
    const commands = blocks.filter((block) => !block.includes('issue-links import'));
    expect(commands.length).toBeGreaterThan(1);
    const npx = `npx() { shift; ${PROGRAM.map((word) => `'${word}'`).join(' ')} "$@"; }`;
    const script = ['set -e', `cd '${folder}'`, npx, ...commands].join('\n');
    const outcome = await run(['sh', '-c', script], { DATABASE_URL: api().database.url });
    expect(outcome).toMatchObject({ code: 0 });
    expect(withoutOrganisation(await exported('copy'))).toBe(withoutOrganisation(original));
    expect(outcome.stdout).toContain('\nlink\t0\t4\n');
    expect(outcome.stderr).toMatch(/^Exported \d+ records.$/m);
    expect(await readFile(join(folder, '123.ndjson'), 'utf8')).toBe(await exported('123'));
  });

  test('report what they do, and fail with the numbers of lines', async () => {
    const environment = { DATABASE_URL: api().database.url };
    const dry = await runCommand(['load', '-', '--org', 'streamed', '--dry-run', '--json'], environment, original);
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(dry.stdout)).toMatchObject({ link: { written: 4, present: 0 } });
    const refused = await runCommand(['load', '-', '--org', 'not valid'], environment, original);
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('line 2: ') as unknown });
    expect(refused.stderr).toContain('Nothing was written.');
    const missing = await runCommand(['load', join(folder, 'missing')], environment);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/^\S+missing: ENOENT.*\n$/) as unknown });
  });
});

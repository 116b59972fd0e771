import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { requestFor } from '../support/raw-rpc.ts';

// The result of `getAllTaskLinks` is written from the bytes that PostgreSQL sent. It must be what JSON.stringify makes.

const RUNS = 20;

const api = useApi();
const db = () => api().database.db;

beforeAll(async () => {
  // Ids close to the largest safe integer. The id of a view is up to twice that of its link.
  for (const [table, column, max] of [
    ['queues', 'queue_id', Number.MAX_SAFE_INTEGER],
    ['columns', 'column_id', Number.MAX_SAFE_INTEGER],
    ['issues', 'issue_id', Number.MAX_SAFE_INTEGER],
    ['links', 'link_id', Math.floor(Number.MAX_SAFE_INTEGER / 2)],
  ] as const) {
    await sql('select setval(pg_get_serial_sequence($1, $2), $3)', [table, column, max - 450]);
  }
});

const text = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\u0001', '\u007f', '\u2028', 'Ё', '𝔸', 'x'), minLength: 1 }),
  )
  .filter((value) => !value.includes('\0'));
const time = fc.option(
  fc.date({ min: new Date('1900-01-01T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true }),
);
const hours = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }));
const data = fc.record({
  label: text,
  login: text,
  name: fc.option(text),
  column: text,
  project: text,
  links: fc.array(
    fc.record({
      type: fc.nat(),
      isInward: fc.boolean(),
      title: text,
      isOpen: fc.boolean(),
      color: text,
      closedAt: time,
      startedAt: time,
      dueAt: time,
      spent: hours,
      estimated: hours,
      isAssigned: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
});
const id = fc.oneof(fc.integer(), text);

test('getAllTaskLinks returns the bytes of JSON.stringify, alone and in a batch', async () => {
  await fc.assert(
    fc.asyncProperty(data, id, async (given, callId) => {
      const { org, task, links } = await givenTaskWithLinks(given);
      const application = await givenApplication(db(), org);
      const post = async (body: string) => {
        const { status, text: sent } = await api()
          .request.post(`/kanboard/${org.orgId}/jsonrpc.php`)
          .auth(application.login, application.secret)
          .set('Content-Type', 'application/json')
          .send(body);
        expect(status).toBe(200);
        return sent;
      };
      const call = requestFor('getAllTaskLinks', `,"params":[${task.id}],"id":${JSON.stringify(callId)}`);
      const alone = await post(call);
      const { result } = JSON.parse(alone) as { result: { id: number }[] };
      expect(result).toHaveLength(links.size);
      const expected = JSON.stringify({ jsonrpc: '2.0', result: result.map((one) => links.get(one.id)), id: callId });
      expect(alone).toBe(expected);

      const timezone = requestFor('getTimezone', ',"id":"Ё"');
      expect(await post(`[${call},${timezone},${requestFor('getTimezone', '')},${call}]`)).toBe(
        `[${expected},{"jsonrpc":"2.0","result":"UTC","id":"Ё"},${expected}]`,
      );
    }),
    { numRuns: RUNS },
  );
});

type GivenData = typeof data extends fc.Arbitrary<infer Value> ? Value : never;

/** A task in an organisation of its own, and what is to be shown of its links, by the id of its views. */
async function givenTaskWithLinks({ label, login, name, column, project, links }: GivenData): Promise<{
  readonly org: GivenOrganisation;
  readonly task: GivenIssue;
  readonly links: ReadonlyMap<number, object>;
}> {
  const org = await givenOrganisation(db(), { profile: 'kanboard', language: 'en' });
  const { orgId } = org;
  const assignee = await givenUser(db(), orgId);
  const queue = await givenQueue(db(), org);
  // Nothing of this organisation is cached yet.
  await sql('update labels set label = label || $2 where org_id = $1', [orgId, label]);
  await sql('update users set login = $3, display = $4 where org_id = $1 and user_id = $2', [
    ...[orgId, assignee.id],
    ...[login, name],
  ]);
  await sql('update columns set title = $3 where org_id = $1 and queue_id = $2', [orgId, queue.id, column]);
  await sql('update queues set name = $3 where org_id = $1 and queue_id = $2', [orgId, queue.id, project]);
  const types = await sql<{ link_type_id: string; inward: string; outward: string }>(
    `select link_type_id, inward.label as inward, outward.label as outward
    from link_types
    join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
    join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
    where link_types.org_id = $1`,
    [orgId],
  );
  const task = await givenIssue(db(), org, queue.key);
  const shown = new Map<number, object>();
  for (const link of links) {
    const other = await givenIssue(db(), org, queue.key, { summary: link.title });
    await sql(
      `update issues set is_open = $3, color = $4, closed_at = $5, started_at = $6, due_at = $7, time_spent = $8,
        time_estimated = $9, assignee_id = $10
      where org_id = $1 and issue_id = $2`,
      [
        ...[orgId, other.id, link.isOpen, link.color],
        ...[link.closedAt, link.startedAt, link.dueAt].map((moment) => moment?.toISOString()),
        ...[link.spent, link.estimated, link.isAssigned ? assignee.id : null],
      ],
    );
    const [inward, outward] = link.isInward ? [task, other] : [other, task];
    const type = types[link.type % types.length] as (typeof types)[number];
    const linkId = await givenLink(db(), org, type.link_type_id, inward, outward);
    const viewId = link.isInward ? 2 * linkId - 1 : 2 * linkId;
    shown.set(viewId, {
      id: viewId,
      task_id: other.id,
      label: link.isInward ? type.inward : type.outward,
      title: link.title,
      is_active: link.isOpen ? 1 : 0,
      project_id: queue.id,
      column_id: queue.columns[0],
      color_id: link.color,
      date_completed: link.closedAt && (link.isOpen ? 0 : secondsOf(link.closedAt)),
      date_started: link.startedAt ? secondsOf(link.startedAt) : 0,
      date_due: link.dueAt ? secondsOf(link.dueAt) : 0,
      task_time_spent: link.spent,
      task_time_estimated: link.estimated,
      task_assignee_id: link.isAssigned ? assignee.id : 0,
      task_assignee_username: link.isAssigned ? login : null,
      task_assignee_name: link.isAssigned ? (name ?? '') : null,
      column_title: column,
      project_name: project,
    });
  }
  return { org, task, links: shown };
}

function secondsOf(moment: Date): number {
  return Math.floor(moment.getTime() / 1000);
}

async function sql<Row extends object>(statement: string, values: unknown[]): Promise<Row[]> {
  return await db().query<Row>({ name: '', text: statement, values });
}

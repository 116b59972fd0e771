import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkOrganisation, type Finding } from '../../src/core/check/check.service.ts';
import { texts } from '../../src/texts.ts';
import { type AppInstance, startInstance } from '../support/app-instance.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { unchanged } from '../support/snapshot.ts';
import { useDatabase } from '../support/test-database.ts';

/**
 * Rules are switched while eight writers change links without a pause, through two servers on one database. The writers'
 * links break no rule, so every request must succeed.
 */

const WRITERS = 8;
const ROUNDS = 4;

const database = useDatabase();
const db = () => database().db;
const servers: AppInstance[] = [];

beforeAll(async () => {
  const { connection } = database();
  servers.push(await startInstance(connection), await startInstance(connection));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

interface Given {
  readonly org: GivenOrganisation;
  readonly application: GivenAccount;
  readonly queue: string;
  /** An issue that all writers link to. */
  readonly hub: GivenIssue;
}

const SWITCHES: readonly (readonly [path: string, change: object])[] = [
  ['/organization', { oneLinkPerPair: false }],
  ['/linktypes/depends', { acyclic: false }],
  ['/linktypes/subtask', { single: 'none' }],
  ['/linktypes/relates', { inward: { ru: 'Связана с', en: 'Relates to' } }],
  ['/organization', { oneLinkPerPair: true }],
  ['/linktypes/depends', { acyclic: true, antisymmetric: true }],
  ['/linktypes/subtask', { single: 'inward' }],
];

test('every switch of a rule succeeds beside eight writers, as does every write, and the rules hold', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const given: Given = {
    org,
    queue,
    application: await givenApplication(db(), org),
    hub: await givenIssue(db(), org, queue),
  };
  let isSwitching = true;
  const writes = Array.from({ length: WRITERS }, async (_unused, writer) => {
    let rounds = 0;
    while (isSwitching) {
      await writeLinks(given, writer);
      rounds += 1;
    }
    return rounds;
  });
  const switched: unknown[] = [];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [path, change] of SWITCHES) switched.push(await rest(given, WRITERS + round, 'PATCH', path, change));
    }
  } finally {
    isSwitching = false;
  }

  const rounds = await Promise.allSettled(writes);
  expect(switched).toEqual(SWITCHES.flatMap(() => Array<number>(ROUNDS).fill(200)));
  expect(rounds).toEqual(writes.map(() => ({ status: 'fulfilled', value: expect.any(Number) })));
  const log = servers.flatMap((server) => server.log).filter((line) => /"code":"(40P01|55P03|57014)"/.test(line));
  expect(log).toEqual([]);
  const findings: Finding[] = [];
  await checkOrganisation(db(), org.orgId, (finding) => Promise.resolve(void findings.push(finding)));
  expect(findings).toEqual([]);
});

test('a writer that waits too long for a lock gets 503 with a message of its own, and writes nothing', async () => {
  const org = await givenOrganisation(db(), { language: 'en' });
  const { key: queue } = await givenQueue(db(), org);
  const application = await givenApplication(db(), org);
  const [a, b] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];

  await unchanged(db(), () =>
    db().transaction(async (transaction) => {
      // Only the gate, as a switch that waits for it: a transaction that has locked a row would hold up changelogs.
      const text =
        'select pg_advisory_xact_lock(hashtextextended(org_id, 0))::text from organisations where org_id = $1';
      await transaction.query({ name: '', text, values: [org.orgId] });
      const [response, refused] = await Promise.all([
        fetch(`${servers[0]?.url}/v3/issues/${a.key}/links`, {
          method: 'POST',
          headers: org.admin.headers,
          body: JSON.stringify({ relationship: 'relates', issue: b.key }),
        }),
        rpc(application, 1, 'createTaskLink', [a.id, b.id, 1]),
      ]);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('5');
      expect(await response.json()).toMatchObject({ errorMessages: [texts.contended.en] });
      expect(refused).toMatchObject({ error: { code: 503, data: texts.contended.en } });
      // Readers do not wait.
      const read = await fetch(`${servers[0]?.url}/v3/issues/${a.key}/links`, { headers: org.admin.headers });
      expect([read.status, await read.json()]).toEqual([200, []]);
    }),
  );

  for (const { log } of servers) expect(log.filter((line) => line.includes('"code":"contended"'))).toHaveLength(1);
});

/** Creates, changes and deletes links by every route, each between two issues that no other writer links. */
async function writeLinks(given: Given, writer: number): Promise<void> {
  const { org, application, queue, hub } = given;
  const send = async (method: string, path: string, body?: object) => {
    const answer = await requestJson(given, writer, method, path, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer.body as { id: string };
  };
  const call = async (method: string, ...params: unknown[]) => {
    const answer = await rpc(application, writer, method, params);
    if (!answer.result) throw new Error(`${method}: ${JSON.stringify(answer)}`);
    return answer.result as number;
  };
  const [a, b, c, d] = [
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
  ];
  const toHub = await send('POST', `/issues/${a.key}/links`, { relationship: 'relates', issue: hub.key });
  const chained = await send('POST', `/issues/${a.key}/links`, { relationship: 'depends on', issue: b.key });
  await send('POST', `/issues/${b.key}/links`, { relationship: 'depends on', issue: c.key });
  await send('PATCH', `/issues/${a.key}/links/${chained.id}`, { relationship: 'is dependent by' });
  await send('PATCH', `/issues/${d.key}`, { parent: a.key, summary: 'With a parent' });
  await send('PATCH', `/issues/${d.key}`, { parent: b.key, epic: c.key });
  const view = await call('createTaskLink', a.id, c.id, 2);
  await call('updateTaskLink', view, a.id, c.id, 1);
  await call('removeTaskLink', view);
  await send('DELETE', `/issues/${a.key}/links/${toHub.id}`);
  await send('DELETE', `/issues/${b.key}`);
  const { key } = (await send('POST', '/issues', { queue, summary: 'A child', parent: c.key })) as unknown as {
    key: string;
  };
  await send('DELETE', `/issues/${key}`);
}

async function requestJson(
  { org }: Given,
  client: number,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${servers[client % servers.length]?.url}/v3${path}`, {
    method,
    headers: org.admin.headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

async function rest(given: Given, client: number, method: string, path: string, body: object): Promise<unknown> {
  const { status, body: answer } = await requestJson(given, client, method, path, body);
  return status === 200 ? status : [status, answer];
}

async function rpc({ orgId, login, secret }: GivenAccount, client: number, method: string, params: unknown[]) {
  const response = await fetch(`${servers[client % servers.length]?.url}/kanboard/${orgId}/jsonrpc.php`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}` },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  return (await response.json()) as { result?: unknown };
}

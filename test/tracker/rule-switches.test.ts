import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type AppInstance, startInstance } from '../support/app-instance.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { useDatabase } from '../support/test-database.ts';

/**
 * A rule that is switched on while links are written, through two servers on one database: either it is refused, naming
 * links that break it, or no stored link breaks it.
 */

const ROUNDS = 8;

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
  readonly type: LinkType;
}

interface LinkType {
  readonly id: string;
  readonly inwardPhrase: string;
  readonly outwardPhrase: string;
  readonly inwardLabel: number;
  readonly outwardLabel: number;
}

const SUBTASK = {
  id: 'subtask',
  inwardPhrase: 'is subtask for',
  outwardPhrase: 'is parent task for',
  inwardLabel: 6,
  outwardLabel: 7,
};
const EPIC = {
  id: 'epic',
  inwardPhrase: 'is epic of',
  outwardPhrase: 'has epic',
  inwardLabel: 12,
  outwardLabel: 13,
};

/** Each stores a link of the type from its inward end `a` to its outward end `b`, by another route. */
interface Writer {
  readonly route: string;
  /** The link that it changes. */
  readonly prepare?: (given: Given, a: GivenIssue, b: GivenIssue, spare: GivenIssue) => Promise<number>;
  readonly write: (given: Given, a: GivenIssue, b: GivenIssue, linkId: number) => Promise<number>;
  readonly only?: string;
}

const spareLink: Writer['prepare'] = ({ org, type }, _a, b, spare) => givenLink(db(), org, type.id, spare, b);

const WRITERS: readonly Writer[] = [
  {
    route: 'POST links',
    write: ({ org, type }, a, b) =>
      rest(org, 'POST', `/issues/${a.key}/links`, { relationship: type.inwardPhrase, issue: b.key }),
  },
  {
    route: 'POST links/_import',
    write: ({ org, type }, a, b) =>
      rest(org, 'POST', `/issues/${a.key}/links/_import`, {
        relationship: type.inwardPhrase,
        issue: b.key,
        createdBy: org.admin.login,
        createdAt: '2017-06-11T05:16:01.421+0000',
      }),
  },
  {
    route: 'PATCH links, another issue',
    prepare: spareLink,
    write: ({ org }, a, b, linkId) => rest(org, 'PATCH', `/issues/${b.key}/links/${linkId}`, { issue: a.key }),
  },
  {
    route: 'PATCH links, another relationship',
    prepare: ({ org }, a, b) => givenLink(db(), org, 'relates', a, b),
    write: ({ org, type }, a, _b, linkId) =>
      rest(org, 'PATCH', `/issues/${a.key}/links/${linkId}`, { relationship: type.inwardPhrase }),
  },
  {
    route: 'PATCH parent',
    only: 'subtask',
    write: ({ org }, a, b) => rest(org, 'PATCH', `/issues/${a.key}`, { parent: b.key }),
  },
  {
    route: 'PATCH epic',
    only: 'epic',
    write: ({ org }, a, b) => rest(org, 'PATCH', `/issues/${b.key}`, { epic: a.key }),
  },
  {
    route: 'createTaskLink',
    write: ({ application, type }, a, b) => rpc(application, 'createTaskLink', a.id, b.id, type.inwardLabel),
  },
  {
    route: 'updateTaskLink',
    prepare: spareLink,
    write: ({ application, type }, a, b, linkId) =>
      rpc(application, 'updateTaskLink', 2 * linkId, b.id, a.id, type.outwardLabel),
  },
];

interface Rule {
  readonly path: string;
  readonly change: object;
  /** Stores the link that the writers' link breaks the rule with. */
  readonly conflict: (given: Given, a: GivenIssue, b: GivenIssue, spare: GivenIssue) => Promise<number>;
  /** SQL: the groups of links that break it. */
  readonly broken: string;
  /** Routes that cannot break it. */
  readonly except?: readonly string[];
}

const opposite: Rule['conflict'] = ({ org, type }, a, b) => givenLink(db(), org, type.id, b, a);
const PAIRS = 'group by least(inward_issue_id, outward_issue_id), greatest(inward_issue_id, outward_issue_id)';

const RULES: Readonly<Record<string, Rule>> = {
  acyclic: { path: '/linktypes', change: { acyclic: true }, conflict: opposite, broken: PAIRS },
  antisymmetric: { path: '/linktypes', change: { antisymmetric: true }, conflict: opposite, broken: PAIRS },
  single: {
    path: '/linktypes',
    change: { single: 'inward' },
    conflict: ({ org, type }, a, _b, spare) => givenLink(db(), org, type.id, a, spare),
    broken: 'group by inward_issue_id',
    // They replace the link that the issue has.
    except: ['PATCH parent', 'PATCH epic'],
  },
  oneLinkPerPair: {
    path: '/organization',
    change: { oneLinkPerPair: true },
    conflict: ({ org }, a, b) => givenLink(db(), org, 'depends', a, b),
    broken: PAIRS,
    // A pair with a link to change would have two.
    except: ['PATCH links, another relationship'],
  },
};

test.each([
  ['acyclic', 'subtask', SUBTASK],
  ['acyclic', 'epic', EPIC],
  ['antisymmetric', 'subtask', SUBTASK],
  ['single', 'subtask', SUBTASK],
  ['oneLinkPerPair', 'epic', EPIC],
] as const)(
  '%s is kept by every writer of links from the moment when it is on (%s)',
  async (ruleName, _typeId, type) => {
    const { path, change, conflict, broken, except = [] }: Rule = RULES[ruleName] as Rule;
    const writers = WRITERS.filter(({ route, only }) => !except.includes(route) && (only ?? type.id) === type.id);
    for (let round = 0; round < ROUNDS; round += 1) {
      const given = await givenNoRules(type);
      const { org } = given;
      const { key: queue } = await givenQueue(db(), org);
      const prepared = [];
      for (const writer of writers) {
        const [a, b, spare] = [await issue(org, queue), await issue(org, queue), await issue(org, queue)];
        await conflict(given, a, b, spare);
        // In a place of its own: the spare issue of the conflict may stand in one link alone.
        const linkId = (await writer.prepare?.(given, a, b, await issue(org, queue))) ?? 0;
        prepared.push({ ...writer, a, b, linkId });
      }

      const switchOn = () =>
        rest(org, 'PATCH', path === '/linktypes' ? `${path}/${type.id}` : path, change, (body) => {
          if ('errorMessages' in body) expect(String(body['errorMessages'])).toMatch(/#\d+ Q\w+-\d+ → Q\w+-\d+/);
        });
      const requests = prepared.map(
        ({ write, a, b, linkId }) =>
          () =>
            write(given, a, b, linkId),
      );
      requests.splice(round % (requests.length + 1), 0, switchOn);
      const statuses = await Promise.all(requests.map((send) => send()));
      const [switched] = statuses.splice(round % statuses.length, 1);

      expect([200, 422]).toContain(switched);
      for (const [place, { route, a, b }] of prepared.entries()) {
        const outcome = [route, statuses[place]];
        expect([
          [route, 200],
          [route, 422],
        ]).toContainEqual(outcome);
        expect([...outcome, await isLinked(given, a, b)]).toEqual([...outcome, statuses[place] === 200]);
      }
      const offenders = await query(
        `select from links where org_id = $1 and ($2::text is null or link_type_id = $2) ${broken} having count(*) > 1`,
        org.orgId,
        path === '/linktypes' ? type.id : null,
      );
      if (switched === 200) expect(offenders).toHaveLength(0);
      else expect(offenders.length).toBeGreaterThan(0);
    }
  },
);

/** An organisation in which neither the type nor a pair of issues has a rule. */
async function givenNoRules(type: LinkType): Promise<Given> {
  const org = await givenOrganisation(db());
  const application = await givenApplication(db(), org);
  const none = { acyclic: false, antisymmetric: false, single: 'none' };
  expect(await rest(org, 'PATCH', `/linktypes/${type.id}`, none)).toBe(200);
  expect(await rest(org, 'PATCH', '/organization', { oneLinkPerPair: false })).toBe(200);
  return { org, application, type };
}

const issue = (org: GivenOrganisation, queue: string) => givenIssue(db(), org, queue);

async function isLinked({ org, type }: Given, a: GivenIssue, b: GivenIssue): Promise<boolean> {
  const text =
    'select from links where org_id = $1 and link_type_id = $2 and inward_issue_id = $3 and outward_issue_id = $4';
  return (await query(text, org.orgId, type.id, a.id, b.id)).length > 0;
}

function query(text: string, ...values: unknown[]): Promise<unknown[]> {
  return db().query({ name: '', text, values });
}

let requests = 0;

/** The next request goes to the other server. */
async function send(path: string, method: string, headers: Record<string, string>, body: object): Promise<Response> {
  requests += 1;
  const url = `${servers[requests % servers.length]?.url}${path}`;
  return await fetch(url, { method, headers, body: JSON.stringify(body) });
}

/** 200 for every success. */
async function rest(
  { admin }: GivenOrganisation,
  method: string,
  path: string,
  body: object,
  look: (body: Record<string, unknown>) => void = () => undefined,
): Promise<number> {
  const response = await send(`/v3${path}`, method, admin.headers, body);
  look((await response.json()) as Record<string, unknown>);
  return response.ok ? 200 : response.status;
}

/** The same statuses for a result and for `false`. */
async function rpc({ orgId, login, secret }: GivenAccount, method: string, ...params: unknown[]): Promise<number> {
  const headers = { Authorization: `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}` };
  const response = await send(`/kanboard/${orgId}/jsonrpc.php`, 'POST', headers, {
    jsonrpc: '2.0',
    id: 1,
    method,
    params,
  });
  const body = (await response.json()) as { result?: unknown };
  if (!('result' in body)) return response.status;
  return body.result === false ? 422 : 200;
}

import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';

/** Links of an acyclic type against a model that searches the whole graph for each link. */

const ISSUES = 7;
const TYPES = { depends: 'is dependent by', epic: 'is epic of' } as const;

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let queue: string;

beforeAll(async () => {
  org = await givenOrganisation(db());
  queue = (await givenQueue(db(), org)).key;
  // An issue may have several links of each type.
  await restAs(api(), org.admin).patch('/v3/linktypes/epic', { single: 'none' }).expect(200);
});

interface ModelLink {
  readonly id: number;
  readonly from: number;
  readonly to: number;
}

const issue = fc.nat(ISSUES - 1);
const changes = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('create'), from: issue, to: issue }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('change'), link: fc.nat(), to: issue }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), link: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('switch') }) },
  ),
  { minLength: 10, maxLength: 30 },
);

test.each(['depends', 'epic'] as const)(
  'a link is refused exactly if its pair is linked or it closes a cycle, and all others are in order (%s)',
  async (type) => {
    await fc.assert(
      fc.asyncProperty(changes, async (steps) => {
        const issues = await Promise.all(Array.from({ length: ISSUES }, () => givenIssue(db(), org, queue)));
        const at = (place: number) => issues[place] as GivenIssue;
        const rest = restAs(api(), org.admin);
        let links: ModelLink[] = [];
        for (const step of steps) {
          const link = 'link' in step ? links[step.link % links.length] : undefined;
          if (step.kind === 'create' && 'from' in step) {
            const { from, to } = step;
            const { status, body } = await rest.post(`/v3/issues/${at(from).key}/links`, {
              relationship: TYPES[type],
              issue: at(to).key,
            });
            expect([step, status]).toEqual([step, isRefused(links, from, to) ? 422 : 201]);
            if (status === 201) links.push({ id: body.id, from, to });
          } else if (step.kind === 'change' && 'to' in step && link) {
            const others = links.filter(({ id }) => id !== link.id);
            const isSame = step.to === link.to;
            const { status } = await rest.patch(`/v3/issues/${at(link.from).key}/links/${link.id}`, {
              issue: at(step.to).key,
            });
            expect([step, status]).toEqual([step, !isSame && isRefused(others, link.from, step.to) ? 422 : 200]);
            if (status === 200) links = [...others, { ...link, to: step.to }];
          } else if (step.kind === 'delete' && link) {
            await rest.delete(`/v3/issues/${at(link.from).key}/links/${link.id}`).expect(204);
            links = links.filter(({ id }) => id !== link.id);
          } else if (step.kind === 'switch') {
            await rest.patch(`/v3/linktypes/${type}`, { acyclic: false }).expect(200);
            expect(await countPlaced(type)).toBe(0);
            await rest.patch(`/v3/linktypes/${type}`, { acyclic: true }).expect(200);
          }
          expect(await selectOutOfOrder(type)).toEqual([]);
        }
      }),
      { numRuns: 12 },
    );
  },
);

test('two long chains are joined, also if there is no room between their positions', async () => {
  const [later, earlier]: [GivenIssue[], GivenIssue[]] = [[], []];
  const chains = [later, earlier];
  while (later.length < 151) later.push(await givenIssue(db(), org, queue));
  while (earlier.length < 150) earlier.push(await givenIssue(db(), org, queue));
  const end = later.at(-1) as GivenIssue;
  for (const [place, chain] of chains.entries()) {
    const ids = chain.map(({ id }) => id);
    await run(
      `insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
         is_antisymmetric, is_acyclic, single_end, one_link_per_pair, created_by, updated_by)
       select $1, 'depends', ids[n], ids[n + 1], 'inward', false, true, true, 'none', true, $3, $3
       from (select $2::bigint[] as ids) chain, generate_series(1, cardinality(ids) - 1) n`,
      org.orgId,
      ids,
      org.admin.id,
    );
    await run(
      `insert into topological_order (org_id, link_type_id, issue_id, position)
       select $1, 'depends', id, 2 * n + $3 from unnest($2::bigint[]) with ordinality as chain (id, n)`,
      org.orgId,
      ids,
      place,
    );
  }
  // The last of the later chain directly follows the last of the earlier one.
  expect(await selectOutOfOrder('depends')).toEqual([]);
  const rest = restAs(api(), org.admin);
  const link = (from: GivenIssue | undefined, to: GivenIssue | undefined) =>
    rest.post(`/v3/issues/${from?.key}/links`, { relationship: TYPES.depends, issue: to?.key });

  await link(earlier.at(-1), later.at(0)).expect(201);
  expect(await selectOutOfOrder('depends')).toEqual([]);
  const { body } = await link(end, earlier.at(0)).expect(422);
  expect(body.errorMessages[0]).toContain(`${end.key} → ${earlier.at(0)?.key}`);
  expect(await selectOutOfOrder('depends')).toEqual([]);
});

/** Whether the model refuses a link: to itself, of a pair that is linked, or one that closes a cycle. */
function isRefused(links: readonly ModelLink[], from: number, to: number): boolean {
  const reached = new Set([to]);
  for (const place of reached) for (const link of links) if (link.from === place) reached.add(link.to);
  return reached.has(from) || links.some((link) => link.from === from && link.to === to);
}

async function countPlaced(type: string): Promise<number> {
  return (await run('select from topological_order where org_id = $1 and link_type_id = $2', org.orgId, type)).length;
}

/** The links of the type without the invariant. */
function selectOutOfOrder(type: string): Promise<unknown[]> {
  return run(
    `
      select links.link_id
      from links
      left join topological_order inward on inward.org_id = links.org_id
        and inward.link_type_id = links.link_type_id and inward.issue_id = links.inward_issue_id
      left join topological_order outward on outward.org_id = links.org_id
        and outward.link_type_id = links.link_type_id and outward.issue_id = links.outward_issue_id
      where links.org_id = $1 and links.link_type_id = $2 and (inward.position < outward.position) is not true`,
    org.orgId,
    type,
  );
}

function run(text: string, ...values: unknown[]): Promise<unknown[]> {
  return db().query({ name: '', text, values });
}

import { beforeAll, describe, expect, test } from '@jest/globals';
import { instance } from '@viz-js/viz';
import { SaxesParser } from 'saxes';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { type Rest, restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let queue: string;
let rest: Rest;

beforeAll(async () => {
  org = await givenOrganisation(db(), { language: 'en' });
  queue = (await givenQueue(db(), org)).key;
  rest = restAs(api(), org.admin);
});

const newIssue = (summary = 'An issue') => givenIssue(db(), org, queue, { summary });
const graphOf = async ({ key }: GivenIssue, query = '', as = rest) =>
  (await as.get(`/v3/issues/${key}/links/_graph?${query}`).expect(200)).body as Graph;

interface Graph {
  readonly nodes: readonly { readonly key: string }[];
  readonly edges: readonly { readonly id: number; readonly from: string; readonly to: string }[];
  readonly truncated: boolean;
}

const keysOf = ({ nodes }: Graph) => nodes.map(({ key }) => key);
const arrowsOf = ({ edges }: Graph) => edges.map(({ from, to }) => `${from} ${to}`);
const namesOf = (...issues: readonly GivenIssue[]) => issues.map(({ key }) => key);

describe('the graph as JSON', () => {
  test('has the issues with their statuses, and links from the outward to the inward end', async () => {
    const [parent, child] = [await newIssue('A parent'), await newIssue('A child')];
    const id = await givenLink(db(), org, 'subtask', child, parent);
    const base = `${api().url}/v3`;
    const status = { self: `${base}/statuses/1`, id: '1', key: 'open', display: 'Open' };
    const node = ({ key, hexId }: GivenIssue, display: string) => {
      return { self: `${base}/issues/${key}`, id: hexId, key, display, status };
    };
    expect(await graphOf(child)).toEqual({
      nodes: [node(child, 'A child'), node(parent, 'A parent')],
      edges: [
        {
          id,
          type: { self: `${base}/linktypes/subtask`, id: 'subtask', inward: 'Sub-issue', outward: 'Parent issue' },
          from: parent.key,
          to: child.key,
        },
      ],
      truncated: false,
    });
  });

  test('ends at the depth, at cycles, and at an issue without links', async () => {
    const [a, b, c, d] = [await newIssue(), await newIssue(), await newIssue(), await newIssue()];
    expect(await graphOf(a)).toMatchObject({ nodes: [{ key: a.key }], edges: [], truncated: false });
    await givenLink(db(), org, 'depends', b, a);
    await givenLink(db(), org, 'depends', c, b);
    await givenLink(db(), org, 'depends', a, c);
    await givenLink(db(), org, 'relates', d, c);
    const cycle = [`${a.key} ${b.key}`, `${b.key} ${c.key}`, `${c.key} ${a.key}`];

    expect(keysOf(await graphOf(a, 'depth=0'))).toEqual([a.key]);
    const near = await graphOf(a, 'depth=1');
    expect([keysOf(near), arrowsOf(near)]).toEqual([namesOf(a, b, c), cycle]);
    const all = [namesOf(a, b, c, d), [...cycle, `${c.key} ${d.key}`]];
    for (const query of ['', 'depth=2', 'depth=10']) {
      const far = await graphOf(a, query);
      expect([keysOf(far), arrowsOf(far)]).toEqual(all);
    }
  });

  test('follows only linkTypes, as relationships of each issue to the next, and only from the end in direction', async () => {
    const [top, left, right, below, other] = [
      ...[await newIssue(), await newIssue(), await newIssue()],
      ...[await newIssue(), await newIssue()],
    ] as [GivenIssue, GivenIssue, GivenIssue, GivenIssue, GivenIssue];
    await givenLink(db(), org, 'subtask', left, top);
    await givenLink(db(), org, 'subtask', right, top);
    await givenLink(db(), org, 'subtask', below, left);
    await givenLink(db(), org, 'relates', other, left);
    await givenLink(db(), org, 'depends', right, left);

    const graph = async (issue: GivenIssue, query: string) => keysOf(await graphOf(issue, query));
    expect(await graph(left, 'linkTypes=is parent task for')).toEqual(namesOf(left, below));
    expect(await graph(top, 'linkTypes=is parent task for')).toEqual(namesOf(top, left, right, below));
    expect(await graph(below, 'linkTypes=is-subtask-for')).toEqual(namesOf(below, left, top));
    expect(await graph(left, 'depth=1&linkTypes=RELATES, is subtask for')).toEqual(namesOf(left, top, other));
    expect(await graph(left, 'depth=1&linkTypes=relates&linkTypes=depends on')).toEqual(namesOf(left, right, other));
    expect(await graph(left, 'depth=1&direction=outward')).toEqual(namesOf(left, right, below, other));
    expect(await graph(left, 'depth=1&direction=inward')).toEqual(namesOf(left, top));
    expect(await graph(left, 'direction=inward&linkTypes=is parent task for')).toEqual([left.key]);

    const downward = await graphOf(top, 'linkTypes=is parent task for');
    expect(arrowsOf(downward)).toEqual([
      `${top.key} ${left.key}`,
      `${top.key} ${right.key}`,
      `${left.key} ${below.key}`,
    ]);
  });

  test('refuses unknown values by name', async () => {
    const { key } = await newIssue();
    await unchanged(db(), async () => {
      for (const [name, value] of [
        ['format', 'png'],
        ['direction', 'sideways'],
        ['depth', '11'],
        ['depth', '-1'],
        ['depth', 'two'],
      ] as const) {
        const { status, body } = await rest.get(`/v3/issues/${key}/links/_graph?${name}=${value}`);
        expect([name, value, status, Object.keys(body.errors)]).toEqual([name, value, 400, [name]]);
      }
      const { status, body } = await rest.get(`/v2/issues/${key}/links/_graph?linkTypes=relates,is cousin of`);
      expect([status, body.errorMessages]).toEqual([400, [expect.stringContaining('"is cousin of"')]]);
    });
  });

  test('names issues and links in the language of the request', async () => {
    const issue = await newIssue();
    await givenLink(db(), org, 'subtask', issue, await newIssue());
    const path = `/v2/issues/${issue.key}/links/_graph`;
    const { body } = await rest.get(path).set('Accept-Language', 'ru').expect(200);
    expect(body.nodes[0]).toMatchObject({ self: `${api().url}/v2/issues/${issue.key}`, status: { display: 'Открыт' } });
    expect(body.edges[0].type).toMatchObject({ inward: 'Подзадача', outward: 'Родительская задача' });
  });
});

describe('issues that the user may not see', () => {
  let insider: GivenUser;
  let closed: string;

  beforeAll(async () => {
    insider = await givenUser(db(), org.orgId);
    closed = (await givenQueue(db(), org, [insider])).key;
  });

  test('are left out, and nothing is found through them', async () => {
    const [near, far, secret] = [await newIssue(), await newIssue(), await givenIssue(db(), org, closed)];
    await givenLink(db(), org, 'relates', near, secret);
    await givenLink(db(), org, 'relates', secret, far);
    const graph = await graphOf(near, 'depth=10');
    expect([keysOf(graph), graph.edges, graph.truncated]).toEqual([[near.key], [], false]);

    const seen = await graphOf(near, 'depth=10', restAs(api(), insider));
    expect(keysOf(seen)).toEqual(namesOf(near, secret, far));
    await rest.get(`/v3/issues/${secret.key}/links/_graph`).expect(404);
  });

  test('do not count', async () => {
    const hub = await newIssue();
    await givenStar(hub, 999);
    await givenStar(hub, 20, closed);
    const graph = await graphOf(hub);
    expect([graph.nodes.length, graph.edges.length, graph.truncated]).toEqual([1000, 999, false]);
    const seen = await graphOf(hub, '', restAs(api(), insider));
    expect([seen.nodes.length, seen.edges.length, seen.truncated]).toEqual([1000, 999, true]);
  });
});

describe('a graph that is too large', () => {
  test('has the 1000 issues that are nearest and oldest, and says so in each format', async () => {
    const hub = await newIssue();
    await givenStar(hub, 1001);
    const graph = await graphOf(hub, 'depth=10');
    expect([graph.nodes.length, graph.edges.length, graph.truncated]).toEqual([1000, 999, true]);
    const numbers = keysOf(graph).map((key) => Number(key.split('-')[1]));
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    const text = texts.graphTruncated('1000').en;
    expect(await contentOf(hub, 'dot')).toContain(text);
    expect(await contentOf(hub, 'mermaid')).toContain(text);
    const { nodes, texts: drawnTexts } = parsedXml(await contentOf(hub, 'svg'));
    expect([nodes.filter(({ name }) => name === 'a').length, drawnTexts.at(-1)]).toEqual([1000, text]);
  });

  test('has the 5000 oldest links', async () => {
    const hub = await newIssue();
    const ids = await givenStar(hub, 101);
    const [{ count } = { count: 0 }] = await db().query<{ count: number }>({
      name: '',
      text: `with made as (${LINKS_BETWEEN} returning 1) select count(*) from made`,
      values: [org.orgId, org.admin.id, ids],
    });
    expect(count).toBe(5050);
    const graph = await graphOf(hub, 'depth=1');
    expect([graph.nodes.length, graph.edges.length, graph.truncated]).toEqual([102, 5000, true]);
  });
});

/** Links each pair of the issues. */
const LINKS_BETWEEN = `
  insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
    is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by)
  select org_id, link_type_id, near, far, 'inward', is_symmetric, is_antisymmetric, is_acyclic, single_end,
    shares_label, one_link_per_pair, $2, $2
  from link_types
  join organisations using (org_id)
  cross join unnest($3::bigint[]) as near
  cross join unnest($3::bigint[]) as far
  where org_id = $1 and link_type_id = 'relates' and near < far`;

/** Creates issues that are linked with the hub; returns their ids. */
async function givenStar(hub: GivenIssue, count: number, inQueue = queue): Promise<number[]> {
  const rows = await db().query<{ issue_id: number }>({
    name: '',
    text: `
      with numbers as (
        update queues set last_issue_number = last_issue_number + $4 where org_id = $1 and key = $3 returning *
      ), made as (
        insert into issues (org_id, key, queue_id, summary, issue_type_id, priority_id, status_id, created_by, updated_by)
        select $1, key || '-' || last_issue_number - number, queue_id, 'A far issue', default_issue_type_id,
          default_priority_id, 1, $2, $2
        from numbers cross join generate_series(0, $4::integer - 1) as number
        order by number desc
        returning issue_id
      ), linked as (
        insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
          is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by)
        select org_id, link_type_id, $5, issue_id, 'inward', is_symmetric, is_antisymmetric, is_acyclic, single_end,
          shares_label, one_link_per_pair, $2, $2
        from link_types join organisations using (org_id) cross join made
        where org_id = $1 and link_type_id = 'relates'
      )
      select issue_id from made`,
    values: [org.orgId, org.admin.id, inQueue, count, hub.id],
  });
  return rows.map(({ issue_id }) => issue_id);
}

async function contentOf({ key }: GivenIssue, format: string): Promise<string> {
  const response = await rest.get(`/v3/issues/${key}/links/_graph?format=${format}`).buffer(true).expect(200);
  return Buffer.isBuffer(response.body) ? response.body.toString() : response.text;
}

describe('pictures', () => {
  const HOSTILE = [
    'He said "no" & left <b>bold</b>',
    `</title></text></a></svg><script>alert('1')</script>`,
    'back\\slash \\N \\n and &lt; entity \\',
    '%%{init: {}}%% `code` #quot; style:#fff; end',
    'a\u0001b\ttab\nline\u202eright',
    '😀'.repeat(40),
  ];
  const shown = (text: string) => text.replaceAll(/\s+/g, ' ');
  let hub: GivenIssue;
  let far: readonly GivenIssue[];

  beforeAll(async () => {
    hub = await newIssue('The hub');
    const made: GivenIssue[] = [];
    for (const summary of HOSTILE) {
      const issue = await newIssue(summary);
      made.push(issue);
      await givenLink(db(), org, 'depends', issue, hub);
    }
    await givenLink(db(), org, 'relates', made[0] as GivenIssue, made[1] as GivenIssue);
    far = made;
  });

  test('SVG is well-formed, each issue is a link with a title, and each edge has one', async () => {
    const { nodes, titles } = parsedXml(await contentOf(hub, 'svg'));
    const links = nodes.filter(({ name }) => name === 'a').map(({ attributes }) => attributes['href']);
    expect(links).toEqual(namesOf(hub, ...far).map((key) => `${api().url}/v3/issues/${key}`));
    expect(nodes.map(({ name }) => name)).not.toContain('script');
    const summaries = ['The hub', ...HOSTILE.map((text) => text.replace('\u0001', '\ufffd'))];
    expect(titles).toEqual([
      `Links of ${hub.key}`,
      ...far.map(({ key }) => `${hub.key} Depends on ${key}`),
      `${far[1]?.key} Relates ${far[0]?.key}`,
      ...namesOf(hub, ...far).map((key, place) => `${key}: ${summaries[place]} (Open)`),
    ]);
    // A symmetric link has no arrow.
    expect(nodes.filter(({ attributes }) => attributes['class'] === 'head')).toHaveLength(far.length);
  });

  test('SVG may load and run nothing when it is opened', async () => {
    const response = await rest.get(`/v3/issues/${hub.key}/links/_graph?format=svg`).expect(200);
    expect(response.headers).toMatchObject({
      'content-type': 'image/svg+xml',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; frame-ancestors 'none'$/,
      ),
    });
  });

  test('Graphviz reads DOT as it was meant', async () => {
    const graphviz = await instance();
    const dot = await contentOf(hub, 'dot');
    const { nodes, texts: drawnTexts } = parsedXml(graphviz.renderString(dot, { format: 'svg' }));
    const summaries = ['The hub', ...HOSTILE.map((text) => shown(text.replace('\u0001', '\ufffd')))];
    expect(drawnTexts.filter((text) => text !== 'Depends on' && text !== 'Relates')).toEqual(
      namesOf(hub, ...far).flatMap((key, place) => [key, summaries[place], 'Open']),
    );
    expect(nodes.flatMap(({ attributes }) => attributes['xlink:href'] ?? [])).toEqual(
      namesOf(hub, ...far).map((key) => `${api().url}/v3/issues/${key}`),
    );
    const drawn = graphviz.renderJSON(dot) as {
      edges: { tail: number; head: number; label: string; dir?: string }[];
    };
    expect(drawn.edges.map(({ tail, head, label, dir }) => [tail, head, label, dir])).toEqual(
      expect.arrayContaining([
        [0, 1, 'Depends on', undefined],
        [2, 1, 'Relates', 'none'],
      ]),
    );
    expect(drawn.edges).toHaveLength(far.length + 1);
  });

  test('Mermaid gets every character that it could take for its own by number', async () => {
    const text = await contentOf(hub, 'mermaid');
    const decoded = (label: string) => {
      return label.replaceAll(/#(\d+);/g, (_match, code: string) => String.fromCodePoint(Number(code)));
    };
    const labels = [...text.matchAll(/^ {2}n\d+\["(.*)"\]$/gm)].map(([, label = '']) =>
      label.split('<br>').map(decoded),
    );
    const summaries = ['The hub', ...HOSTILE.map(shown)];
    expect(labels).toEqual(namesOf(hub, ...far).map((key, place) => [key, summaries[place], 'Open']));
    const [header, ...lines] = text.trimEnd().split('\n');
    expect(header).toBe('flowchart LR');
    const label = String.raw`"(?:[\p{L}\p{M}\p{N} .,-]|#\d+;|<br>)+"`;
    const statement = new RegExp(
      `^ {2}(n\\d+\\[${label}\\]|n\\d+ --[->]\\|${label}\\| n\\d+|click n\\d+ href "[^"\\s]+")$`,
      'u',
    );
    expect(lines.filter((line) => !statement.test(line))).toEqual([]);
    expect(lines).toContain('  n0 -->|"Depends on"| n1');
    expect(lines).toContain('  n2 ---|"Relates"| n1');
  });

  test.each([
    ['image/svg+xml', 'image/svg+xml'],
    ['text/vnd.graphviz', 'text/vnd.graphviz; charset=utf-8'],
    ['text/vnd.mermaid', 'text/vnd.mermaid; charset=utf-8'],
    ['image/avif,image/webp,image/svg+xml,image/*;q=0.8,*/*;q=0.5', 'image/svg+xml'],
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/json'],
    ['image/png', 'application/json'],
  ])('Accept: %s selects %s, and the response varies by it', async (accept, type) => {
    const path = `/v3/issues/${hub.key}/links/_graph`;
    const { headers } = await rest.get(path).set('Accept', accept).expect(200);
    expect([headers['content-type'], headers['vary']]).toEqual([type, 'Accept, Accept-Language, Authorization']);
    const chosen = await rest.get(`${path}?format=dot`).set('Accept', accept).expect(200);
    expect([chosen.headers['content-type'], chosen.headers['vary']]).toEqual([
      'text/vnd.graphviz; charset=utf-8',
      'Accept-Language, Authorization',
    ]);
    await rest.get(path).set('Accept', accept).set('If-None-Match', String(headers['etag'])).expect(304);
  });

  test.each(['svg', 'dot', 'mermaid'])('errors are JSON for %s', async (format) => {
    const { headers, body } = await rest.get(`/v3/issues/NONE-1/links/_graph?format=${format}`).expect(404);
    expect([headers['content-type'], body.statusCode]).toEqual(['application/json', 404]);
  });
});

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The elements of a document, and what its titles and texts contain. Throws if it is not well-formed. */
function parsedXml(xml: string): { nodes: Element[]; titles: string[]; texts: string[] } {
  const parser = new SaxesParser();
  const nodes: Element[] = [];
  const contents: Record<string, string[]> = { title: [], text: [] };
  let open: string[] | undefined;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    nodes.push({ name, attributes });
    open = contents[name];
    open?.push('');
  });
  parser.on('closetag', () => {
    open = undefined;
  });
  parser.on('text', (text) => {
    open?.push(`${open.pop() ?? ''}${text}`);
  });
  parser.write(xml).close();
  return { nodes, titles: contents['title'] ?? [], texts: contents['text'] ?? [] };
}

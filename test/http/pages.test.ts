import { beforeAll, describe, expect, test } from '@jest/globals';
import { createLinkType } from '../../src/core/link-types/link-types.service.ts';
import { writeTokenUses } from '../../src/core/tokens/token-uses.ts';
import { createToken, listTokens, revokeToken } from '../../src/core/tokens/tokens.service.ts';
import { createUser, findPerson, getUserId } from '../../src/core/users/users.service.ts';
import { adminTexts } from '../../src/pages/admin-texts.ts';
import { pageTexts } from '../../src/pages/page-texts.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenQueue,
  type GivenUser,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';
import { countStatements } from '../support/statements.ts';

const api = useApi();
const https = useApi({ publicUrl: 'https://links.example' }, () => Promise.resolve(api().database.connection));
/** Behind a proxy that passes on what is below /tracker. */
const prefixed = useApi({ publicUrl: 'https://links.example/tracker' }, () =>
  Promise.resolve(api().database.connection),
);
const db = () => api().database.db;
const CHROME = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const HOSTILE = `</pre></title><script>alert("1")</script> & 'quoted'`;
const ESCAPED =
  '&#60;/pre&#62;&#60;/title&#62;&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;quoted&#39;';
const VIEWER = { userId: 0, role: 'admin', isApplication: true } as const;
const escaped = (text: string) => text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

let org: GivenOrganisation;
let queue: string;
let issue: GivenIssue;
let child: GivenIssue;

beforeAll(async () => {
  org = await givenOrganisation(db(), { language: 'en' });
  queue = (await givenQueue(db(), org)).key;
  issue = await givenIssue(db(), org, queue, { summary: HOSTILE, assignee: org.admin });
  child = await givenIssue(db(), org, queue, { summary: 'A child' });
  const rest = restAs(api(), org.admin);
  await rest.patch(`/v3/issues/${child.key}`, { summary: 'A renamed child', status: 'inProgress' }).expect(200);
  await rest.post(`/v3/issues/${child.key}/links`, { relationship: 'is subtask for', issue: issue.key }).expect(201);
});

const page = (path: string, headers: Record<string, string> = org.admin.headers, at = api()) =>
  at.request.get(path).set('Accept', CHROME).set('Accept-Language', 'en').set(headers);

describe('the page of an issue', () => {
  test('shows the issue, its links by label, the picture, the changelog and the JSON', async () => {
    const { text, headers } = await page(`/${child.key}`).expect(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(text).toContain(`<title>${child.key} A renamed child</title>`);
    expect(text).toContain('<dt>Status</dt><dd><span class="status">In progress</span></dd>');
    expect(text).toContain('<dt>Assignee</dt><dd>nobody</dd>');
    expect(text).toContain(`<h3><span class="key">${child.key}</span> Sub-issue →</h3>`);
    expect(text).toContain(
      `<li><a href="./${issue.key}">${issue.key}</a> <bdi>${ESCAPED}</bdi> <span class="status">Open</span>`,
    );
    expect(text).toContain(`<a href="./${issue.key}"><title>${issue.key}: ${ESCAPED} (Open)</title>`);
    expect(text).toContain('changed fields<ul><li>Summary: <bdi>A child</bdi> → <bdi>A renamed child</bdi></li></ul>');
    expect(text).toContain(`added a link<ul><li>Sub-issue → <a href="./${issue.key}">`);
    const { body } = await restAs(api(), org.admin).get(`/v3/issues/${child.key}`).expect(200);
    expect(text).toContain(`<pre class="json" tabindex="0">${escaped(JSON.stringify(body, undefined, 2))}</pre>`);
    expect(text).not.toContain('<script');
  });

  test('has the same content at the self URL of the API, and where a Kanboard task leads', async () => {
    const withoutVersion = (text: string) => text.replaceAll('/v2/', '/v3/').replaceAll(/(\.\.\/)+/g, './');
    const { text } = await page(`/${issue.key}`).expect(200);
    for (const path of [`/v3/issues/${issue.key}`, `/v2/issues/${issue.key}/`, `/v3/issues/${issue.hexId}`]) {
      expect(withoutVersion((await page(path).expect(200)).text)).toBe(text);
    }
    const rpc = rpcAs(api(), await givenApplication(db(), org));
    const { url } = await rpc.call<{ url: string }>('getTask', issue.id);
    expect((await page(new URL(url).pathname).expect(200)).text).toContain(`<span class="key">${issue.key}</span>`);
  });

  test('is in the language of the reader', async () => {
    const { text } = await page(`/${child.key}`).set('Accept-Language', 'ru,en;q=0.5').expect(200);
    expect(text).toContain('<html lang="ru">');
    expect(text).toContain('<dt>Исполнитель</dt><dd>не назначен</dd>');
    expect(text).toContain('Подзадача →</h3>');
  });

  test('shows nothing that the reader may not see, as if it did not exist', async () => {
    const insider = await givenUser(db(), org.orgId);
    const closed = (await givenQueue(db(), org, [insider])).key;
    const secret = await givenIssue(db(), org, closed, { summary: 'A secret' });
    const open = await givenIssue(db(), org, queue);
    await givenLink(db(), org, 'relates', secret, open);
    const seen = (await page(`/${open.key}`, insider.headers).expect(200)).text;
    expect([seen.includes(secret.key), seen.includes('A secret')]).toEqual([true, true]);
    for (const path of [`/${open.key}`, '/']) {
      const { text } = await page(path).expect(200);
      expect([text.includes(secret.key), text.includes('A secret')]).toEqual([false, false]);
    }
    const [hidden, none] = [await page(`/${secret.key}`).expect(404), await page('/NONE-1').expect(404)];
    expect(hidden.text).toBe(none.text);
    expect(hidden.text).toContain(texts.issueNotFound.en);
  });

  test('needs a token with the scope read', async () => {
    const { token } = await createToken(db(), org.orgId, org.admin.id, { scopes: ['write'] });
    const { text } = await page(`/${issue.key}`, { Authorization: `OAuth ${token}` }).expect(403);
    expect(text).toContain(escaped(texts.scopeMissing('read').en));
    const response = await page(`/${issue.key}`, {}).expect(401);
    expect(response.text).toContain(pageTexts.signInFirst.en);
    expect(response.text).toContain(`<input type="hidden" name="to" value="/${issue.key}">`);
    expect(response.text).not.toContain('quoted');
    // A cookie that the browser withholds, since the link is on another site, must stay.
    expect(response.headers['set-cookie']).toBeUndefined();
  });

  test('shows numbers and people in the changelog', async () => {
    const rest = restAs(api(), org.admin);
    const followed = await givenIssue(db(), org, queue);
    const follower = await givenUser(db(), org.orgId, { display: 'Fay Follower' });
    const changes = { storyPoints: 3, followers: [follower.login] };
    await rest.patch(`/v3/issues/${followed.key}`, changes).expect(200);
    const { text } = await page(`/${followed.key}`).expect(200);
    expect(text).toMatch(/Story points: <span class="quiet">none<\/span> → 3</i);
    expect(text).toMatch(/Followers: <span class="quiet">none<\/span> → <bdi>Fay Follower<\/bdi>/);
  });

  test('shows the first 500 links', async () => {
    const other = await givenOrganisation(db(), { language: 'en' });
    const { key } = await givenQueue(db(), other);
    const hub = await givenIssue(db(), other, key);
    for (let number = 1; number <= 501; number += 1) {
      await givenLink(db(), other, 'relates', hub, await givenIssue(db(), other, key));
    }
    const { text } = await page(`/${hub.key}`, other.admin.headers).expect(200);
    expect(text.match(/<li><a href="\.\//g)).toHaveLength(500);
    expect(text).toContain(pageTexts.linksPart.en);
    expect(text).not.toContain('/links</summary>');
  });
});

describe('programs get JSON as before', () => {
  test.each([
    undefined,
    '*/*',
    'application/json',
    'application/json, text/html',
    'text/html;q=0.5, application/json',
    // Java's HttpURLConnection
    'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
  ])('Accept: %s', async (accept) => {
    const send = (path: string) => {
      const request = api().request.get(path).set(org.admin.headers);
      return accept === undefined ? request.unset('Accept') : request.set('Accept', accept);
    };
    const { headers, body } = await send(`/v3/issues/${issue.key}`).expect(200);
    expect([headers['content-type'], headers['vary'], body.key]).toEqual([
      'application/json',
      'Accept-Language, Authorization',
      issue.key,
    ]);
    const unknown = await send(`/${issue.key}`).expect(404);
    expect([unknown.headers['content-type'], unknown.body.errorMessages]).toEqual([
      'application/json',
      [texts.pathNotFound.ru],
    ]);
    const index = await send('/').expect(200);
    expect([index.headers['content-type'], index.body.name]).toEqual(['application/json', 'issue-links']);
  });
});

describe('/ for programs', () => {
  test('leads to the documentation and the contracts, without credentials', async () => {
    const { body } = await api().request.get('/').expect(200);
    expect(body).toEqual({
      name: 'issue-links',
      version: api().contract.document.info.version,
      docs: `${api().url}/docs`,
      openapi: `${api().url}/openapi.json`,
      openrpc: `${api().url}/openrpc.json`,
    });
    for (const url of [body.docs, body.openapi, body.openrpc]) {
      await api().request.get(new URL(url).pathname).expect(200);
    }
    const head = await api().request.head('/').expect(200);
    expect([head.headers['content-type'], head.headers['vary']]).toEqual(['application/json', 'Accept']);
    expect((await https().request.get('/').expect(200)).body.docs).toBe('https://links.example/docs');
  });

  test('varies by Accept, as for people', async () => {
    const { headers } = await api().request.get('/').set('Accept', 'application/json').expect(200);
    expect(headers['vary']).toBe('Accept');
    expect((await page('/', {}).expect(200)).headers['vary']).toMatch(/^Accept, /);
  });

  test('refuses other methods and invalid hosts', async () => {
    expect((await api().request.options('/').expect(204)).headers['allow']).toBe('GET, HEAD, OPTIONS');
    const { headers: own } = await api().request.options(`/v3/issues/${issue.key}`).expect(204);
    expect(own['allow']).toContain('PATCH');
    for (const method of ['post', 'delete'] as const) {
      const { headers } = await api().request[method]('/').expect(405);
      expect(headers['allow']).toBe('GET, HEAD, OPTIONS');
    }
    for (const accept of ['application/json', CHROME]) {
      await api().request.get('/').set({ Accept: accept, Host: 'a@b' }).expect(400);
    }
  });
});

describe('the page of an issue with many links', () => {
  let many: GivenOrganisation;
  let hub: GivenIssue;
  let lone: GivenIssue;

  const neighboursOf = async (count: number) => {
    const { key } = await givenQueue(db(), many);
    const first = await givenIssue(db(), many, key);
    const others: GivenIssue[] = [];
    for (let place = 0; place < count; place += 1) {
      const other = await givenIssue(db(), many, key);
      await givenLink(db(), many, 'relates', other, first);
      others.push(other);
    }
    return { first, others };
  };
  const pictureOf = async ({ key }: GivenIssue) => {
    const { text } = await page(`/${key}`, many.admin.headers).expect(200);
    return /<svg .*<\/svg>/s.exec(text)?.[0] ?? '';
  };

  beforeAll(async () => {
    many = await givenOrganisation(db(), { language: 'en' });
    hub = (await neighboursOf(101)).first;
    lone = (await neighboursOf(0)).first;
  });

  test('shows 100 issues in its picture, and says so', async () => {
    const picture = await pictureOf(hub);
    expect(picture.match(/<a /g)).toHaveLength(100);
    expect(picture).toContain(texts.graphTruncated('100').en);
  });

  test('shows 300 links in its picture, and says so', async () => {
    const { first, others } = await neighboursOf(25);
    for (const [place, other] of others.entries()) {
      for (const next of others.slice(place + 1)) await givenLink(db(), many, 'relates', other, next);
    }
    const picture = await pictureOf(first);
    expect(picture.match(/class="edge /g)).toHaveLength(300);
    expect(picture).toContain(texts.graphTruncated('26').en);
  });

  test('takes as many statements as that of an issue without links', async () => {
    const count = ({ key }: GivenIssue) => countStatements(db(), () => page(`/${key}`, many.admin.headers).expect(200));
    // The first request fills the caches of the organisation.
    await count(hub);
    expect([await count(lone), await count(hub)]).toEqual([7, 7]);
  });
});

test('the log names what people open', async () => {
  const submit = (path: string) => api().request.post(path).type('form').set('Accept', CHROME);
  await page('/').expect(200);
  await page('/NONE-1').expect(404);
  await page(`/v3/issues/${issue.key}`, {}).expect(401);
  await submit('/sign-in').set('Origin', api().url).send({ token: 'wrong' }).expect(401);
  await submit('/sign-out').expect(403);
  await api().request.get('/docs').expect(200);
  await api().request.get(`/v3/issues/${issue.key}`).set(org.admin.headers).expect(200);
  await api().request.get('/').expect(200);
  const logged = api().log.map((line) => JSON.parse(line) as { msg: string; operation?: string });
  expect(logged.filter(({ msg }) => msg === 'request').map(({ operation }) => operation)).toEqual([
    ...['page', 'page', 'page', 'signIn', 'signOut', 'docs', 'getIssue', undefined],
  ]);
});

describe('the start page', () => {
  test('shows the issues changed last, their links, and commands', async () => {
    const { text } = await page('/').expect(200);
    expect(text).toContain(`You are signed in as ${org.admin.login}.`);
    expect(text).toContain(`<li><a href="./${child.key}">${child.key}</a> <bdi>A renamed child</bdi>`);
    expect(text).toContain(`<title>${issue.key} Parent issue ${child.key}</title>`);
    expect(text).toMatch(/curl -H &#39;Authorization: OAuth TOKEN&#39; http:\S+\/links</);
    for (const path of ['/docs', '/docs/json-rpc', '/admin', '/openapi.yaml', '/openrpc.json'])
      expect(text).toContain(`<a href=".${path}">`);
    expect(text).not.toContain('/sign-out');
  });

  test('of an organisation without issues says so', async () => {
    const { admin } = await givenOrganisation(db());
    expect((await page('/', admin.headers).expect(200)).text).toContain(pageTexts.noIssues.en);
  });
});

test('no page may run scripts, load anything, be framed, or be stored', async () => {
  for (const [path, status] of [
    ['/', 200],
    [`/${issue.key}`, 200],
    ['/NONE-1', 404],
  ] as const) {
    const { headers, text } = await page(path).expect(status);
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(
      /^default-src 'none'; style-src 'sha256-\S{44}' 'sha256-\S{44}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
    );
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
    });
    expect(text).not.toMatch(/<script|<link rel="stylesheet"|style="|javascript:| on\w+=/);
  }
});

const FOREIGN: readonly (readonly [from: string, headers: Readonly<Record<string, string>>])[] = [
  ['another site', { Origin: 'https://evil.example' }],
  ['another port', { Origin: 'http://127.0.0.1:1' }],
  ['a sandbox', { Origin: 'null' }],
  ['nowhere', {}],
  ['a sibling domain', { 'Sec-Fetch-Site': 'same-site' }],
  ['another site by its metadata', { 'Sec-Fetch-Site': 'cross-site' }],
];
const submit = (path: string, form: object, headers: Record<string, string> = { Origin: api().url }, at = api()) =>
  at.request.post(path).type('form').set('Accept', CHROME).set('Accept-Language', 'en').set(headers).send(form);
const cookieOf = (response: { headers: Record<string, unknown> }) => String(response.headers['set-cookie']);

describe('signing in', () => {
  let reader: GivenUser;

  beforeAll(async () => {
    reader = await givenUser(db(), org.orgId);
  });

  test('stores the token in a cookie that scripts and other sites cannot use, and leads back', async () => {
    const response = await submit('/sign-in', { token: ` ${reader.token} `, to: `/${issue.key}` }).expect(303);
    expect(response.headers['location']).toBe(`./${issue.key}`);
    expect(cookieOf(response)).toMatch(/^issue-links=[\w-]+; Path=\/; HttpOnly; SameSite=Strict$/);
    const [Cookie = ''] = cookieOf(response).split(';');
    const { text } = await page(`/${issue.key}`, { Cookie }).expect(200);
    expect(text).toContain(`You are signed in as ${reader.login}.`);
    expect(text).toContain('<form method="post" action="./sign-out">');

    const signedOut = await submit('/sign-out', {}, { Origin: api().url, Cookie }).expect(303);
    expect(cookieOf(signedOut)).toMatch(/^issue-links=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT/);
  });

  test('sends the cookie over HTTPS only if the server is reached so', async () => {
    const response = await submit('/sign-in', { token: reader.token }, { Origin: 'https://links.example' }, https());
    expect([response.status, cookieOf(response)]).toEqual([303, expect.stringContaining('; Secure;')]);
  });

  test('refuses a wrong and an empty token, and forgets a wrong one', async () => {
    for (const [token, message] of [
      ['wrong', texts.tokenUnknown.en],
      ['', pageTexts.tokenEmpty.en],
    ] as const) {
      const { text } = await submit('/sign-in', { token, to: '/X-1' }).expect(401);
      expect(text).toContain(message);
      expect(text).toContain('name="to" value="/X-1"');
    }
    const Cookie = `issue-links=${Buffer.from('token=wrong&organisation=').toString('base64url')}`;
    const response = await page('/', { Cookie }).expect(401);
    expect(cookieOf(response)).toMatch(/^issue-links=;/);
    for (const broken of ['issue-links=%', 'issue-links=', 'other=1; issue-links=e30']) {
      await page(`/${issue.key}`, { Cookie: broken }).expect(401);
    }
  });

  test('ends once the token is revoked', async () => {
    const { id, token } = await createToken(db(), org.orgId, reader.id, { scopes: ['read'] });
    const [Cookie = ''] = cookieOf(await submit('/sign-in', { token }).expect(303)).split(';');
    await page(`/${issue.key}`, { Cookie }).expect(200);
    await revokeToken(db(), org.orgId, id);
    const response = await page(`/${issue.key}`, { Cookie }).expect(401);
    expect(cookieOf(response)).toMatch(/^issue-links=; Path=\/; Expires=Thu, 01 Jan 1970 00:00:00 GMT/);
    expect(response.text).toContain(texts.tokenRevoked.en);
    expect(response.text).toContain(`<input type="hidden" name="to" value="/${issue.key}">`);
    expect((await submit('/sign-in', { token }).expect(401)).text).toContain(texts.tokenRevoked.en);
  });

  test('refuses a form of more than 16 KiB', async () => {
    const formOf = (bytes: number) => ({ token: 'x'.repeat(bytes - 'token='.length) });
    await submit('/sign-in', formOf(16_384)).expect(401);
    const response = await submit('/sign-in', formOf(16_385)).expect(413);
    expect(response.text).toContain(texts.bodyTooLarge.en);
    expect(response.headers['set-cookie']).toBeUndefined();
  });

  test('chooses the organisation for a token that is valid in several', async () => {
    const other = await givenOrganisation(db());
    const value = 'a-token-of-two-organisations';
    await createToken(db(), org.orgId, org.admin.id, { scopes: ['read'], value });
    await createToken(db(), other.orgId, other.admin.id, { scopes: ['read'], value });
    const ambiguous = await submit('/sign-in', { token: value }).expect(403);
    expect(ambiguous.headers['set-cookie']).toBeUndefined();
    expect(ambiguous.text).toContain(texts.organisationAmbiguous.en);
    expect(ambiguous.text).toContain('name="organisation"');
    const response = await submit('/sign-in', { token: value, organisation: other.orgId }).expect(303);
    const [Cookie = ''] = cookieOf(response).split(';');
    expect((await page('/', { Cookie }).expect(200)).text).toContain(`You are signed in as ${other.admin.login}.`);
  });

  test('works below the path of PUBLIC_URL, and keeps the cookie there', async () => {
    const own = { Origin: 'https://links.example' };
    const response = await submit('/sign-in', { token: reader.token, to: `/${issue.key}` }, own, prefixed());
    expect([response.status, response.headers['location']]).toEqual([303, `./${issue.key}`]);
    expect(cookieOf(response)).toMatch(/; Path=\/tracker; HttpOnly; Secure;/);
    const paths = ['/', `/${issue.key}`, `/v3/issues/${issue.key}/`, '/admin', '/admin/users', '/admin/queues/'];
    for (const path of paths) {
      const { text } = await page(path, org.admin.headers, prefixed()).expect(200);
      const urls = [...text.matchAll(/ (?:href|action)="([^"]*)"/g)].map(([, url = '']) => url);
      const resolved = urls.map((url) => new URL(url, `https://links.example/tracker${path}`).pathname);
      expect(urls.filter((url) => url.startsWith('/'))).toEqual([]);
      expect(resolved.length).toBeGreaterThan(5);
      expect(resolved.filter((url) => url !== ',' && !url.startsWith('/tracker'))).toEqual([]);
    }
  });

  test.each(FOREIGN)('refuses a form from %s', async (_from, given) => {
    const headers: Record<string, string> = 'Sec-Fetch-Site' in given ? { Origin: api().url, ...given } : given;
    for (const path of ['/sign-in', '/sign-out']) {
      const response = await submit(path, { token: reader.token }, headers).expect(403);
      expect(response.headers['set-cookie']).toBeUndefined();
      expect(response.text).toContain(pageTexts.formForeign.en);
    }
  });

  test.each(['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/a?b=c'])(
    'never leads to %s',
    async (to) => {
      const { headers } = await submit('/sign-in', { token: reader.token, to }).expect(303);
      expect(headers['location']).toBe('./');
    },
  );

  test('is worth nothing to the APIs: a cookie authorises no request to them', async () => {
    const response = await submit('/sign-in', { token: org.admin.token }).expect(303);
    const [Cookie = ''] = cookieOf(response).split(';');
    await unchanged(db(), async () => {
      const { request } = api();
      await request.get(`/v3/issues/${issue.key}`).set({ Cookie }).expect(401);
      await request.get(`/v3/issues/${issue.key}/links`).set({ Cookie, Accept: CHROME }).expect(401);
      await request.patch(`/v3/issues/${issue.key}`).set({ Cookie, Accept: CHROME }).send({ summary: 'x' }).expect(401);
      const call = { jsonrpc: '2.0', method: 'getMe', id: 1 };
      await request.post(`/kanboard/${org.orgId}/jsonrpc.php`).set({ Cookie }).send(call).expect(401);
    });
  });
});

describe('/admin', () => {
  let office: GivenOrganisation;
  let clerk: GivenUser;
  let board: GivenQueue;

  beforeAll(async () => {
    office = await givenOrganisation(db(), { language: 'en' });
    clerk = await givenUser(db(), office.orgId, { display: HOSTILE });
    board = await givenQueue(db(), office);
  });

  const keyFor = async (headers: Record<string, string>) => {
    const { text } = await page('/admin/users', headers).expect(200);
    return /name="formKey" value="([\w-]+)"/.exec(text)?.[1] ?? '';
  };
  /** Sends a form of the section as the administrator of the office. */
  const send = async (section: string, form: object, { headers } = office.admin) => {
    const whole = { formKey: await keyFor(headers), ...form };
    return await submit(`/admin/${section}`, whole, { ...headers, Origin: api().url });
  };
  const tokenIdOf = async (path: string) => {
    const { text } = await page(path, office.admin.headers).expect(200);
    return Number(/name="tokenId" value="(\d+)"/.exec(text)?.[1]);
  };

  test.each(['', '/users', '/tokens', '/queues', '/linktypes'])(
    '/admin%s is for administrators whose token has the scope admin',
    async (section) => {
      const path = `/admin${section}`;
      const reading = await createToken(db(), office.orgId, office.admin.id, { scopes: ['read', 'write'] });
      const member = await givenUser(db(), office.orgId, { role: 'manager', scopes: ['read', 'write', 'admin'] });
      for (const [token, message] of [
        [member.token, texts.administratorsOnly.en],
        [reading.token, texts.scopeMissing('admin').en],
      ] as const) {
        const { text } = await page(path, { Authorization: `OAuth ${token}` }).expect(403);
        expect(text).toContain(escaped(message));
        expect(text).not.toContain(office.admin.login);
      }
      const { text } = await page(path, {}).expect(401);
      expect(text).toContain(`name="to" value="${path}"`);
      await api().request.get(path).set(office.admin.headers).expect(404);
    },
  );

  test('only administrators can write', async () => {
    const member = await givenUser(db(), office.orgId, { role: 'manager', scopes: ['read', 'write', 'admin'] });
    const form = { act: 'create', login: 'x', role: 'admin', key: 'X', name: 'x', scope: 'read' };
    const formKey = await keyFor(office.admin.headers);
    const Origin = api().url;
    await unchanged(db(), async () => {
      for (const section of ['users', 'tokens', 'queues', 'linktypes']) {
        await submit(`/admin/${section}`, { formKey, ...form }, { Origin, ...member.headers }).expect(403);
        await submit(`/admin/${section}`, { formKey, ...form }, { Origin }).expect(401);
      }
    });
  });

  test('lists users, and creates, disables and enables them and changes their roles', async () => {
    const { headers } = await send('users', {
      ...{ act: 'create', login: 'zoe', name: 'Zoë', email: 'zoe@links.example', role: 'reader', password: '' },
    });
    expect(headers['location']).toBe('?from=zoe&user=&done=');
    const { text } = await page('/admin/users?from=zoe&user=&done=', office.admin.headers).expect(200);
    expect(text).toContain(adminTexts.done.en);
    expect(text).toMatch(/<strong><bdi>Zoë<\/bdi><\/strong>.*<bdi>zoe<\/bdi>, <bdi>zoe@links.example<\/bdi>/);
    const user = String(await getUserId(db(), office.orgId, 'zoe'));
    const stateOf = async () => {
      const found = await findPerson(db(), { ...VIEWER, orgId: office.orgId }, { login: 'zoe' });
      return [found?.role, found?.isActive];
    };
    expect(await stateOf()).toEqual(['reader', true]);
    await send('users', { act: 'set-role', user, role: 'manager' });
    await send('users', { act: 'disable', user });
    expect(await stateOf()).toEqual(['manager', false]);
    expect((await page('/admin/users?from=zoe', office.admin.headers)).text).toContain(adminTexts.disabled.en);
    await send('users', { act: 'enable', user });
    expect(await stateOf()).toEqual(['manager', true]);
  });

  test('shows a new token once, and revokes it', async () => {
    const form = { act: 'create', login: clerk.login, scope: ['read', 'write'], days: '2' };
    const response = await send('tokens', form);
    const [, token = ''] = /<pre tabindex="0">(ilt_[\w-]{43})<\/pre>/.exec(response.text) ?? [];
    expect([response.status, response.headers['cache-control']]).toEqual([201, 'no-store']);
    const headers = { Authorization: `OAuth ${token}` };
    await api().request.get('/v3/myself').set(headers).expect(200);
    await writeTokenUses(api().database.db);

    const path = `/admin/tokens?user=${clerk.login}`;
    const { text } = await page(path, office.admin.headers).expect(200);
    expect(text).not.toContain(token);
    expect(text).not.toContain(`${office.admin.login}</bdi>`);
    expect(text).toMatch(/read, write.*, expires <time.*, last used <time/s);
    const revoked = await send('tokens', { act: 'revoke', tokenId: await tokenIdOf(path) });
    expect(revoked.status).toBe(303);
    await api().request.get('/v3/myself').set(headers).expect(401);
    expect((await page(path, office.admin.headers)).text).toContain(adminTexts.revoked.en);
  });

  test('asks for another token once the one in use is revoked', async () => {
    const { id, token } = await createToken(db(), office.orgId, office.admin.id, { scopes: ['read', 'admin'] });
    const headers = { Authorization: `OAuth ${token}`, 'X-Org-ID': office.orgId };
    expect((await page('/admin/tokens', headers)).text).toContain(adminTexts.inUse.en);
    await send('tokens', { act: 'revoke', tokenId: id }, { ...office.admin, headers });
    expect((await page('/admin/tokens', headers).expect(401)).text).toContain(texts.tokenRevoked.en);
  });

  test('a token that is accepted from this machine only creates others of its kind', async () => {
    const options = { scopes: ['read', 'admin'], loopbackOnly: true } as const;
    const { token } = await createToken(db(), office.orgId, office.admin.id, options);
    const headers = { Authorization: `OAuth ${token}`, 'X-Org-ID': office.orgId };
    const form = { act: 'create', login: clerk.login, scope: 'read' };
    const { text } = await send('tokens', form, { ...office.admin, headers });
    const [, created = ''] = /<pre tabindex="0">(\S+)<\/pre>/.exec(text) ?? [];
    const own = { Authorization: `OAuth ${created}` };
    await api().request.get('/v3/myself').set(own).expect(200);
    await api().request.get('/v3/myself').set(own).set('Host', 'links.example').expect(401);
  });

  test('a new token has no scope that the creating one lacks, and expires no later', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000);
    const { token } = await createToken(db(), office.orgId, office.admin.id, { scopes: ['read', 'admin'], expiresAt });
    const headers = { Authorization: `OAuth ${token}`, 'X-Org-ID': office.orgId };
    const member = await givenUser(db(), office.orgId);
    const create = (form: object) =>
      send('tokens', { act: 'create', login: member.login, ...form }, { ...office.admin, headers });
    await unchanged(db(), async () => {
      const { status, text } = await create({ scope: ['read', 'write'] });
      expect([status, text]).toEqual([403, expect.stringContaining(escaped(texts.scopeMissing('write').en))]);
      expect(text).not.toContain('name="scope" value="write"');
    });
    for (const days of ['', '30']) expect((await create({ scope: 'read', days })).status).toBe(201);
    const created = (await listTokens(db(), office.orgId)).filter(({ login }) => login === member.login).slice(1);
    expect(created).toMatchObject([
      { scopes: ['read'], expiresAt },
      { scopes: ['read'], expiresAt },
    ]);
  });

  test('shows a new token even if the list cannot be shown, and records that it was created', async () => {
    const { orgId, admin } = await givenOrganisation(db(), { language: 'en' });
    await createToken(db(), orgId, admin.id, { scopes: ['read'] });
    const text = `update tokens set created_at = 'infinity' where org_id = $1`;
    await db().query({ name: '', text, values: [orgId] });
    const response = await send('tokens', { act: 'create', login: admin.login, scope: 'read' }, admin);
    const [, token = ''] = /<pre tabindex="0">(ilt_[\w-]{43})<\/pre>/.exec(response.text) ?? [];
    expect(response.status).toBe(201);
    await api().request.get('/v3/myself').set('Authorization', `OAuth ${token}`).expect(200);
    const entries = api().log.map((line) => JSON.parse(line) as { audit?: true });
    const { id } = (await listTokens(db(), orgId)).at(-1) ?? {};
    expect(entries.filter(({ audit }) => audit)).toMatchObject([
      { action: 'tokens create', outcome: 'done', on: { login: admin.login, tokenId: id } },
    ]);
  });

  test('lists the tokens of a login, not of the user with that uid', async () => {
    const { uid } = (await findPerson(db(), { ...VIEWER, orgId: office.orgId }, { login: clerk.login })) ?? {};
    const userId = await createUser(db(), office.orgId, { login: String(uid), role: 'member' });
    const { id } = await createToken(db(), office.orgId, userId, { scopes: ['read'] });
    expect(await tokenIdOf(`/admin/tokens?user=${uid}`)).toBe(id);
  });

  test('lists queues, and creates, closes and reopens them', async () => {
    const { headers } = await send('queues', { act: 'create', key: 'ZEBRA', name: HOSTILE });
    expect(headers['location']).toBe('?from=ZEBRA&user=&done=');
    const shown = async () => (await page('/admin/queues?from=ZEBRA', office.admin.headers).expect(200)).text;
    const [, queue] = /name="queue" value="(\d+)"/.exec(await shown()) ?? [];
    expect(await shown()).not.toContain(adminTexts.closed.en);
    await send('queues', { act: 'close', queue });
    expect(await shown()).toContain(adminTexts.closed.en);
    await send('queues', { act: 'reopen', queue });
    expect(await shown()).not.toContain(adminTexts.closed.en);
  });

  test('changes the rules of link types, and counts their links', async () => {
    const one = await givenIssue(db(), office, board.key);
    const other = await givenIssue(db(), office, board.key);
    await givenLink(db(), office, 'depends', one, other);
    const path = '/admin/linktypes?from=depends';
    const { text } = await page(path, office.admin.headers).expect(200);
    expect(text).toMatch(/<strong>depends<\/strong>.*links: 1</s);
    const { body } = await restAs(api(), office.admin).get('/v3/linktypes/depends').expect(200);
    const form = { act: 'set-rules', type: 'depends', version: body.version, single: 'inward' };
    expect((await send('linktypes', { ...form, acyclic: 'on' })).status).toBe(303);
    const changed = await restAs(api(), office.admin).get('/v3/linktypes/depends').expect(200);
    expect(changed.body).toMatchObject({ antisymmetric: false, acyclic: true, single: 'inward' });

    await unchanged(db(), async () => {
      const stale = await send('linktypes', form);
      expect([stale.status, stale.text]).toEqual([412, expect.stringContaining(escaped(texts.staleVersion.en))]);
    });
    for (const end of [1, 2]) {
      const third = await givenIssue(db(), office, board.key, { summary: `End ${end}` });
      await givenLink(db(), office, 'subtask', third, other);
    }
    const { body: subtask } = await restAs(api(), office.admin).get('/v3/linktypes/subtask').expect(200);
    await unchanged(db(), async () => {
      const single = subtask.single === 'outward' ? 'inward' : 'outward';
      const broken = await send('linktypes', { ...form, type: 'subtask', version: subtask.version, single });
      expect([broken.status, broken.text]).toEqual([422, expect.stringContaining('role="alert"')]);
    });
  });

  const REFUSED: readonly (readonly [string, string, () => object, number, string])[] = [
    ['users', 'a taken login', () => ({ act: 'create', login: clerk.login, role: 'member' }), 409, ''],
    [
      'users',
      'a login with a colon',
      () => ({ act: 'create', login: 'a:b', role: 'member' }),
      400,
      texts.loginInvalid.en,
    ],
    [
      'users',
      'a short password',
      () => ({ act: 'create', login: 'c', role: 'member', password: '12345' }),
      400,
      'password: ',
    ],
    ['users', 'an unknown role', () => ({ act: 'set-role', user: clerk.id, role: 'king' }), 400, texts.formInvalid.en],
    ['users', 'an unknown user', () => ({ act: 'set-role', user: '0', role: 'member' }), 404, texts.userUnknown.en],
    [
      'users',
      'the user of another organisation',
      () => ({ act: 'disable', user: org.admin.id }),
      404,
      texts.userUnknown.en,
    ],
    ['users', 'their own account', () => ({ act: 'disable', user: office.admin.id }), 422, texts.ownAccount.en],
    [
      'users',
      'the last administrator',
      () => ({ act: 'set-role', user: office.admin.id, role: 'member' }),
      422,
      texts.lastAdministrator.en,
    ],
    ['tokens', 'an unknown login', () => ({ act: 'create', login: 'nobody', scope: 'read' }), 404, ''],
    [
      'tokens',
      'a login of another organisation',
      () => ({ act: 'create', login: org.admin.login, scope: 'read' }),
      404,
      '',
    ],
    ['tokens', 'the application account', () => ({ act: 'create', login: 'jsonrpc', scope: 'read' }), 404, ''],
    ['tokens', 'no scope', () => ({ act: 'create', login: clerk.login }), 400, 'scope: '],
    [
      'tokens',
      'too many days',
      () => ({ act: 'create', login: clerk.login, scope: 'read', days: '9999' }),
      400,
      'days: ',
    ],
    ['tokens', 'an unknown token', () => ({ act: 'revoke', tokenId: '999999' }), 404, texts.tokenNotFound('999999').en],
    [
      'queues',
      'a key in small letters',
      () => ({ act: 'create', key: 'abc', name: 'x' }),
      400,
      escaped(texts.queueKeyInvalid('abc').en),
    ],
    ['queues', 'a taken key', () => ({ act: 'create', key: board.key, name: 'x' }), 409, 'is taken.'],
    ['queues', 'an empty name', () => ({ act: 'create', key: 'X', name: '' }), 400, texts.queueNameEmpty.en],
    ['queues', 'a long name', () => ({ act: 'create', key: 'X', name: 'x'.repeat(256) }), 400, 'name: '],
    ['linktypes', 'an unknown type', () => ({ act: 'set-rules', type: '\0none', single: 'none' }), 404, ''],
    ['linktypes', 'an unknown end', () => ({ act: 'set-rules', type: 'depends', single: 'both' }), 400, 'single: '],
  ];

  test('a refused action shows the message of the API, and writes nothing', async () => {
    await unchanged(db(), async () => {
      for (const [section, what, form, status, message] of REFUSED) {
        const response = await send(section, form());
        expect([what, response.status]).toEqual([what, status]);
        expect(response.text).toMatch(/<p class="problem" role="alert">(?!<)/);
        expect(response.text).toContain(message);
        // The rest of the section is there, to try again.
        expect(response.text).toContain('name="formKey"');
      }
    });
  });

  test('refuses to revoke a token of another organisation, and to close a queue that others manage', async () => {
    const { id } = await createToken(db(), org.orgId, org.admin.id, { scopes: ['read'] });
    const closed = await givenQueue(db(), office, [clerk]);
    await unchanged(db(), async () => {
      expect((await send('tokens', { act: 'revoke', tokenId: id })).status).toBe(404);
      expect((await send('queues', { act: 'close', queue: closed.id })).status).toBe(404);
      expect((await send('queues', { act: 'explode' })).status).toBe(400);
    });
    const { text } = await page(`/admin/queues?from=${closed.key}`, office.admin.headers).expect(200);
    expect(text).toContain(adminTexts.notManaged.en);
    expect(text).not.toContain(`name="queue" value="${closed.id}"`);
  });

  test('refuses a form from another site', async () => {
    const form = { formKey: await keyFor(office.admin.headers), act: 'create', login: 'mallory', role: 'admin' };
    await unchanged(db(), async () => {
      for (const [from, given] of FOREIGN) {
        const headers = 'Sec-Fetch-Site' in given ? { Origin: api().url, ...given } : given;
        const { status, text } = await submit('/admin/users', form, { ...office.admin.headers, ...headers });
        expect([from, status, text]).toEqual([from, 403, expect.stringContaining(pageTexts.formForeign.en)]);
      }
    });
  });

  test('refuses a form without the key of the reader', async () => {
    const other = await givenUser(db(), office.orgId, { role: 'admin', scopes: ['read', 'admin'] });
    const formKey = await keyFor(office.admin.headers);
    const wrong = [
      undefined,
      '',
      'x'.repeat(formKey.length),
      `${formKey}x`,
      await keyFor(other.headers),
      [formKey, formKey],
    ];
    await unchanged(db(), async () => {
      for (const key of wrong) {
        const response = await send('users', { formKey: key, act: 'create', login: 'mallory', role: 'admin' });
        expect([response.status, response.text]).toEqual([403, expect.stringContaining(pageTexts.formForeign.en)]);
      }
    });
  });

  test('escapes everything that it shows', async () => {
    await createLinkType(
      db(),
      { ...VIEWER, orgId: office.orgId },
      {
        ...{ id: 'hostile', inward: { ru: HOSTILE, en: `${HOSTILE} in` }, outward: { ru: HOSTILE, en: HOSTILE } },
        ...{ antisymmetric: undefined, acyclic: undefined, single: undefined },
      },
    );
    const name = { name: HOSTILE };
    await restAs(api(), office.admin).patch('/v3/organization', name).expect(200);
    const query = `from=${encodeURIComponent('"><script>')}&user=${encodeURIComponent('"><script>')}&done=<script>`;
    for (const path of ['', '/users', '/queues', '/linktypes']) {
      const { text } = await page(`/admin${path}`, office.admin.headers).expect(200);
      expect(text).toContain(ESCAPED);
      expect(text).not.toMatch(/<script| on\w+="|style="/);
      expect((await page(`/admin${path}?${query}`, office.admin.headers).expect(200)).text).not.toContain('<script');
    }
    const given = { act: 'create', login: HOSTILE, name: HOSTILE, email: HOSTILE, days: HOSTILE, key: HOSTILE };
    for (const section of ['users', 'tokens', 'queues']) {
      const { text } = await send(section, { ...given, user: HOSTILE });
      expect(text).toContain(ESCAPED);
      expect(text).not.toContain('<script');
    }
  });

  test('shows 50 rows of many with one statement, and leads to the rest', async () => {
    const { orgId, admin } = await givenOrganisation(db(), { language: 'en' });
    const show = (path: string) => page(path, admin.headers).expect(200);
    const count = async (path: string) => {
      // The first fills the caches. On a busy machine, a server may distrust them for a moment.
      const counts: number[] = [];
      for (let turn = 0; turn < 4; turn += 1) counts.push(await countStatements(db(), () => show(path)));
      return Math.min(...counts);
    };
    const paths = ['/admin/users', '/admin/tokens', '/admin/queues', '/admin/linktypes'];
    const few: number[] = [];
    for (const path of paths) few.push(await count(path));
    const insert = (text: string) => db().query({ name: '', text, values: [orgId, admin.id] });
    await insert(`insert into users (org_id, uid, login, role)
      select $1, 7000 + n, 'u' || to_char(n, 'FM000'), 'member' from generate_series(1, 120) n where $2 <> 0`);
    await insert(`insert into tokens (org_id, user_id, kind, token_hash, scopes)
      select $1, $2, 'oauth', sha256(('t' || n)::bytea), '{read}' from generate_series(1, 120) n`);
    await insert(`insert into queues (org_id, key, name, lead_id, default_issue_type_id, default_priority_id)
      select $1, 'K' || n, 'n', $2, 1, 1 from generate_series(101, 220) n`);
    const many: number[] = [];
    for (const path of paths) many.push(await count(path));
    expect(many).toEqual(few);
    for (const path of ['/admin/users?from=u001', '/admin/tokens', '/admin/queues?from=K101']) {
      const seen: string[] = [];
      for (let url: string | undefined = path; url !== undefined; ) {
        const { text }: { text: string } = await page(url, admin.headers).expect(200);
        const rows = [...text.matchAll(/<li><div><strong>(.*?)<\/strong>/g)].map(([, row = '']) => row);
        expect(rows.length).toBeLessThanOrEqual(50);
        seen.push(...rows);
        const next: string | undefined = /rel="next" href="([^"]+)"/.exec(text)?.[1];
        url = next && `${path.split('?')[0]}${next.replaceAll('&#38;', '&')}`;
      }
      expect(seen.length).toBeGreaterThanOrEqual(120);
      expect(new Set(seen).size).toBe(seen.length);
    }
  });
});

import { beforeAll, describe, expect, test } from '@jest/globals';
import { createToken, revokeToken } from '../../src/core/tokens/tokens.service.ts';
import { pageTexts } from '../../src/pages/page-texts.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
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
const db = () => api().database.db;
const CHROME = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const HOSTILE = `</pre></title><script>alert("1")</script> & 'quoted'`;
const ESCAPED =
  '&#60;/pre&#62;&#60;/title&#62;&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;quoted&#39;';
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
      `<li><a href="/${issue.key}">${issue.key}</a> <bdi>${ESCAPED}</bdi> <span class="status">Open</span>`,
    );
    expect(text).toContain(`<a href="${api().url}/${issue.key}"><title>${issue.key}: ${ESCAPED} (Open)</title>`);
    expect(text).toContain('changed fields<ul><li>Summary: <bdi>A child</bdi> → <bdi>A renamed child</bdi></li></ul>');
    expect(text).toContain(`added a link<ul><li>Sub-issue → <a href="/${issue.key}">`);
    const { body } = await restAs(api(), org.admin).get(`/v3/issues/${child.key}`).expect(200);
    expect(text).toContain(`<pre class="json" tabindex="0">${escaped(JSON.stringify(body, undefined, 2))}</pre>`);
    expect(text).not.toContain('<script');
  });

  test('has the same content at the self URL of the API, and where a Kanboard task leads', async () => {
    const withoutVersion = (text: string) => text.replaceAll('/v2/', '/v3/');
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
    expect(text.match(/<li><a href="/g)).toHaveLength(500);
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
    expect(text).toContain(`<li><a href="/${child.key}">${child.key}</a> <bdi>A renamed child</bdi>`);
    expect(text).toContain(`<title>${issue.key} Parent issue ${child.key}</title>`);
    expect(text).toMatch(/curl -H &#39;Authorization: OAuth TOKEN&#39; http:\S+\/links</);
    for (const path of ['/docs', '/openapi.yaml', '/openrpc.json']) expect(text).toContain(`<a href="${path}">`);
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

describe('signing in', () => {
  let reader: GivenUser;

  beforeAll(async () => {
    reader = await givenUser(db(), org.orgId);
  });

  const submit = (path: string, form: object, headers: Record<string, string> = { Origin: api().url }, at = api()) =>
    at.request.post(path).type('form').set('Accept', CHROME).set('Accept-Language', 'en').set(headers).send(form);
  const cookieOf = (response: { headers: Record<string, unknown> }) => String(response.headers['set-cookie']);

  test('stores the token in a cookie that scripts and other sites cannot use, and leads back', async () => {
    const response = await submit('/sign-in', { token: ` ${reader.token} `, to: `/${issue.key}` }).expect(303);
    expect(response.headers['location']).toBe(`/${issue.key}`);
    expect(cookieOf(response)).toMatch(/^issue-links=[\w-]+; Path=\/; HttpOnly; SameSite=Strict$/);
    const [Cookie = ''] = cookieOf(response).split(';');
    const { text } = await page(`/${issue.key}`, { Cookie }).expect(200);
    expect(text).toContain(`You are signed in as ${reader.login}.`);
    expect(text).toContain('<form method="post" action="/sign-out">');

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

  test.each([
    ['another site', { Origin: 'https://evil.example' }],
    ['another port', { Origin: 'http://127.0.0.1:1' }],
    ['a sandbox', { Origin: 'null' }],
    ['nowhere', {}],
    ['a sibling domain', { 'Sec-Fetch-Site': 'same-site' }],
    ['another site by its metadata', { 'Sec-Fetch-Site': 'cross-site' }],
  ])('refuses a form from %s', async (_from, given) => {
    const headers: Record<string, string> = 'Sec-Fetch-Site' in given ? { Origin: api().url, ...given } : given;
    for (const path of ['/sign-in', '/sign-out']) {
      const response = await submit(path, { token: reader.token }, headers).expect(403);
      expect(response.headers['set-cookie']).toBeUndefined();
      expect(response.text).toContain(pageTexts.signInForeign.en);
    }
  });

  test.each(['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/a?b=c'])(
    'never leads to %s',
    async (to) => {
      const { headers } = await submit('/sign-in', { token: reader.token, to }).expect(303);
      expect(headers['location']).toBe('/');
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

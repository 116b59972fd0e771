import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import type { Response } from 'supertest';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const comment = (user: GivenUser, issue: GivenIssue, body: object, query = '') =>
  as(user).post(`/v2/issues/${issue.key}/comments${query}`, body);
const idsOf = (body: { id: number }[]) => body.map(({ id }) => id);
const linkLines = (response: { headers: Record<string, string> }) => response.headers['link']?.split(', ');

async function givenIssueOf(org: GivenOrganisation, members?: GivenUser[]): Promise<GivenIssue> {
  return await givenIssue(db(), org, (await givenQueue(db(), org, members)).key);
}

const times = async (user: GivenUser, issue: GivenIssue) => {
  const { body } = await as(user).get(`/v2/issues/${issue.key}`).expect(200);
  return { version: body.version, updatedAt: body.updatedAt, updatedBy: body.updatedBy };
};

test.each(['/v2', '/v3'])(
  'POST comments under %s returns the comment, and its self returns the same',
  async (version) => {
    const org = await givenOrganisation(db());
    const writer = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
    const issue = await givenIssueOf(org);

    const { body, headers } = await as(writer)
      .post(`${version}/issues/${issue.hexId}/comments/`, { text: 'Проверьте', summonees: [org.admin.login] })
      .expect(201);

    const base = `${api().url}${version}`;
    expect(headers['location']).toBe(body.self);
    expect(body).toEqual({
      self: `${base}/issues/${issue.key}/comments/${body.id}`,
      id: expect.any(Number),
      longId: expect.stringMatching(/^[0-9a-f]{24}$/),
      text: 'Проверьте',
      createdBy: { self: expect.stringContaining(`${base}/users/`), id: expect.any(String), display: 'Анна Петрова' },
      updatedBy: body.createdBy,
      createdAt: expect.stringMatching(/\+0000$/),
      updatedAt: body.createdAt,
      summonees: [{ self: expect.any(String), id: expect.any(String), display: org.admin.login }],
      version: 1,
      type: 'standard',
      transport: 'internal',
    });
    expect((await as(writer).get(new URL(body.self).pathname).expect(200)).body).toEqual(body);
  },
);

test('a comment updates updatedAt of its issue, but not its version', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const before = await times(org.admin, issue);
  const { body } = await comment(org.admin, issue, { text: 'New' }).expect(201);
  const after = await times(org.admin, issue);
  expect(after).toEqual({ ...before, updatedAt: expect.any(String) });
  expect(after.updatedAt > before.updatedAt).toBe(true);
  expect(after.updatedAt).toBe(body.createdAt);
});

describe('GET comments', () => {
  test('pages by number, with totals and a Link line for each relation', async () => {
    const org = await givenOrganisation(db());
    const issue = await givenIssueOf(org);
    const ids: number[] = [];
    for (const text of ['1', '2', '3', '4', '5']) ids.push((await comment(org.admin, issue, { text })).body.id);

    const whole = await as(org.admin).get(`/v2/issues/${issue.key}/comments`).expect(200);
    expect(idsOf(whole.body)).toEqual(ids);
    const path = `/v2/issues/${issue.key}/comments?perPage=2`;
    const page = await as(org.admin).get(`${path}&page=2`).expect(200);
    expect(idsOf(page.body)).toEqual(ids.slice(2, 4));
    expect(page.headers).toMatchObject({ 'x-total-count': '5', 'x-total-pages': '3' });
    const to = (number: number, rel: string) => `<${api().url}${path}&page=${number}>; rel="${rel}"`;
    const lines = (page as Response & { res: IncomingMessage }).res.headersDistinct['link'];
    expect(lines).toEqual([to(1, 'first'), to(1, 'prev'), to(3, 'next'), to(3, 'last')]);
  });

  test('pages after an id, and Link leads through all of them', async () => {
    const org = await givenOrganisation(db());
    const issue = await givenIssueOf(org);
    const ids: number[] = [];
    for (const text of ['1', '2', '3', '4', '5']) ids.push((await comment(org.admin, issue, { text })).body.id);

    const seen: number[] = [];
    for (let next: string | undefined = `/v3/issues/${issue.key}/comments?perPage=2&id=0`; next !== undefined; ) {
      const page: Response = await as(org.admin).get(next).expect(200);
      expect(page.headers).toMatchObject({ 'x-total-count': '5', 'x-total-pages': '3' });
      seen.push(...idsOf(page.body));
      next = linkLines(page)
        ?.find((line) => line.endsWith('rel="next"'))
        ?.replace(/^<[^/]+\/\/[^/]+([^>]+)>.*$/, '$1');
    }
    expect(seen).toEqual(ids);
    const last = await as(org.admin)
      .get(`/v3/issues/${issue.key}/comments?id=${ids.at(-1) ?? 0}`)
      .expect(200);
    expect(last.body).toEqual([]);
  });

  test('expands HTML and attachments, and refuses other expansions by name', async () => {
    const org = await givenOrganisation(db());
    const issue = await givenIssueOf(org);
    const { body } = await comment(org.admin, issue, { text: 'a < b\n& "c"\n\n<script>' }).expect(201);
    const textHtml = '<p>a &lt; b<br/>&amp; &quot;c&quot;</p><p>&lt;script&gt;</p>';
    const path = `/v2/issues/${issue.key}/comments`;
    for (const [expand, added] of [
      ['html', { textHtml }],
      ['attachments', { attachments: [] }],
      ['html,attachments', { textHtml, attachments: [] }],
      ['all', { textHtml, attachments: [] }],
    ] as const) {
      expect((await as(org.admin).get(`${path}?expand=${expand}`).expect(200)).body).toEqual([{ ...body, ...added }]);
      const one = await as(org.admin).get(`${path}/${body.id}?expand=${expand}`).expect(200);
      expect(one.body).toEqual({ ...body, ...added });
    }
    for (const refusing of [path, `${path}/${body.id}`]) {
      const refused = await as(org.admin).get(`${refusing}?expand=reactions`).expect(400);
      expect(refused.body.errors).toEqual({ expand: texts.expandUnknown('html, attachments, all').ru });
    }
  });
});

describe('PATCH comment', () => {
  test('changes text and summonees, raises the version, and accepts the whole comment back', async () => {
    const org = await givenOrganisation(db());
    const editor = await givenUser(db(), org.orgId);
    const issue = await givenIssueOf(org);
    const { body: before } = await comment(editor, issue, { text: 'Before', summonees: editor.login }).expect(201);
    const path = new URL(before.self).pathname;

    const { body: after } = await as(org.admin).patch(path, { text: 'After' }).expect(200);
    expect(after).toEqual({
      ...before,
      text: 'After',
      version: 2,
      updatedAt: expect.any(String),
      updatedBy: { self: expect.any(String), id: expect.any(String), display: org.admin.login },
    });
    const { body: cleared } = await as(editor).patch(path, { summonees: null }).expect(200);
    expect([cleared.version, cleared.text, cleared.summonees]).toEqual([3, 'After', undefined]);
    await unchanged(db(), async () => {
      expect((await as(editor).patch(path, cleared).expect(200)).body).toEqual(cleared);
    });
  });

  test('refuses a read-only member with another value, an empty text and an unknown summonee', async () => {
    const org = await givenOrganisation(db());
    const { body } = await comment(org.admin, await givenIssueOf(org), { text: 'Text' }).expect(201);
    const path = new URL(body.self).pathname;
    await unchanged(db(), async () => {
      for (const [change, status, field] of [
        [{ createdAt: '2001-01-01T00:00:00.000+0000' }, 422, 'createdAt'],
        [{ version: 7 }, 422, 'version'],
        [{ text: '' }, 400, 'text'],
        [{ text: '  ' }, 422, 'text'],
        [{ summonees: ['nobody'] }, 422, 'summonees'],
        [{ attachmentIds: [1] }, 422, 'attachmentIds'],
      ] as const) {
        const refused = await as(org.admin)
          .patch(path, { text: 'Other', ...change })
          .expect(status);
        expect(Object.keys(refused.body.errors)).toEqual([field]);
      }
    });
  });
});

test('only the author and managers of the queue can change or remove a comment', async () => {
  const org = await givenOrganisation(db());
  const [author, other] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const issue = await givenIssueOf(org);
  const { body } = await comment(author, issue, { text: 'Mine' }).expect(201);
  const path = new URL(body.self).pathname;
  await unchanged(db(), async () => {
    const refused = await as(other).patch(path, { text: 'Yours' }).expect(403);
    expect(refused.body.errorMessages).toEqual([texts.commentForbidden.ru]);
    await as(other).delete(path).expect(403);
  });
  await as(author).patch(path, { text: 'Still mine' }).expect(200);
  await as(org.admin).delete(path).expect(204);
  await as(author).get(path).expect(404);
  await as(author).delete(path).expect(404);
});

test('a comment is not found on another issue, nor on one that the user may not see', async () => {
  const org = await givenOrganisation(db());
  const insider = await givenUser(db(), org.orgId);
  const [closed, open] = [await givenIssueOf(org, [insider]), await givenIssueOf(org)];
  const { body } = await comment(insider, closed, { text: 'Hidden' }).expect(201);
  await unchanged(db(), async () => {
    const elsewhere = `/v2/issues/${open.key}/comments/${body.id}`;
    for (const path of [elsewhere, `/v2/issues/${open.key}/comments/0`, `/v2/issues/${open.key}/comments/x`]) {
      expect((await as(org.admin).get(path).expect(404)).body.errorMessages).toEqual([texts.commentNotFound.ru]);
    }
    await as(insider).patch(elsewhere, { text: 'Moved' }).expect(404);
    await as(insider).delete(elsewhere).expect(404);
    const hidden = await as(org.admin).get(`/v2/issues/${closed.key}/comments`).expect(404);
    expect(hidden.body.errorMessages).toEqual([texts.issueNotFound.ru]);
    await comment(org.admin, closed, { text: 'Blind' }).expect(404);
  });
});

test('a reader reads comments and cannot write any', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const issue = await givenIssueOf(org);
  const { body } = await comment(org.admin, issue, { text: 'For all' }).expect(201);
  expect((await as(reader).get(`/v2/issues/${issue.key}/comments`).expect(200)).body).toEqual([body]);
  await unchanged(db(), async () => {
    await comment(reader, issue, { text: 'No' }).expect(403);
  });
});

test.each([
  ['app-manager', ['admin', 'manager']],
  ['app-admin', ['admin']],
] as const)(
  'a comment with the visibility %s exists only for higher roles and its author',
  async (visibility, roles) => {
    const org = await givenOrganisation(db());
    const author = await givenUser(db(), org.orgId);
    const issue = await givenIssueOf(org);
    const { body } = await comment(author, issue, { text: 'Between us' }).expect(201);
    await db().query({
      name: '',
      text: 'update comments set visibility = $3 where org_id = $1 and comment_id = $2',
      values: [org.orgId, body.id, visibility],
    });
    await db().query({
      name: '',
      text: `update events set changes = jsonb_set(changes, '{comments,0,visibility}', to_jsonb($3::text))
           where org_id = $1 and issue_id = $2 and type = 'IssueCommentAdded'`,
      values: [org.orgId, issue.id, visibility],
    });
    const seenBy = async (user: GivenUser) => {
      const list = await as(user).get(`/v2/issues/${issue.key}/comments`).expect(200);
      const { body: entries } = await as(user).get(`/v2/issues/${issue.key}/changelog`).expect(200);
      expect([list.headers['x-total-count'], entries.length]).toEqual([String(list.body.length), list.body.length]);
      return list.body.length;
    };
    expect(await seenBy(author)).toBe(1);
    for (const role of ['admin', 'manager', 'member', 'reader'] as const) {
      const user = await givenUser(db(), org.orgId, { role });
      const isShown = (roles as readonly string[]).includes(role);
      expect([role, await seenBy(user)]).toEqual([role, isShown ? 1 : 0]);
      await as(user)
        .get(`/v2/issues/${issue.key}/comments/${body.id}`)
        .expect(isShown ? 200 : 404);
    }
  },
);

test('who edited a comment no longer sees in the changelog what it says once it is hidden from them', async () => {
  const org = await givenOrganisation(db());
  const [author, editor] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId, { role: 'admin' })];
  const issue = await givenIssueOf(org);
  const { body } = await comment(author, issue, { text: 'Said' }).expect(201);
  await as(editor).patch(`/v2/issues/${issue.key}/comments/${body.id}`, { text: 'Edited' }).expect(200);
  const run = (text: string, ...values: unknown[]) => db().query({ name: '', text, values: [org.orgId, ...values] });
  await run(
    `update comments set visibility = 'app-admin', text = 'Secret' where org_id = $1 and comment_id = $2`,
    body.id,
  );
  await run(
    `update events set changes = jsonb_set(changes, '{comments,0,visibility}', '"app-admin"')
    where org_id = $1 and issue_id = $2 and changes ? 'comments'`,
    issue.id,
  );
  await run(`update users set role = 'member' where org_id = $1 and user_id = $2`, editor.id);

  const seen = await as(editor).get(`/v2/issues/${issue.key}/changelog`).expect(200);

  expect(JSON.stringify(seen.body)).not.toContain('Secret');
  expect(JSON.stringify((await as(author).get(`/v2/issues/${issue.key}/changelog`)).body)).toContain('Secret');
});

describe('comments/_import', () => {
  const created = { createdAt: '2019-03-04T05:06:07.008+0000' };

  test('keeps the given authors and times, for any user who may edit the issue', async () => {
    const org = await givenOrganisation(db());
    const [member, author] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
    const issue = await givenIssueOf(org);
    const before = await times(member, issue);
    const { body } = await as(member)
      .post(`/v2/issues/${issue.key}/comments/_import`, {
        ...{ text: 'Old', ...created, createdBy: author.login },
        ...{ updatedAt: '2019-03-05T05:06:07Z', updatedBy: member.login },
      })
      .expect(200);
    expect(body).toMatchObject({
      ...{ text: 'Old', ...created, createdBy: { display: author.login } },
      ...{ updatedAt: '2019-03-05T05:06:07.000+0000', updatedBy: { display: member.login } },
    });
    expect(await times(member, issue)).toEqual(before);
    expect((await as(member).get(new URL(body.self).pathname).expect(200)).body).toEqual(body);
  });

  test.each([
    [{ createdBy: 'nobody' }, 422, 'createdBy'],
    [{ createdAt: 'yesterday' }, 400, 'createdAt'],
    [{ createdAt: '2999-01-01T00:00:00.000+0000' }, 422, 'createdAt'],
    [{ updatedAt: '2020-01-01T00:00:00.000+0000' }, 422, 'updatedBy'],
    [{ text: undefined }, 422, 'text'],
  ])('refuses %j, and writes nothing', async (invalid, status, field) => {
    const org = await givenOrganisation(db());
    const issue = await givenIssueOf(org);
    await unchanged(db(), async () => {
      const { body } = await as(org.admin)
        .post(`/v2/issues/${issue.key}/comments/_import`, {
          ...{ text: 'Old', ...created, createdBy: org.admin.login },
          ...invalid,
        })
        .expect(status);
      expect(Object.keys(body.errors)).toEqual([field]);
    });
  });
});

test('the changelog tells of each comment, and no longer what a removed one said', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const { body: kept } = await comment(org.admin, issue, { text: 'Kept' }).expect(201);
  await as(org.admin).patch(new URL(kept.self).pathname, { text: 'Kept on' }).expect(200);
  const { body: removed } = await comment(org.admin, issue, { text: 'Removed' }).expect(201);
  await as(org.admin).delete(new URL(removed.self).pathname).expect(204);

  const { body, text } = await as(org.admin).get(`/v2/issues/${issue.key}/changelog`).expect(200);
  const reference = { self: kept.self, id: String(kept.id), display: 'Kept on' };
  expect(body.map((entry: { type: string; comments: unknown }) => [entry.type, entry.comments])).toEqual([
    ['IssueCommentAdded', { added: [reference] }],
    ['IssueCommentUpdated', { updated: [reference] }],
    ['IssueCommentAdded', { added: [{ id: String(removed.id) }] }],
    ['IssueCommentRemoved', { removed: [{ id: String(removed.id) }] }],
  ]);
  expect(text).not.toContain('"Removed"');
  const one = await as(org.admin).get(`/v2/issues/${issue.key}/changelog?type=IssueCommentRemoved`).expect(200);
  expect(one.body).toHaveLength(1);
});

test('comments go with their issue', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await comment(org.admin, issue, { text: 'Short-lived' }).expect(201);
  await as(org.admin).delete(`/v2/issues/${issue.key}`).expect(204);
  const rows = await db().query({ name: '', text: 'select from comments where org_id = $1', values: [org.orgId] });
  expect(rows).toEqual([]);
});

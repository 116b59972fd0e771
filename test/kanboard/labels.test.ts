import { beforeEach, expect, test } from '@jest/globals';
import type { Profile } from '../../src/core/organisations/defaults.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, type Rpc, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** The Link API: labels (Kanboard contract, sections 5 and 8). */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let rpc: Rpc;
let a: GivenIssue;
let b: GivenIssue;

beforeEach(async () => {
  await givenProfile('kanboard');
});

async function givenProfile(profile: Profile) {
  org = await givenOrganisation(db(), { profile, language: 'en' });
  rpc = rpcAs(api(), await givenApplication(db(), org));
  const { key: queue } = await givenQueue(db(), org);
  a = await givenIssue(db(), org, queue);
  b = await givenIssue(db(), org, queue);
}

const DEFAULTS = [
  { id: 1, label: 'relates to', opposite_id: 0 },
  { id: 2, label: 'blocks', opposite_id: 3 },
  { id: 3, label: 'is blocked by', opposite_id: 2 },
  { id: 4, label: 'duplicates', opposite_id: 5 },
  { id: 5, label: 'is duplicated by', opposite_id: 4 },
  { id: 6, label: 'is a child of', opposite_id: 7 },
  { id: 7, label: 'is a parent of', opposite_id: 6 },
  { id: 8, label: 'targets milestone', opposite_id: 9 },
  { id: 9, label: 'is a milestone of', opposite_id: 8 },
  { id: 10, label: 'fixes', opposite_id: 11 },
  { id: 11, label: 'is fixed by', opposite_id: 10 },
];

test('an organisation starts with eleven labels, and with four more in the profile tracker', async () => {
  expect(await rpc.call('getAllLinks')).toEqual(DEFAULTS);
  await givenProfile('tracker');
  expect(await rpc.call('getAllLinks')).toEqual([
    ...DEFAULTS,
    { id: 12, label: 'is epic of', opposite_id: 13 },
    { id: 13, label: 'has epic', opposite_id: 12 },
    { id: 14, label: 'is cloned by', opposite_id: 15 },
    { id: 15, label: 'is a clone of', opposite_id: 14 },
  ]);
});

test('getLinkById and getLinkByLabel return a label with its fields in order', async () => {
  for (const id of [2, '2', '02', ' 2 ', '+2', 2.0]) {
    const label = await rpc.call<object>('getLinkById', id);
    expect(Object.entries(label)).toEqual([
      ['id', 2],
      ['label', 'blocks'],
      ['opposite_id', 3],
    ]);
  }
  expect(await rpc.call('getLinkByLabel', 'blocks')).toEqual({ id: 2, label: 'blocks', opposite_id: 3 });
});

test.each([...INVALID_IDS, [2], { id: 2 }])('the link methods find no label for %j', async (value) => {
  await unchanged(db(), async () => {
    await expectFailure(rpc, null, 'getLinkById', value);
    await expectFailure(rpc, null, 'getLinkByLabel', value);
    await expectFailure(rpc, false, 'updateLink', value, 0, 'x');
    await expectFailure(rpc, false, 'removeLink', value);
  });
});

test('getOppositeLinkId returns the id of the opposite, or its parameter if there is none', async () => {
  expect(await rpc.call('getOppositeLinkId', 2)).toBe(3);
  expect(await rpc.call('getOppositeLinkId', '2')).toBe(3);
  expect(await rpc.call('getOppositeLinkId', 1)).toBe(1);
  expect(await rpc.call('getOppositeLinkId', '1')).toBe('1');
  expect(await rpc.call('getOppositeLinkId', 9999)).toBe(9999);
});

test('createLink creates one label, or two that are opposites', async () => {
  const alone = await rpc.call('createLink', 'see also');
  expect(await rpc.call('getLinkById', alone)).toEqual({ id: alone, label: 'see also', opposite_id: 0 });
  const first = await rpc.named<number>('createLink', { opposite_label: 'follows', label: 'precedes' });
  expect(await rpc.call('getLinkById', first)).toEqual({ id: first, label: 'precedes', opposite_id: first + 1 });
  expect(await rpc.call('getLinkByLabel', 'follows')).toEqual({ id: first + 1, label: 'follows', opposite_id: first });
});

test('labels are case-sensitive, and may have 1000 characters of any kind', async () => {
  for (const label of ['BLOCKS', 'связано с €/ü "q"', ['🔗'.repeat(999), '€'].join(''), randomText(1000)]) {
    const id = await rpc.call('createLink', label);
    expect(await rpc.call('getLinkByLabel', label)).toEqual({ id, label, opposite_id: 0 });
  }
});

test.each<[string, unknown, unknown]>([
  ['an empty label', '', ''],
  ['null', null, ''],
  ['an array', ['x'], ''],
  ['an object', { x: 1 }, ''],
  ['a boolean', true, ''],
  ['U+0000', 'a\0b', ''],
  ['1001 characters', 'x'.repeat(1001), ''],
  ['an opposite of 1001 characters', 'new', 'x'.repeat(1001)],
  ['an array as the opposite', 'new', ['x']],
  ['two equal labels', 'same', 'same'],
  ['a taken label', 'blocks', ''],
  ['a taken label and a new opposite', 'blocks', 'new'],
])('createLink with %s returns false, and writes nothing', async (_description, label, opposite) => {
  await expectFailure(rpc, false, 'createLink', label, opposite);
});

test('updateLink changes the text and the opposite of one label only', async () => {
  const first = await rpc.call<number>('createLink', 'precedes', 'follows');
  expect(await rpc.call('updateLink', first, 0, 'comes before')).toBe(true);
  expect(await rpc.call('getLinkById', first)).toEqual({ id: first, label: 'comes before', opposite_id: 0 });
  expect(await rpc.call('getLinkById', first + 1)).toEqual({ id: first + 1, label: 'follows', opposite_id: first });
  expect(await rpc.named('updateLink', { link_id: first, opposite_link_id: first, label: 'comes before' })).toBe(true);
  expect(await rpc.call('getLinkById', first)).toEqual({ id: first, label: 'comes before', opposite_id: first });
});

test.each<[string, unknown, unknown]>([
  ['an empty label', 0, ''],
  ['a taken label', 0, 'blocks'],
  ['null for the label', 0, null],
  ['1001 characters', 0, 'x'.repeat(1001)],
  ['a string for the opposite', 'abc', 'relates to'],
  ['null for the opposite', null, 'relates to'],
  ['a negative opposite', -1, 'relates to'],
])('updateLink with %s returns false, and writes nothing', async (_description, opposite, label) => {
  await expectFailure(rpc, false, 'updateLink', 1, opposite, label);
});

test('section 8.5: updateLink returns false for a missing label and for a missing opposite', async () => {
  await expectFailure(rpc, false, 'updateLink', 9999, 1, 'ghost');
  await expectFailure(rpc, false, 'updateLink', 1, 9999, 'relates to');
  await expectFailure(rpc, false, 'updateLink', 1, 2 ** 40, 'relates to');
});

test('section 8.4: createLink with a taken opposite label returns false and stores nothing', async () => {
  await expectFailure(rpc, false, 'createLink', 'newlabel', 'blocks');
  await expectFailure(rpc, null, 'getLinkByLabel', 'newlabel');
});

test('section 8.3: removeLink removes both views of the links with the label, and leaves its opposite without one', async () => {
  const view = await rpc.call<number>('createTaskLink', a.id, b.id, 8);
  const kept = await rpc.call<number>('createTaskLink', a.id, b.id, 2);
  expect(await rpc.call('removeLink', 8)).toBe(true);
  expect(await rpc.call('getTaskLinkById', view)).toBeNull();
  expect(await rpc.call('getTaskLinkById', view + 1)).toBeNull();
  expect(await rpc.call('getAllTaskLinks', a.id)).toMatchObject([{ id: kept }]);
  expect(await rpc.call('getAllTaskLinks', b.id)).toMatchObject([{ id: kept + 1 }]);
  expect(await rpc.call('getLinkById', 9)).toEqual({ id: 9, label: 'is a milestone of', opposite_id: 0 });
  await expectFailure(rpc, false, 'removeLink', 8);
});

test('removeLink adds an entry to the changelogs of the issues whose links it removes', async () => {
  await rpc.call('createTaskLink', a.id, b.id, 8);
  await rpc.call('removeLink', 9);
  for (const { key } of [a, b]) {
    const { body } = await api().request.get(`/v2/issues/${key}/changelog`).set(org.admin.headers);
    expect(body.map(({ type }: { type: string }) => type)).toEqual(['IssueLinked', 'IssueUnlinked']);
  }
});

test('in the profile tracker the labels of built-in types cannot be changed, and others can', async () => {
  await givenProfile('tracker');
  await unchanged(db(), async () => {
    for (const id of [1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15]) {
      await expectFailure(rpc, false, 'updateLink', id, 0, 'other');
      await expectFailure(rpc, false, 'removeLink', id);
    }
  });
  expect(await rpc.call('updateLink', 8, 9, 'aims at')).toBe(true);
  expect(await rpc.call('removeLink', 9)).toBe(true);
});

test('in the profile kanboard every label can be changed and removed', async () => {
  for (const { id, label } of DEFAULTS) {
    expect(await rpc.call('updateLink', id, 0, `${label}!`)).toBe(true);
    expect(await rpc.call('removeLink', id)).toBe(true);
  }
  expect(await rpc.call('getAllLinks')).toEqual([]);
  const id = await rpc.call<number>('createLink', 'relates to');
  expect(id).toBeGreaterThan(11);
});

test('the Tracker API names links by the current texts of their labels', async () => {
  const label = await rpc.call<number>('createLink', 'precedes', 'follows');
  await rpc.call('createTaskLink', a.id, b.id, label);
  const typeOf = async () =>
    (await api().request.get(`/v2/issues/${a.key}/links`).set(org.admin.headers)).body[0].type as object;
  expect(await typeOf()).toMatchObject({ id: 'precedes', inward: 'precedes', outward: 'follows' });
  await rpc.call('updateLink', label, label + 1, 'comes before');
  expect(await typeOf()).toMatchObject({ id: 'precedes', inward: 'comes before', outward: 'follows' });
  await rpc.call('updateLink', 2, 3, 'hinders');
  const types = await api().request.get('/v2/linktypes').set(org.admin.headers);
  expect(types.body).toContainEqual(
    expect.objectContaining({ id: 'depends', inward: 'hinders', outward: 'Depends on' }),
  );
});

test('only administrators can call the link methods; others get 403 before the parameters are checked', async () => {
  const calls: [string, ...unknown[]][] = [
    ['getAllLinks'],
    ['getLinkById', 1],
    ['getLinkById'],
    ['getLinkByLabel', 'blocks'],
    ['getOppositeLinkId', 2],
    ['createLink', 'x'],
    ['updateLink', 1, 0, 'x'],
    ['removeLink', 1],
  ];
  for (const role of ['manager', 'member', 'reader'] as const) {
    const user = rpcAs(api(), await givenAccount(db(), org, role));
    await unchanged(db(), async () => {
      for (const [method, ...params] of calls) await expectForbidden(user, method, ...params);
    });
  }
  const admin = rpcAs(api(), await givenAccount(db(), org, 'admin'));
  expect(await admin.call('getLinkById', 1)).toEqual(DEFAULTS[0]);
});

test('labels of another organisation are not found', async () => {
  const label = await rpc.call('createLink', 'only here');
  const other = rpcAs(api(), await givenApplication(db(), await givenOrganisation(db(), { profile: 'kanboard' })));
  expect(await other.call('getLinkById', label)).toBeNull();
  expect(await other.call('getLinkByLabel', 'only here')).toBeNull();
  expect(await other.call('createLink', 'only here')).toBe(label);
});

test('of concurrent calls that create the same label one succeeds', async () => {
  const results = await Promise.all(Array.from({ length: 12 }, () => rpc.call('createLink', 'left', 'right')));
  expect(results.filter((result) => result !== false)).toHaveLength(1);
  expect(await rpc.call<unknown[]>('getAllLinks')).toHaveLength(13);
});

/** A string that does not compress well, so that an index on it would be too large. */
function randomText(length: number): string {
  return Array.from({ length }, () => String.fromCodePoint(0x4e00 + Math.floor(Math.random() * 20_000))).join('');
}

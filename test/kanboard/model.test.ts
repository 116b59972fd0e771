import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import supertest from 'supertest';
import { useApi } from '../support/api.ts';
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
import { LinkModel, type ModelLink } from './link-model.ts';

/**
 * Random sequences of changes through both APIs. Each change must return what the model predicts, and after it both APIs
 * must show the links of the model. At the end of a sequence, so must a
 * second server. MODEL_RUNS=5000 runs more sequences than CI does.
 */

const RUNS = Number(process.env['MODEL_RUNS'] ?? 500);
const STEPS_MAX = 12;
const TASKS = 4;

const api = useApi();
const db = () => api().database.db;
/** A second server. It may show an old label until it is notified. */
let reader: AppInstance;

beforeAll(async () => {
  reader = await startInstance(api().database.connection);
});
afterAll(() => reader.stop());

test.each(['kanboard', 'tracker'] as const)(
  'both APIs show the links of a model of the profile %s after every step of random sequences',
  async (profile) => {
    const sequence = fc.array(step, { minLength: 3, maxLength: STEPS_MAX, size: 'max' });
    await fc.assert(
      fc.asyncProperty(sequence, async (steps) => {
        const world = await givenWorld(new LinkModel(profile));
        for (const { act } of steps) {
          await act(world);
          expect(await shownByKanboard(world)).toEqual(kanboardOf(world));
          expect(await shownByTracker(world)).toEqual(trackerOf(world));
        }
        expect(await shownByTrackerEach(world, api().url)).toEqual(trackerOf(world));
        await untilEqual(() => shownByTrackerEach(world, reader.url), trackerOf(world));
      }),
      { numRuns: RUNS / 2, interruptAfterTimeLimit: 540_000, markInterruptAsFailure: true },
    );
  },
  600_000,
);

interface World {
  readonly model: LinkModel;
  readonly org: GivenOrganisation;
  readonly application: GivenAccount;
  readonly queue: string;
  readonly tasks: readonly GivenIssue[];
}

async function givenWorld(model: LinkModel): Promise<World> {
  const org = await givenOrganisation(db(), { profile: model.profile, language: 'en' });
  const { key: queue } = await givenQueue(db(), org);
  const tasks: GivenIssue[] = [];
  for (let task = 0; task < TASKS; task += 1) tasks.push(await givenIssue(db(), org, queue));
  return { model, org, application: await givenApplication(db(), org), queue, tasks };
}

/** A change. Its numbers select from the tasks and links that exist when it runs. */
interface Step {
  readonly act: (world: World) => Promise<void>;
  /** For the report of a failing sequence. */
  toString(): string;
}

const task = fc.nat({ max: TASKS - 1 });
/** Mostly labels that every organisation has, sometimes labels that a sequence creates or that do not exist. */
const label = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 11 }) }, fc.integer({ min: 12, max: 18 }));
const text = fc.constantFrom('blocks', 'precedes', 'follows', 'mentions', 'BLOCKS');
const phrase = fc.constantFrom(
  'relates',
  'depends on',
  'is dependent by',
  'is subtask for',
  'is parent task for',
  'has epic',
  'targets milestone',
  'precedes',
  'follows',
  'mentions',
);
const choice = fc.nat({ max: 20 });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: named('createTaskLink', fc.tuple(task, task, label), createTaskLink) },
  { weight: 4, arbitrary: named('updateTaskLink', fc.tuple(choice, task, label), updateTaskLink) },
  { weight: 2, arbitrary: named('removeTaskLink', fc.tuple(choice), removeTaskLink) },
  { weight: 2, arbitrary: named('createLink', fc.tuple(text, fc.option(text)), createLabel) },
  {
    weight: 3,
    arbitrary: named('updateLink', fc.tuple(label, fc.oneof(label, fc.constant(0)), fc.option(text)), updateLabel),
  },
  { weight: 1, arbitrary: named('removeLink', fc.tuple(label), removeLabel) },
  { weight: 4, arbitrary: named('POST links', fc.tuple(task, phrase, task), createIssueLink) },
  { weight: 3, arbitrary: named('PATCH links', fc.tuple(choice, fc.option(phrase), fc.option(task)), updateIssueLink) },
  { weight: 1, arbitrary: named('DELETE links', fc.tuple(choice), deleteIssueLink) },
);

function named<Values extends unknown[]>(
  name: string,
  values: fc.Arbitrary<Values>,
  act: (world: World, ...chosen: Values) => Promise<void>,
): fc.Arbitrary<Step> {
  return values.map((chosen) => ({
    act: (world: World) => act(world, ...chosen),
    toString: () => `${name}(${chosen.join(', ')})`,
  }));
}

async function createTaskLink({ model, ...world }: World, from: number, to: number, labelId: number) {
  const view = await rpc(world, 'createTaskLink', taskId(world, from), taskId(world, to), labelId);
  const ends = model.endsOfLabel(labelId);
  const link = ends && newLink(from, to, ends);
  if (link === undefined || !model.allows(link)) {
    expect(view).toBe(false);
    return;
  }
  expect(view).toEqual(expect.any(Number));
  model.put({ ...link, id: ((view as number) + 1) / 2 });
}

async function updateTaskLink({ model, ...world }: World, chosen: number, to: number, labelId: number) {
  const view = chooseView(model, chosen);
  if (view === undefined) return;
  const { link, own } = view;
  const updated = await rpc(world, 'updateTaskLink', view.id, taskId(world, own), taskId(world, to), labelId);
  const isSameLabel = labelAt(link, own) === labelId;
  if (isSameLabel && otherOf(link, own) === to) {
    expect(updated).toBe(true);
    return;
  }
  const kept = { labels: [link.inwardLabel, link.outwardLabel] as const, isInward: link.inward === own };
  const ends = isSameLabel ? kept : model.endsOfLabel(labelId);
  const changed = ends && { ...newLink(own, to, ends), first: link.first === own ? own : to };
  const isAllowed = changed !== undefined && model.allows(changed, link.id);
  expect(updated).toBe(isAllowed);
  if (isAllowed) model.put({ ...changed, id: link.id });
}

async function removeTaskLink({ model, ...world }: World, chosen: number) {
  const view = chooseView(model, chosen);
  expect(await rpc(world, 'removeTaskLink', view?.id ?? 999_999_999)).toBe(view !== undefined);
  model.links = model.links.filter(({ id }) => id !== view?.link.id);
}

async function createLabel({ model, ...world }: World, label: string, opposite: string | null) {
  expect(await rpc(world, 'createLink', label, opposite ?? '')).toBe(model.createLabel(label, opposite ?? undefined));
}

async function updateLabel({ model, ...world }: World, labelId: number, opposite: number, text: string | null) {
  const label = text ?? model.labels.get(labelId)?.text ?? 'missing';
  expect(await rpc(world, 'updateLink', labelId, opposite, label)).toBe(model.updateLabel(labelId, opposite, label));
}

async function removeLabel({ model, ...world }: World, labelId: number) {
  expect(await rpc(world, 'removeLink', labelId)).toBe(model.removeLabel(labelId));
}

async function createIssueLink({ model, ...world }: World, from: number, relationship: string, to: number) {
  const response = await api()
    .request.post(`/v2/issues/${key(world, from)}/links`)
    .set(world.org.admin.headers)
    .send({ relationship, issue: key(world, to) });
  const ends = model.endsOfPhrase(relationship);
  const link = ends && newLink(from, to, ends);
  expect(response.status).toBe(link === undefined ? 400 : model.allows(link) ? 201 : 422);
  if (response.status === 201 && link) model.put({ ...link, id: response.body.id as number });
}

async function updateIssueLink(
  { model, ...world }: World,
  chosen: number,
  relationship: string | null,
  to: number | null,
) {
  const view = chooseView(model, chosen);
  if (view === undefined || (relationship === null && to === null)) return;
  const { link, own } = view;
  const response = await api()
    .request.patch(`/v2/issues/${key(world, own)}/links/${link.id}`)
    .set(world.org.admin.headers)
    .send({ relationship: relationship ?? undefined, issue: to === null ? undefined : key(world, to) });
  const kept = { labels: [link.inwardLabel, link.outwardLabel] as const, isInward: link.inward === own };
  const isKept = relationship === null || relationship === model.phraseOf(labelAt(link, own));
  const ends = isKept ? kept : model.endsOfPhrase(relationship);
  if (ends === undefined) {
    expect(response.status).toBe(400);
    return;
  }
  const object = to ?? otherOf(link, own);
  const isSymmetric = ends.labels[0] === ends.labels[1];
  const isSame =
    String(ends.labels) === String(kept.labels) &&
    (isSymmetric || ends.isInward === kept.isInward) &&
    object === otherOf(link, own);
  const changed = { ...newLink(own, object, ends), first: link.first === own ? own : object };
  expect(response.status).toBe(isSame || model.allows(changed, link.id) ? 200 : 422);
  if (!isSame && response.status === 200) model.put({ ...changed, id: link.id });
}

async function deleteIssueLink({ model, ...world }: World, chosen: number) {
  const view = chooseView(model, chosen);
  if (view === undefined) return;
  const path = `/v2/issues/${key(world, view.own)}/links/${view.link.id}`;
  expect((await api().request.delete(path).set(world.org.admin.headers)).status).toBe(204);
  model.links = model.links.filter(({ id }) => id !== view.link.id);
}

function newLink(
  from: number,
  to: number,
  { labels: [inwardLabel, outwardLabel], isInward }: NonNullable<ReturnType<LinkModel['endsOfLabel']>>,
): Omit<ModelLink, 'id'> {
  const [inward, outward] = isInward ? [from, to] : [to, from];
  return { first: from, inward, outward, inwardLabel, outwardLabel };
}

function chooseView({ links }: LinkModel, chosen: number): { link: ModelLink; own: number; id: number } | undefined {
  const link = links[Math.floor(chosen / 2) % (links.length || 1)];
  if (link === undefined) return undefined;
  const own = chosen % 2 === 0 ? link.inward : link.outward;
  return { link, own, id: viewAt(link, own) };
}

function viewAt(link: ModelLink, own: number): number {
  return 2 * link.id - (link.first === own ? 1 : 0);
}

function otherOf(link: ModelLink, own: number): number {
  return link.inward === own ? link.outward : link.inward;
}

function labelAt(link: ModelLink, own: number): number {
  return link.inward === own ? link.inwardLabel : link.outwardLabel;
}

/** View id, other task and label of the links of each task. */
function kanboardOf({ model, ...world }: World): unknown[] {
  return world.tasks.map((_task, own) =>
    model.links
      .filter(({ inward, outward }) => inward === own || outward === own)
      .map((link) => ({ view: viewAt(link, own), label: labelAt(link, own), other: otherOf(link, own) }))
      .sort((left, right) => left.label - right.label || left.other - right.other || left.view - right.view)
      .map(({ view, label: labelId, other }) => [view, taskId(world, other), model.labels.get(labelId)?.text]),
  );
}

async function shownByKanboard(world: World): Promise<unknown[]> {
  const calls = world.tasks.map(({ id }) => ({ jsonrpc: '2.0', method: 'getAllTaskLinks', id, params: [id] }));
  const responses = (await post(world, calls)) as { result: { id: number; task_id: number; label: string }[] }[];
  return responses.map(({ result }) => result.map((row) => [row.id, row.task_id, row.label]));
}

/** Id, direction, labels and other issue of the links of each issue. */
function trackerOf({ model, ...world }: World): unknown[] {
  return world.tasks.map((_task, own) =>
    model.links
      .filter(({ inward, outward }) => inward === own || outward === own)
      .sort((left, right) => left.id - right.id)
      .map((link) => [
        link.id,
        link.inward === own ? 'inward' : 'outward',
        model.nameOf(link.inwardLabel),
        model.nameOf(link.outwardLabel),
        key(world, otherOf(link, own)),
      ]),
  );
}

async function shownByTracker({ tasks, org, queue }: World): Promise<unknown[]> {
  const response = await api()
    .request.post('/v2/issues/_search?expand=links')
    .set(org.admin.headers)
    .send({ queue, order: ['+created'] });
  const issues = response.body as { key: string; links: TrackerLink[] }[];
  return tasks.map((issue) =>
    issues
      .find((found) => found.key === issue.key)
      ?.links.map(({ id, direction, type, object }) => [id, direction, type.inward, type.outward, object.key]),
  );
}

/** The same, from the list of each issue's links. */
async function shownByTrackerEach({ tasks, org }: World, url: string): Promise<unknown[]> {
  return await Promise.all(
    tasks.map(async (issue) => {
      const response = await supertest(url).get(`/v2/issues/${issue.key}/links`).set(org.admin.headers);
      const links = response.body as TrackerLink[];
      return links.map(({ id, direction, type, object }) => [id, direction, type.inward, type.outward, object.key]);
    }),
  );
}

/** Otherwise, the test runs out of time. */
async function untilEqual(read: () => Promise<unknown>, expected: unknown): Promise<void> {
  while (!isDeepStrictEqual(await read(), expected)) await new Promise((resolve) => setTimeout(resolve, 10));
}

interface TrackerLink {
  readonly id: number;
  readonly direction: string;
  readonly type: { readonly inward: string; readonly outward: string };
  readonly object: { readonly key: string };
}

function taskId({ tasks }: Pick<World, 'tasks'>, index: number): number {
  return (tasks[index] as GivenIssue).id;
}

function key({ tasks }: Pick<World, 'tasks'>, index: number): string {
  return (tasks[index] as GivenIssue).key;
}

async function rpc(world: Pick<World, 'application'>, method: string, ...params: unknown[]): Promise<unknown> {
  const response = (await post(world, { jsonrpc: '2.0', method, id: 1, params })) as { result?: unknown };
  expect(response).toHaveProperty('result');
  return response.result;
}

async function post({ application }: Pick<World, 'application'>, body: object): Promise<unknown> {
  const { orgId, login, secret } = application;
  const response = await api().request.post(`/kanboard/${orgId}/jsonrpc.php`).auth(login, secret).send(body);
  return response.body as unknown;
}

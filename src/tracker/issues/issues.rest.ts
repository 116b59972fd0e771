import type { Schemas } from '../../contract/types.ts';
import type { StatusRow } from '../../core/dictionaries/dictionaries.store.ts';
import { listIssueLinks } from '../../core/issue-links/issue-links.service.ts';
import type { Database } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import { linksJsonOf } from '../issue-links/link-search.rest.ts';
import type { Caller, Context, Handlers } from '../rest/caller.ts';
import { commaList } from '../rest/comma-list.ts';
import { importedOrigin, importedResolution } from '../rest/imported-origin.ts';
import { issueNameIn, referenceIn } from '../rest/names.ts';
import { hasAny, refuseReadOnly } from '../rest/read-only.ts';
import { entryReference, issueReference, queueReference, statusReference, userReference } from '../rest/references.ts';
import { timestamp } from '../rest/timestamps.ts';
import { created, versionMatched } from '../rest/version.ts';
import type { Issue } from './issue.ts';
import { issueChanges, listOf, userNameIn } from './issue-changes.rest.ts';
import type { NewIssue } from './issue-changes.service.ts';
import { cloneIssue } from './issue-clones.service.ts';
import {
  createIssue,
  deleteIssue,
  type ExpectedVersion,
  getIssue,
  getIssueByUnique,
  moveIssue,
  updateIssue,
} from './issues.service.ts';
import { type Transition, transitionsOf } from './transitions.service.ts';

type Operations =
  | 'getIssue'
  | 'createIssue'
  | 'importIssue'
  | 'updateIssue'
  | 'deleteIssue'
  | 'moveIssue'
  | 'cloneIssue'
  | 'findIssueByUnique';

export const issueHandlers: Handlers<Operations> = {
  async getIssue(call) {
    const { db, path, query, caller } = call;
    const issue = await getIssue(db, caller.viewer, path.issueId);
    const [json = ''] = await issuesJson(call, [issue], issueView(query));
    return { json, version: issue.version };
  },
  async createIssue({ db, body, caller }) {
    const issue = await createIssue(db, caller.viewer, newIssueIn(body));
    return created(serializeIssue(caller, issue), issue.version);
  },
  async importIssue({ db, body, caller }) {
    const { orgId } = caller.viewer;
    const { createdBy, ...times } = await importedOrigin(db, orgId, body);
    const issue = await createIssue(db, caller.viewer, newIssueIn(body), {
      key: body.key,
      status: referenceIn(body.status),
      createdBy,
      origin: { ...times, ...(await importedResolution(db, orgId, body, times.createdAt)) },
    });
    return created(serializeIssue(caller, issue), issue.version);
  },
  async updateIssue({ db, path, query, headers, body, caller }) {
    const expected = { version: query.version, matched: versionMatched(headers['If-Match']) };
    const issue = await changeIssue(db, caller, path.issueId, body, expected);
    return { body: serializeIssue(caller, issue), version: issue.version };
  },
  async deleteIssue({ db, path, caller }) {
    await deleteIssue(db, caller.viewer, path.issueId);
    return { body: undefined };
  },
  async moveIssue({ db, path, query, caller }) {
    const issue = await moveIssue(db, caller.viewer, path.issueId, query.queue);
    return { body: serializeIssue(caller, issue), version: issue.version };
  },
  async cloneIssue({ db, path, query, caller }) {
    const { queues: queue, linkWithOriginal } = query;
    const isLinked = linkWithOriginal?.toLowerCase() === 'true';
    if (queue?.includes(',')) throw new DomainError('invalid', undefined, { queues: texts.cloneQueueSingle });
    const issue = await cloneIssue(db, caller.viewer, path.issueId, { queue, isLinked });
    return created(serializeIssue(caller, issue), issue.version);
  },
  async findIssueByUnique({ db, query, caller }) {
    const issue = await getIssueByUnique(db, caller.viewer, query.unique);
    return { body: serializeIssue(caller, issue), version: issue.version };
  },
};

/** The issue that a body describes. */
export function newIssueIn(body: Schemas['NewIssue'] | Schemas['ImportedIssue']): NewIssue {
  const { parent, epic }: Partial<Schemas['NewIssue']> = body;
  return {
    summary: body.summary,
    queue: referenceIn(body.queue) ?? '',
    description: body.description,
    type: referenceIn(body.type),
    priority: referenceIn(body.priority),
    resolution: referenceIn(body.resolution),
    assignee: referenceIn(body.assignee),
    author: referenceIn(body.author),
    followers: listOf(body.followers).map(userNameIn),
    deadline: body.deadline,
    storyPoints: body.storyPoints,
    tags: body.tags,
    unique: body.unique,
    parent: parent && issueNameIn(parent),
    epic: epic && issueNameIn(epic),
  };
}

/** Changes an issue as `PATCH` does. Throws as `updateIssue` does, and `refused` for another value of a read-only member. */
export async function changeIssue(
  db: Database,
  caller: Caller,
  issueName: string,
  body: Schemas['IssueChanges'],
  expected: ExpectedVersion = {},
): Promise<Issue> {
  if (hasAny(body, READ_ONLY)) {
    const stored = await getIssue(db, caller.viewer, issueName);
    const links = body.links === undefined ? [] : await listIssueLinks(db, caller.viewer, issueName);
    const transitions = body.transitions === undefined ? [] : await transitionsOf(db, caller.viewer, [stored]);
    // Any member of a stale object may differ; the update reports that it is stale.
    if (stored.version === (expected.version ?? expected.matched ?? stored.version)) {
      const expanded = {
        links: links.map(({ id }) => ({ id })),
        transitions: transitions.flat().map(({ id }) => ({ id })),
      };
      refuseReadOnly(body, { ...serializeIssue(caller, stored), ...expanded }, READ_ONLY);
    }
  }
  return await updateIssue(db, caller.viewer, issueName, issueChanges(body), expected);
}

const READ_ONLY = [
  'self',
  'id',
  'key',
  'version',
  'aliases',
  'statusType',
  'previousStatus',
  'resolvedAt',
  'resolvedBy',
  'createdAt',
  'createdBy',
  'updatedAt',
  'updatedBy',
  'votes',
  'favorite',
  'links',
  'transitions',
] as const satisfies readonly (keyof Schemas['IssueChanges'])[];

const STATUS_TYPES: Record<StatusRow['type'], Text> = {
  new: { ru: 'Начальный', en: 'Initial' },
  paused: { ru: 'На паузе', en: 'Paused' },
  inProgress: { ru: 'В процессе', en: 'In progress' },
  done: { ru: 'Завершён', en: 'Done' },
  cancelled: { ru: 'Отменён', en: 'Cancelled' },
};

/** Members that the parameter `fields` never removes: clients identify an issue by them. */
const ALWAYS: ReadonlySet<string> = new Set(['self', 'id', 'key', 'version']);

/** Which parts of an issue a response contains. */
export interface IssueView {
  /** Members to include; undefined for all. */
  readonly fields: ReadonlySet<string> | undefined;
  readonly expand: ReadonlySet<string>;
}

/** The view requested by `fields` and `expand`. Each may be repeated and may hold a comma-separated list. */
export function issueView({
  fields,
  expand,
}: {
  readonly fields?: readonly string[];
  readonly expand?: readonly string[];
}): IssueView {
  return {
    fields: fields && new Set(fields.flatMap(commaList)),
    expand: new Set((expand ?? []).flatMap(commaList)),
  };
}

/** The JSON of each issue, with its links if the view has them. */
export async function issuesJson(
  context: Pick<Context, 'db' | 'caller' | 'hold'>,
  issues: readonly Issue[],
  { fields, expand }: IssueView,
): Promise<string[]> {
  const keys = issues.map(({ key }) => key);
  const transitions = expand.has('transitions')
    ? await transitionsOf(context.db, context.caller.viewer, issues)
    : undefined;
  const links = expand.has('links') ? await linksJsonOf(context, keys) : undefined;
  return issues.map((issue, index) => {
    const expanded = {
      ...picked(serializeIssue(context.caller, issue), fields),
      ...(expand.has('attachments') && { attachments: [] }),
      ...(transitions && {
        transitions: transitions[index]?.map((one) => serializeTransition(context.caller, issue, one)) ?? [],
      }),
    };
    const json = JSON.stringify(expanded);
    return links === undefined ? json : `${json.slice(0, -1)},"links":${links[index] ?? '[]'}}`;
  });
}

export function serializeTransition(
  caller: Caller,
  issue: Pick<Issue, 'key'>,
  { id, to }: Transition,
): Schemas['Transition'] {
  const self = `${caller.base}/issues/${issue.key}/transitions/${encodeURIComponent(id)}`;
  return { self, id, display: to.name[caller.language], to: statusReference(caller, to) };
}

function serializeIssue(caller: Caller, issue: Issue): Schemas['Issue'] {
  const { type } = issue.status;
  return {
    self: issueReference(caller, issue).self,
    id: issue.id,
    key: issue.key,
    version: issue.version,
    summary: issue.summary,
    ...(issue.description !== undefined && { description: issue.description }),
    ...(issue.parent && { parent: issueReference(caller, issue.parent) }),
    ...(issue.epic && { epic: issueReference(caller, issue.epic) }),
    aliases: issue.aliases,
    updatedBy: userReference(caller, issue.updatedBy),
    statusType: { id: type, key: type, display: STATUS_TYPES[type][caller.language] },
    type: entryReference(caller, 'issuetypes', issue.type),
    priority: entryReference(caller, 'priorities', issue.priority),
    createdAt: timestamp(issue.createdAt),
    followers: issue.followers.map((user) => userReference(caller, user)),
    ...(issue.author && { author: userReference(caller, issue.author) }),
    createdBy: userReference(caller, issue.createdBy),
    votes: 0,
    ...(issue.assignee && { assignee: userReference(caller, issue.assignee) }),
    queue: queueReference(caller, issue.queue),
    ...(issue.deadline !== undefined && { deadline: issue.deadline }),
    ...(issue.storyPoints !== undefined && { storyPoints: issue.storyPoints }),
    updatedAt: timestamp(issue.updatedAt),
    status: statusReference(caller, issue.status),
    ...(issue.resolution && {
      resolution: entryReference(caller, 'resolutions', issue.resolution),
      resolvedAt: timestamp(issue.resolution.setAt),
      ...(issue.resolution.setBy && { resolvedBy: userReference(caller, issue.resolution.setBy) }),
    }),
    ...(issue.previousStatus && { previousStatus: statusReference(caller, issue.previousStatus) }),
    favorite: false,
    ...(issue.tags.length > 0 && { tags: issue.tags }),
  };
}

function picked(issue: Schemas['Issue'], fields: ReadonlySet<string> | undefined): object {
  if (fields === undefined) return issue;
  return Object.fromEntries(Object.entries(issue).filter(([member]) => ALWAYS.has(member) || fields.has(member)));
}

import type { Schemas } from '../../contract/types.ts';
import { explainConflict } from '../../core/issue-links/link-conflict.ts';
import { findIssuesNamed, type LinkedIssue } from '../../core/issues/issue-access.ts';
import { getMyself, type User } from '../../core/users/users.service.ts';
import type { Database, Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { domainErrorBody } from '../../http/error-response.ts';
import { texts } from '../../texts.ts';
import { keysFound } from '../issue-search/issue-search.service.ts';
import { changesIn } from '../issues/issue-changes.rest.ts';
import { changeIssue } from '../issues/issues.rest.ts';
import { moveIssue } from '../issues/issues.service.ts';
import { executeTransition } from '../issues/transitions.service.ts';
import type { Caller, Context, Handlers } from '../rest/caller.ts';
import { ISSUE_KEY } from '../rest/idempotent-request.ts';
import { issueNameIn, referenceIn } from '../rest/names.ts';
import { issueReference, userReference } from '../rest/references.ts';
import { timestamp } from '../rest/timestamps.ts';
import { created } from '../rest/version.ts';
import type { BulkChange, BulkFailure } from './bulk-change.ts';
import { changeInBulk, getBulkChange } from './bulk-changes.service.ts';

type Operations =
  | 'updateIssuesInBulk'
  | 'moveIssuesInBulk'
  | 'transitionIssuesInBulk'
  | 'getBulkChange'
  | 'listBulkChangeIssues';

export const bulkChangeHandlers: Handlers<Operations> = {
  async updateIssuesInBulk(call) {
    const { body, caller } = call;
    return await carryOut(call, body.issues, (db, issue) => changeIssue(db, caller, issue, body.values));
  },
  async moveIssuesInBulk(call) {
    const { body, caller } = call;
    const queue = referenceIn(body.queue) ?? '';
    return await carryOut(call, body.issues, (db, issue) => moveIssue(db, caller.viewer, issue, queue));
  },
  async transitionIssuesInBulk(call) {
    const { body, caller } = call;
    const { comment, ...values } = body.values ?? {};
    const changes = { ...changesIn(values), comment };
    return await carryOut(call, body.issues, (db, issue) =>
      executeTransition(db, caller.viewer, issue, body.transition, changes),
    );
  },
  async getBulkChange({ db, path, caller }) {
    const bulkChange = await getBulkChange(db, caller.viewer, path.bulkChangeId);
    const failures = await withoutHidden(db, caller, bulkChange.failures);
    return { body: serialize(caller, await getMyself(db, caller.viewer), { ...bulkChange, failures }) };
  },
  async listBulkChangeIssues({ db, path, caller }) {
    const bulkChange = await getBulkChange(db, caller.viewer, path.bulkChangeId);
    const failures = await withoutHidden(db, caller, bulkChange.failures);
    const names = failures.map(({ issue }) => issue);
    const issues = names.length === 0 ? [] : await findIssuesNamed(db, caller.viewer, names);
    return { body: failures.map((failure, place) => serializeFailure(caller, failure, issues[place])) };
  },
};

/** `issue` is undefined if the caller can see no issue of that name. */
function serializeFailure(
  caller: Caller,
  { issue: name, error }: BulkFailure,
  issue: LinkedIssue | undefined,
): Schemas['BulkChangeIssue'] {
  return {
    issue: issue ? issueReference(caller, { ...issue, id: issue.hexId }) : { key: name, display: name },
    status: 'FAILED',
    error: error as Schemas['ErrorBody'],
  };
}

/** Carries a change out for the named issues, or for those that match a query. */
async function carryOut(
  { db, caller }: Context,
  issues: Schemas['BulkIssues'],
  change: (db: Database, issueName: string) => Promise<unknown>,
) {
  const { viewer, language } = caller;
  const startedAt = Date.now();
  // Everything that can fail comes before the first change: after it, the response says what was done.
  const author = await getMyself(db, viewer);
  const names = typeof issues === 'string' ? await keysFound(db, viewer, issues) : issues.map(issueNameIn);
  const describe = async (error: DomainError) => {
    await explainConflict(db.untimed, viewer, error);
    return domainErrorBody(error, language, true);
  };
  return created(serialize(caller, author, await changeInBulk(db, viewer, names, { change, describe, startedAt })));
}

/** Failures whose errors name only issues that the caller may still see; of the others, the error is that of a missing issue. */
async function withoutHidden(
  db: Queryable,
  { viewer, language }: Caller,
  failures: readonly BulkFailure[],
): Promise<BulkFailure[]> {
  const keysOf = (error: object) => JSON.stringify(error).match(ISSUE_KEY) ?? [];
  const keys = [...new Set(failures.flatMap(({ error }) => keysOf(error)))];
  const issues = keys.length === 0 ? [] : await findIssuesNamed(db, viewer, keys);
  const hidden = new Set(keys.filter((_key, place) => issues[place] === undefined));
  const missing = domainErrorBody(new DomainError('not_found', texts.issueNotFound), language, true);
  return failures.map(({ issue, error }) => ({
    issue,
    error: keysOf(error).some((key) => hidden.has(key)) ? missing : error,
  }));
}

function serialize(caller: Caller, author: User, bulkChange: BulkChange): Schemas['BulkChange'] {
  const { id, createdAt, total, failures } = bulkChange;
  const completed = total - failures.length;
  const status = failures.length === 0 ? 'COMPLETE' : 'FAILED';
  return {
    id,
    self: `${caller.base}/bulkchange/${id}`,
    createdBy: userReference(caller, author),
    createdAt: timestamp(createdAt),
    status,
    statusText: texts.bulkChangeStatus(String(completed), String(total))[caller.language],
    executionChunkPercent: 100,
    executionIssuePercent: 100,
    totalIssues: total,
    totalCompletedIssues: completed,
    failures: failures.map(({ issue, error }) => ({ issue, error: error as Schemas['ErrorBody'] })),
  };
}

import type { Schemas } from '../../contract/types.ts';
import { explainConflict } from '../../core/issue-links/link-conflict.ts';
import { getMyself } from '../../core/users/users.service.ts';
import type { Database, Queryable } from '../../database/database.ts';
import type { DomainError } from '../../errors.ts';
import { errorResponse } from '../../http/error-response.ts';
import { texts } from '../../texts.ts';
import { keysFound } from '../issue-search/issue-search.service.ts';
import { changeIssue } from '../issues/issues.rest.ts';
import { moveIssue } from '../issues/issues.service.ts';
import type { Caller, Context, Handlers } from '../rest/caller.ts';
import { issueNameIn, nameIn } from '../rest/names.ts';
import { userReference } from '../rest/references.ts';
import { timestamp } from '../rest/timestamps.ts';
import { created } from '../rest/version.ts';
import type { BulkChange } from './bulk-change.ts';
import { changeInBulk, getBulkChange } from './bulk-changes.service.ts';

type Operations = 'updateIssuesInBulk' | 'moveIssuesInBulk' | 'transitionIssuesInBulk' | 'getBulkChange';

export const bulkChangeHandlers: Handlers<Operations> = {
  async updateIssuesInBulk(call) {
    const { body, caller } = call;
    return await carryOut(call, body.issues, (db, issue) => changeIssue(db, caller, issue, body.values));
  },
  async moveIssuesInBulk(call) {
    const { body, caller } = call;
    const queue = String(nameIn(body.queue) ?? '');
    return await carryOut(call, body.issues, (db, issue) => moveIssue(db, caller.viewer, issue, queue));
  },
  async transitionIssuesInBulk(call) {
    const { body, caller } = call;
    const values = { ...body.values, status: body.transition };
    return await carryOut(call, body.issues, (db, issue) => changeIssue(db, caller, issue, values));
  },
  async getBulkChange({ db, path, caller }) {
    return { body: await serialize(db, caller, await getBulkChange(db, caller.viewer, path.bulkChangeId)) };
  },
};

/** Carries a change out for the named issues, or for those that match a query. */
async function carryOut(
  { db, caller }: Context,
  issues: Schemas['BulkIssues'],
  change: (db: Database, issueName: string) => Promise<unknown>,
) {
  const { viewer, language } = caller;
  const names = typeof issues === 'string' ? await keysFound(db, viewer, issues) : issues.map(issueNameIn);
  const describe = async (error: DomainError) => {
    await explainConflict(db, viewer, error);
    return JSON.parse(errorResponse(error, language, true).body) as object;
  };
  return created(await serialize(db, caller, await changeInBulk(db, viewer, names, { change, describe })));
}

async function serialize(db: Queryable, caller: Caller, bulkChange: BulkChange): Promise<Schemas['BulkChange']> {
  const { id, createdAt, total, failures } = bulkChange;
  const completed = total - failures.length;
  const status = failures.length === 0 ? 'COMPLETE' : 'FAILED';
  return {
    id,
    self: `${caller.base}/bulkchange/${id}`,
    createdBy: userReference(caller, await getMyself(db, caller.viewer)),
    createdAt: timestamp(createdAt),
    status,
    statusText: texts.bulkChangeStatus(String(completed), String(total))[caller.language],
    executionChunkPercent: 100,
    executionIssuePercent: 100,
    totalIssues: total,
    totalCompletedIssues: completed,
    failures: failures.map(({ issue, error }) => ({ issue, error: error as Schemas['Error'] })),
  };
}

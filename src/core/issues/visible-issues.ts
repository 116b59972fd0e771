import { lookup } from '../../database/lookup.ts';
import { visibleQueue } from '../access/viewer.ts';
import { issueIdNamed } from './issue-name.ts';

/** SQL: selects columns of the issues that meet the condition and that the viewer may see. */
export function visibleIssues(columns: string, condition: string): string {
  return `
    select ${columns}
    from ${lookup('issues', 'issues', condition)}
    join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
    where ${visibleQueue('queues')}`;
}

/** SQL: whether the row `issues` is the issue that :issueName names. */
export const IS_NAMED_ISSUE = `issues.issue_id = ${issueIdNamed(':issueName')}`;

import type { Schemas } from '../../contract/types.ts';
import { createQueueFor, getQueue, listQueues, type Queue } from '../../core/queues/queues.service.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { referenceIn } from '../rest/names.ts';
import { pageOf, pagingHeaders } from '../rest/paging.ts';
import { entryReference, userReference } from '../rest/references.ts';
import { created } from '../rest/version.ts';

export const queueHandlers: Handlers<'listQueues' | 'getQueue' | 'createQueue'> = {
  async listQueues({ db, query, caller }) {
    const page = pageOf(query);
    const { queues, total } = await listQueues(db, caller.viewer, page);
    return { body: queues.map((queue) => serializeQueue(caller, queue)), headers: pagingHeaders(caller, page, total) };
  },
  async getQueue({ db, path, caller }) {
    return { body: serializeQueue(caller, await getQueue(db, caller.viewer, path.queueId)) };
  },
  async createQueue({ db, body, caller }) {
    const queue = await createQueueFor(db, caller.viewer, {
      key: body.key,
      name: body.name,
      description: body.description,
      lead: referenceIn(body.lead),
      defaultType: referenceIn(body.defaultType),
      defaultPriority: referenceIn(body.defaultPriority),
    });
    return created(serializeQueue(caller, queue));
  },
};

function serializeQueue(caller: Caller, queue: Queue): Schemas['Queue'] {
  return {
    self: `${caller.base}/queues/${queue.key}`,
    id: queue.id,
    key: queue.key,
    version: queue.version,
    name: queue.name,
    ...(queue.description !== undefined && { description: queue.description }),
    lead: userReference(caller, queue.lead),
    assignAuto: false,
    defaultType: entryReference(caller, 'issuetypes', queue.defaultIssueType),
    defaultPriority: entryReference(caller, 'priorities', queue.defaultPriority),
    denyVoting: true,
  };
}

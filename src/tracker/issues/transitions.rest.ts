import type { Handlers } from '../rest/caller.ts';
import { changesIn } from './issue-changes.rest.ts';
import { serializeTransition } from './issues.rest.ts';
import { executeTransition, getTransition, listTransitions } from './transitions.service.ts';

export const transitionHandlers: Handlers<'listTransitions' | 'getTransition' | 'executeTransition'> = {
  async listTransitions({ db, path, caller }) {
    const { issue, transitions } = await listTransitions(db, caller.viewer, path.issueId);
    return { body: transitions.map((transition) => serializeTransition(caller, issue, transition)) };
  },
  async getTransition({ db, path, caller }) {
    const { issue, transition } = await getTransition(db, caller.viewer, path.issueId, path.transitionId);
    return { body: serializeTransition(caller, issue, transition) };
  },
  async executeTransition({ db, path, body = {}, caller }) {
    const { issue, transitions } = await executeTransition(db, caller.viewer, path.issueId, path.transitionId, {
      ...changesIn(body),
      comment: body.comment,
    });
    return { body: transitions.map((transition) => serializeTransition(caller, issue, transition)) };
  },
};

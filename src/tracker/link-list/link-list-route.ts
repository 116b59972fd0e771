import type { RequestHandler } from 'express';
import { accountOf } from '../../core/access/viewer.ts';
import { readIssueLinks, readLinkReferences } from '../../core/issue-links/link-reads.store.ts';
import type { DatabasePool } from '../../database/database.ts';
import { clientSignal } from '../../http/client-signal.ts';
import { entityTag, isMatched, REVALIDATION } from '../../http/entity-tag.ts';
import { endResponse, type ResponseLimits, ResponseMemory } from '../../http/response-memory.ts';
import { callerOf } from '../rest/caller.ts';
import { linkListJson } from './link-list-json.ts';

const PATH = /^(\/v[23])\/issues\/([A-Za-z0-9-]+)\/links\/?$/;

/**
 * Serves the links of an issue, the request that clients send most, without the costs of the router (decision 9). It
 * responds with success only; everything else, such as an unknown issue or a missing scope, is left to the router, whose
 * handler `listIssueLinks` gives the same response more slowly.
 */
export function linkListRoute({
  db,
  publicUrl,
  responseLimits,
}: {
  readonly db: DatabasePool;
  readonly publicUrl: string | undefined;
  readonly responseLimits: ResponseLimits;
}): RequestHandler {
  return async (request, response, next) => {
    const [, path, issueName] = (request.method === 'GET' && PATH.exec(request.url)) || [];
    if (path === undefined || issueName === undefined) {
      next();
      return;
    }
    const caller = await callerOf(db, request, response, { publicUrl, path });
    if (!caller.scopes.includes('read')) {
      next();
      return;
    }
    const account = accountOf(caller.viewer);
    const memory = new ResponseMemory(response, account, responseLimits);
    const clientDb = db.forClient({ signal: clientSignal(response), account, countBytes: memory.addRow });
    const links = await readIssueLinks(clientDb, caller.viewer, issueName);
    const json = links && linkListJson(caller, links, await readLinkReferences(clientDb, caller.viewer, links));
    if (json === undefined) {
      next();
      return;
    }
    memory.holdBody(json.length);
    // Encoded once, for the tag and for the socket.
    const body = Buffer.from(json);
    const tag = entityTag(body);
    const isCurrent = isMatched(request.headers['if-none-match'], tag);
    response.set({ ...REVALIDATION, ETag: tag });
    if (isCurrent) response.statusCode = 304;
    else response.setHeader('Content-Type', 'application/json');
    endResponse(response, isCurrent ? '' : body, responseLimits);
  };
}

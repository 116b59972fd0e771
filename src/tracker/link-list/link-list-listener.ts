import type { Request, Response } from 'express';
import { accountOf } from '../../core/access/viewer.ts';
import { readIssueLinks, readLinkReferences } from '../../core/issue-links/link-reads.store.ts';
import type { DatabasePool } from '../../database/database.ts';
import { clientSignal } from '../../http/client-signal.ts';
import { entityTag, isNotModified } from '../../http/entity-tag.ts';
import { sendError } from '../../http/error-response.ts';
import type { Listener } from '../../http/http-server.ts';
import type { RateLimit } from '../../http/rate-limit.ts';
import { endResponse, type ResponseLimits, ResponseMemory } from '../../http/response-memory.ts';
import { callerOf } from '../rest/caller.ts';
import { linkListJson } from './link-list-json.ts';

const PATH = /^(\/v[23])\/issues\/([A-Za-z0-9-]+)\/links\/?$/;

interface Options {
  readonly db: DatabasePool;
  readonly rateLimit: RateLimit;
  readonly publicUrl: string | undefined;
  readonly responseLimits: ResponseLimits;
}

/**
 * Serves the links of an issue, the request that clients send most, without the costs of Express and the router
 * (decision 9). All other requests are left to the app, and so are those for an unknown issue or without the scope:
 * its handler `listIssueLinks` gives the same responses more slowly.
 */
export function linkListListener(options: Options, app: Listener): Listener {
  return (request, response) => {
    const [, path, issueName] = (request.method === 'GET' && PATH.exec(request.url)) || [];
    if (path === undefined || issueName === undefined) {
      app(request, response);
      return;
    }
    sendLinks(options, request, response, path, issueName).then(
      (isSent) => {
        if (!isSent) app(request, response);
      },
      (error: unknown) => {
        sendError(error, request, response, () => undefined);
      },
    );
  };
}

async function sendLinks(
  { db, rateLimit, publicUrl, responseLimits }: Options,
  request: Request,
  response: Response,
  path: string,
  issueName: string,
): Promise<boolean> {
  response.operation = 'listIssueLinks';
  const counted = rateLimit.take(request, response);
  const caller = await callerOf(db, request, response, { publicUrl, path, url: request.url });
  if (counted) await counted.share(caller.viewer.orgId);
  if (!caller.scopes.includes('read')) return false;
  const account = accountOf(caller.viewer);
  const memory = new ResponseMemory(response, account, responseLimits);
  const clientDb = db.forClient({ signal: clientSignal(response), account, countBytes: memory.addRow }).reader;
  const links = await readIssueLinks(clientDb, caller.viewer, issueName);
  const body = links && linkListJson(caller, links, await readLinkReferences(clientDb, caller.viewer, links));
  if (body === undefined) return false;
  memory.holdBody(body.length);
  if (isNotModified(request, response, entityTag(body))) {
    endResponse(response, '', responseLimits);
  } else {
    response.setHeader('Content-Type', 'application/json');
    endResponse(response, body, responseLimits);
  }
  return true;
}

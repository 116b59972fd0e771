import type { ServerResponse } from 'node:http';
import { userInfo } from 'node:os';
import type { Request } from 'express';
import { type Act, noteAct, type Outcome } from './http/administrative-acts.ts';
import { clientAddress } from './http/client-address.ts';
import type { Log } from './log.ts';

/** Who acted: a client of the server, or the account of the operating system that ran a command. */
interface Actor {
  readonly by: Readonly<Record<string, unknown>> | undefined;
  readonly address?: string;
  readonly requestId?: string;
  readonly status?: number;
}

/**
 * The parameters whose values an entry shows: they name what was changed, and give its roles and rules. Of all others, which
 * may be secrets, it shows the names.
 */
const SHOWN = new Set([
  ...['id', 'key', 'name', 'title', 'label', 'opposite_label', 'link_id', 'opposite_link_id', 'linkTypeId', 'type'],
  ...[
    'username',
    'login',
    'email',
    'display',
    'user',
    'user_id',
    'uid',
    'tokenId',
    'role',
    'scope',
    'scopes',
    'days',
    'expires',
    'expiresAt',
    'oldExpiresAt',
    'newTokenId',
  ],
  ...['project_id', 'identifier', 'owner_id', 'queue', 'lead', 'section', 'act', 'overlap'],
  ...['org', 'orgId', 'cloudId', 'language', 'profile', 'oneLinkPerPair', 'antisymmetric', 'acyclic', 'single'],
  ...['version', 'file', 'out', 'down', 'repair'],
]);
const VALUE_LENGTH_MAX = 200;
/** How many parameters of a request are noted; a client may send more than the contract has. */
const NAMES_MAX = 50;

/** The forms of `/admin`. What they have done is noted at once; the rest was refused or failed. */
const ADMIN_PAGE = 'adminPage';

/** Writes one line for each administrative act, whether it was done or refused, and never a secret. */
export class Audit {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  record({ via, action, given }: Act, outcome: Outcome, actor: Actor): void {
    this.#log.info({ via, action, outcome, ...actor, ...describe(given) }, 'audit');
  }

  /** Records the acts of a request, whose response is complete or whose client has disconnected. */
  onClose(request: Request, response: ServerResponse): void {
    if (response.operation === ADMIN_PAGE && response.acts === undefined) noteForm(request, response);
    if (response.acts === undefined) return;
    const { statusCode, credentials } = response;
    const outcome = response.writableFinished ? outcomeOf(statusCode) : 'unknown';
    const actor = { by: credentials, address: clientAddress(request), requestId: request.id, status: statusCode };
    for (const act of response.acts) this.record(act, act.outcome ?? outcome, actor);
  }
}

/** A process acts for its account. Its id shows which entries belong together. */
export function thisProcess(): Actor {
  return { by: { account: accountName(), pid: process.pid } };
}

/** A container may run under an id that has no account. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}

function noteForm(request: Request, response: ServerResponse): void {
  const form = (request.body ?? {}) as Readonly<Record<string, unknown>>;
  const section = request.path.split('/')[2];
  noteAct(response, {
    via: 'page',
    // A form that another site sent is refused before it is read.
    action: [section, form['act']]
      .filter((part) => typeof part === 'string')
      .join(' ')
      .slice(0, VALUE_LENGTH_MAX),
    given: form,
  });
}

function outcomeOf(status: number): Outcome {
  if (status < 400) return 'done';
  return status < 500 ? 'refused' : 'failed';
}

function describe(given: unknown): { readonly on?: Record<string, unknown>; readonly also?: readonly string[] } {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return {};
  const on: Record<string, unknown> = {};
  const also: string[] = [];
  for (const [name, value] of Object.entries(given as Record<string, unknown>).slice(0, NAMES_MAX)) {
    if (value === undefined || value === null) continue;
    const shown = SHOWN.has(name) ? shownValue(value) : undefined;
    if (shown === undefined) also.push(name.slice(0, VALUE_LENGTH_MAX));
    else on[name] = shown;
  }
  return { ...(Object.keys(on).length > 0 && { on }), ...(also.length > 0 && { also }) };
}

/** Undefined for an object: its members may be anything. */
function shownValue(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, VALUE_LENGTH_MAX);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value) && value.every((one) => typeof one === 'string'))
    return value.join().slice(0, VALUE_LENGTH_MAX);
  return undefined;
}

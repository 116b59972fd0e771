import type { Request, RequestHandler, Response, Router } from 'express';
import { ORGANISATION_ROLES, requireAdministrator } from '../core/access/viewer.ts';
import { getLinkType, listLinkTypeUses, updateLinkType } from '../core/link-types/link-types.service.ts';
import { getOrganisation } from '../core/link-types/organisation-rules.service.ts';
import { createQueueFor, listQueueStates } from '../core/queues/queues.service.ts';
import { createTokenWithin, listLatestTokens, revokeToken, TOKEN_SCOPES } from '../core/tokens/tokens.service.ts';
import { isLogin } from '../core/users/login.ts';
import {
  createAccount,
  disableUser,
  enableUser,
  findPerson,
  findUserId,
  listPeopleFrom,
  setRole,
} from '../core/users/users.service.ts';
import { DomainError, requireValid } from '../errors.ts';
import { noteAct } from '../http/administrative-acts.ts';
import { HttpError, prepareError } from '../http/error-response.ts';
import { setProjectActive } from '../kanboard/projects/projects.service.ts';
import { type Markup, markup } from '../markup.ts';
import { lengthOf } from '../text-length.ts';
import { texts } from '../texts.ts';
import {
  type AdminView,
  DAYS_MAX,
  LINKS_COUNTED_MAX,
  linkTypesPage,
  newTokenNotice,
  overviewPage,
  QUEUE_NAME_LENGTH_MAX,
  queuesPage,
  ROWS_MAX,
  type Section,
  tokensPage,
  usersPage,
} from './admin-page.ts';
import { adminTexts } from './admin-texts.ts';
import { named, onlyForPeople, type PagesOptions, send, type Visit, visit } from './page-response.ts';
import { formKeyOf, requireFormKey } from './session.ts';

const OVERVIEW = /^\/admin\/?$/;
const SECTION = /^\/admin\/(users|tokens|queues|linktypes)\/?$/;
const DAY_MS = 86_400_000;
/** An id that nothing has. */
const NO_ID = 0;

/** The fields of a form, or of a query: strings, or arrays of them for a repeated name. */
type Form = Readonly<Record<string, unknown>>;

/** Adds `/admin`: for administrators, with a token of the scope `admin`. */
export function addAdminPages(router: Router, options: PagesOptions, form: readonly RequestHandler[]): void {
  router.get(OVERVIEW, onlyForPeople, async (request, response) => {
    const visited = await admitAdministrator(options, request, response);
    const { db, caller } = visited.context;
    const place = { language: caller.language, root: visited.root };
    const organisation = await getOrganisation(db, caller.viewer.orgId);
    await visited.send({ title: adminTexts.title[caller.language], content: overviewPage(place, organisation) });
  });
  router.get(SECTION, onlyForPeople, async (request, response) => {
    const visited = await admitAdministrator(options, request, response);
    await sendSection(visited, request);
  });
  router.post(SECTION, named('adminPage'), ...form, async (request: Request, response: Response) => {
    const visited = await admitAdministrator(options, request, response);
    const given = (request.body ?? {}) as Form;
    requireFormKey(request, given['formKey']);
    await change(options, visited, request, response, given);
  });
}

async function admitAdministrator(options: PagesOptions, request: Request, response: Response): Promise<Visit> {
  const visited = await visit(options, request, response, { scope: 'admin' });
  requireAdministrator(visited.context.caller.viewer);
  return visited;
}

/** Carries out what a form requests. If it is refused, the page says why and still has what was entered. */
async function change(
  options: PagesOptions,
  visited: Visit,
  request: Request,
  response: Response,
  given: Form,
): Promise<void> {
  const action = `${request.params[0]} ${textIn(given, 'act')}`;
  const run = ACTS.get(action);
  if (run === undefined) throw new HttpError(400, texts.requestMalformed);
  let outcome: Outcome;
  try {
    outcome = await run(visited, given);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { errors, errorMessages } = prepareError(error, request, response);
    const ofFields = Object.entries(errors).map(([name, message]) => `${name}: ${message}`);
    await sendSection(visited, request, { given, problems: [...errorMessages, ...ofFields] });
    return;
  }
  const { from, created } = outcome;
  // It is done, whatever becomes of the page.
  noteAct(response, {
    via: 'page',
    action,
    outcome: 'done',
    given: created ? { ...given, tokenId: created.id } : given,
  });
  if (created) await sendNewToken(options, visited, request, response, created);
  else {
    const query = new URLSearchParams({ ...chosen(request), ...(from !== undefined && { from }), done: '' });
    response.redirect(303, `?${query.toString()}`);
  }
}

/** Sends the section with the token; the token alone if the section cannot be read, since no other page will show it. */
async function sendNewToken(
  options: PagesOptions,
  visited: Visit,
  request: Request,
  response: Response,
  created: NewToken,
): Promise<void> {
  const { language } = visited.context.caller;
  const notice = newTokenNotice(language, created);
  response.status(201);
  try {
    await sendSection(visited, request, { notice });
  } catch (error) {
    if (response.headersSent) throw error;
    response.err = error instanceof Error ? error : new Error(String(error));
    const title = adminTexts.tokens[language];
    const content = markup`<h1>${title}</h1>\n<div class="notice" role="status">${notice}</div>`;
    send(options, response, { title, content, language, root: visited.root, reader: undefined });
  }
}

/** The rows that the URL chooses. */
function chosen({ query }: Request): { from: string; user: string } {
  return { from: textIn(query, 'from'), user: textIn(query, 'user') };
}

async function sendSection(
  visited: Visit,
  request: Request,
  outcome: Partial<Pick<AdminView, 'given' | 'problems' | 'notice'>> = {},
): Promise<void> {
  const { caller } = visited.context;
  const { language, viewer } = caller;
  const name = request.params[0] as Section;
  const isDone = request.method === 'GET' && request.query['done'] !== undefined;
  const view = {
    language,
    root: visited.root,
    orgId: viewer.orgId,
    userId: viewer.userId,
    tokenId: caller.tokenId,
    scopes: caller.scopes,
    formKey: formKeyOf(request),
    ...chosen(request),
    given: {},
    problems: [],
    notice: isDone ? markup`${adminTexts.done[language]}` : undefined,
    ...outcome,
  };
  const content = await CONTENTS[name](visited, view);
  await visited.send({ title: `${adminTexts[name][language]} · ${adminTexts.title[language]}`, content });
}

/** One row more than a page has shows whether another page follows. */
const ROWS = { limit: ROWS_MAX + 1 };

const CONTENTS: Readonly<Record<Section, (visited: Visit, view: AdminView) => Promise<Markup>>> = {
  async users({ context: { db, caller } }, view) {
    return usersPage(view, await listPeopleFrom(db, caller.viewer, { from: view.from, ...ROWS }));
  },
  async tokens({ context: { db } }, view) {
    const { orgId, user } = view;
    const tokenIdMax = /^\d{1,15}$/.test(view.from) ? Number(view.from) : Number.MAX_SAFE_INTEGER;
    const userId = user === '' ? undefined : ((await findUserId(db, orgId, user)) ?? NO_ID);
    return tokensPage(view, await listLatestTokens(db, orgId, { userId, tokenIdMax, ...ROWS }));
  },
  async queues({ context: { db, caller } }, view) {
    return queuesPage(view, await listQueueStates(db, caller.viewer, { from: view.from, ...ROWS }));
  },
  async linktypes({ context: { db } }, view) {
    const range = { from: view.from, ...ROWS, countMax: LINKS_COUNTED_MAX + 1 };
    return linkTypesPage(view, await listLinkTypeUses(db, view.orgId, range));
  },
};

/** What a form did: what the list is to start with, or a token that is shown only now. */
interface Outcome {
  readonly from?: string;
  readonly created?: NewToken;
}

interface NewToken {
  readonly id: number;
  readonly login: string;
  readonly token: string;
}

/** What the forms of a section can do, by the value of their button. */
const ACTS = new Map<string, (visited: Visit, given: Form) => Promise<Outcome>>(
  Object.entries({
    async 'users create'({ context: { db, caller } }, given) {
      const login = textIn(given, 'login');
      if (!isLogin(login)) throw new DomainError('invalid', texts.loginInvalid);
      const password = textIn(given, 'password');
      await createAccount(db, caller.viewer, {
        login,
        password: password === '' ? null : password,
        name: textIn(given, 'name'),
        email: textIn(given, 'email'),
        role: roleIn(given),
      });
      return { from: login };
    },
    async 'users set-role'({ context: { db, caller } }, given) {
      await setRole(db, caller.viewer.orgId, idIn(given, 'user'), roleIn(given));
      return {};
    },
    async 'users disable'({ context: { db, caller } }, given) {
      await disableUser(db, caller.viewer, idIn(given, 'user'));
      return {};
    },
    async 'users enable'({ context: { db, caller } }, given) {
      await enableUser(db, caller.viewer, idIn(given, 'user'));
      return {};
    },
    async 'tokens create'({ context: { db, caller } }, given) {
      const { tokenId, viewer } = caller;
      const { orgId } = viewer;
      const login = textIn(given, 'login');
      const scopes = TOKEN_SCOPES.filter((scope) => [given['scope']].flat().includes(scope));
      const days = textIn(given, 'days');
      const isDaysValid = days === '' || (/^[1-9]\d{0,3}$/.test(days) && Number(days) <= DAYS_MAX);
      requireValid({ scope: scopes.length > 0, days: isDaysValid });
      // Not the application account, which sees all queues.
      const person = await findPerson(db, viewer, { login });
      if (person === undefined) throw new DomainError('not_found', texts.loginNotFound(login, orgId));
      const expiresAt = days === '' ? undefined : new Date(Date.now() + Number(days) * DAY_MS);
      const { id, token } = await createTokenWithin(db, orgId, { tokenId, userId: person.id, scopes, expiresAt });
      return { created: { id, login, token } };
    },
    async 'tokens revoke'({ context: { db, caller } }, given) {
      await revokeToken(db, caller.viewer.orgId, idIn(given, 'tokenId'));
      return {};
    },
    async 'queues create'({ context: { db, caller } }, given) {
      const key = textIn(given, 'key');
      const name = textIn(given, 'name');
      requireValid({ name: lengthOf(name) <= QUEUE_NAME_LENGTH_MAX });
      const unset = { description: undefined, lead: undefined, defaultType: undefined, defaultPriority: undefined };
      await createQueueFor(db, caller.viewer, { key, name, ...unset });
      return { from: key };
    },
    'queues close': (visited, given) => setActive(visited, given, false),
    'queues reopen': (visited, given) => setActive(visited, given, true),
    async 'linktypes set-rules'({ context: { db, caller } }, given) {
      const single = SINGLES.find((end) => end === given['single']);
      requireValid({ single: single !== undefined });
      const id = textIn(given, 'type');
      const type = await getLinkType(db, caller.viewer.orgId, id);
      const isGiven = (rule: string) => given[rule] === 'on';
      await updateLinkType(db, caller.viewer, id, {
        inward: undefined,
        outward: undefined,
        // To set an unchanged rule again would check all links of the type.
        antisymmetric: changed(type.is_antisymmetric, isGiven('antisymmetric')),
        acyclic: changed(type.is_acyclic, isGiven('acyclic')),
        single: changed(type.single_end, single),
        version: idIn(given, 'version'),
      });
      return {};
    },
  } satisfies Record<string, (visited: Visit, given: Form) => Promise<Outcome>>),
);

const SINGLES = ['none', 'inward', 'outward'] as const;

async function setActive({ context: { db, caller } }: Visit, given: Form, isActive: boolean): Promise<Outcome> {
  // Not by its name: an administrator may manage a queue without seeing it.
  await setProjectActive(db, caller.viewer, idIn(given, 'queue'), isActive);
  return {};
}

function changed<Value>(before: Value, after: Value): Value | undefined {
  return before === after ? undefined : after;
}

/** Empty for a missing field, and without the character that PostgreSQL has in no string. */
function textIn(given: Form, name: string): string {
  const value = given[name];
  return typeof value === 'string' ? value.replaceAll('\0', '') : '';
}

function idIn(given: Form, name: string): number {
  const value = textIn(given, name);
  return /^\d{1,15}$/.test(value) ? Number(value) : NO_ID;
}

function roleIn(given: Form): (typeof ORGANISATION_ROLES)[number] {
  const role = ORGANISATION_ROLES.find((one) => one === given['role']);
  if (role === undefined) throw new DomainError('invalid', undefined, { role: texts.formInvalid });
  return role;
}

import { ORGANISATION_ROLES } from '../core/access/viewer.ts';
import type { LinkTypeRow } from '../core/link-types/link-types.store.ts';
import type { OrganisationRow } from '../core/organisations/organisations.store.ts';
import type { QueueState } from '../core/queues/queues.store.ts';
import type { TokenDescription, TokenScope } from '../core/tokens/tokens.service.ts';
import { LOGIN_LENGTH_MAX } from '../core/users/login.ts';
import type { User } from '../core/users/users.service.ts';
import { type Markup, markup } from '../markup.ts';
import type { Language, Text } from '../texts.ts';
import { adminTexts } from './admin-texts.ts';
import { section, time } from './issue-page.ts';
import type { Place } from './page.ts';

export const SECTIONS = ['users', 'tokens', 'queues', 'linktypes'] as const;
export type Section = (typeof SECTIONS)[number];

/** Rows of a page, and the most links that are counted of each type. */
export const ROWS_MAX = 50;
export const LINKS_COUNTED_MAX = 10_000;
export const QUEUE_NAME_LENGTH_MAX = 255;
export const DAYS_MAX = 3650;

/** What a page of administration shows besides the rows of its section. */
export interface AdminView extends Place {
  readonly orgId: string;
  /** The reader. */
  readonly userId: number;
  /** The token that the reader is signed in with. */
  readonly tokenId: number;
  /** Those of that token, and the only ones that it can give to another. */
  readonly scopes: readonly TokenScope[];
  /** A hidden field of all forms that write. */
  readonly formKey: string;
  /** What the list starts with, as the query names it. */
  readonly from: string;
  /** The login of the user whose tokens are shown. */
  readonly user: string;
  /** What a refused form contained. */
  readonly given: Readonly<Record<string, unknown>>;
  /** Why it was refused. */
  readonly problems: readonly string[];
  readonly notice: Markup | undefined;
}

/** How programs do what the section does. */
const FOR_PROGRAMS: Readonly<Record<Section, readonly [command: string, ...calls: string[]]>> = {
  users: [
    'user list|create|set-role|disable|enable',
    'getAllUsers',
    'createUser',
    'updateUser',
    'disableUser',
    'enableUser',
  ],
  tokens: [
    'token list|create|revoke|rotate',
    'GET /v3/tokens',
    'POST /v3/tokens',
    'DELETE /v3/tokens/{tokenId}',
    'POST /v3/tokens/{tokenId}/_rotate',
  ],
  queues: ['queue list|create|close|reopen', 'POST /v3/queues', 'getAllProjects', 'disableProject', 'enableProject'],
  linktypes: ['link-type list|set-rules', 'GET /v3/linktypes', 'PATCH /v3/linktypes/{linkTypeId}'],
};

const SECTION_NOTES = {
  users: adminTexts.usersWhat,
  tokens: adminTexts.tokensWhat,
  queues: adminTexts.queuesWhat,
  linktypes: adminTexts.linktypesWhat,
} as const;

export function overviewPage(place: Place, organisation: OrganisationRow): Markup {
  const { language, root } = place;
  const facts: readonly [Text, string][] = [
    [adminTexts.organisation, organisation.name],
    [adminTexts.id, organisation.org_id],
    [adminTexts.language, organisation.language],
    [adminTexts.onePerPair, (organisation.one_link_per_pair ? adminTexts.onlyOne : adminTexts.many)[language]],
  ];
  return markup`${heading(place, undefined)}
<dl>${facts.map(([name, value]) => markup`<div><dt>${name[language]}</dt><dd><bdi>${value}</bdi></dd></div>`)}</dl>
<ul class="rows">${SECTIONS.map(
    (name) =>
      markup`<li><a href="${root}admin/${name}">${adminTexts[name][language]}</a> <span class="quiet">${SECTION_NOTES[name][language]}</span></li>`,
  )}</ul>`;
}

export function usersPage(view: AdminView, users: readonly User[]): Markup {
  const { language } = view;
  return sectionPage(view, 'users', {
    find: field(adminTexts.fromLogin[language], 'from', view.from),
    rows: users.slice(0, ROWS_MAX).map((user) => userRow(view, user)),
    next: users[ROWS_MAX]?.login,
    add: newForm(
      view,
      adminTexts.addUser,
      adminTexts.add,
      markup`${field(adminTexts.login[language], 'login', view.given['login'], markup`required maxlength="${LOGIN_LENGTH_MAX}" autocomplete="off"`)}
${field(adminTexts.name[language], 'name', view.given['name'], markup`autocomplete="off"`)}
${field(adminTexts.email[language], 'email', view.given['email'], markup`type="email" autocomplete="off"`)}
<label>${adminTexts.role[language]}${select(roles(language), 'role', view.given['role'] ?? 'member')}</label>
${field(adminTexts.password[language], 'password', '', markup`type="password" autocomplete="new-password"`)}`,
    ),
  });
}

function userRow(view: AdminView, { id, login, display, email, role, isActive }: User): Markup {
  const { language, root } = view;
  return markup`<li><div><strong><bdi>${display}</bdi></strong> <span class="quiet"><bdi>${login}</bdi>${email && markup`, <bdi>${email}</bdi>`}</span>
${id === view.userId ? tag(adminTexts.you[language]) : undefined} ${tag(adminTexts[role][language])} ${isActive ? undefined : tag(adminTexts.disabled[language])}</div>
${rowForm(
  view,
  { user: String(id) },
  markup`${select(roles(language), 'role', role, adminTexts.roleOf(login)[language])}
${act(language, 'set-role', adminTexts.setRole, login)} ${isActive ? act(language, 'disable', adminTexts.disable, login) : act(language, 'enable', adminTexts.enable, login)}
<a href="${root}admin/tokens?user=${encodeURIComponent(login)}" aria-label="${adminTexts.tokens[language]}: ${login}">${adminTexts.tokens[language]}</a>`,
)}</li>`;
}

export function tokensPage(view: AdminView, tokens: readonly TokenDescription[]): Markup {
  const { language, given } = view;
  const scopes = [given['scope'] ?? ['read', 'write']].flat();
  return sectionPage(view, 'tokens', {
    find: field(adminTexts.ofUser[language], 'user', view.user),
    rows: tokens.slice(0, ROWS_MAX).map((token) => tokenRow(view, token)),
    next: tokens[ROWS_MAX] && String(tokens[ROWS_MAX].id),
    add: newForm(
      view,
      adminTexts.addToken,
      adminTexts.create,
      markup`${field(adminTexts.login[language], 'login', given['login'] ?? view.user, markup`required maxlength="${LOGIN_LENGTH_MAX}" autocomplete="off"`)}
<fieldset><legend>${adminTexts.scopes[language]}</legend>${view.scopes.map((scope) =>
        checkbox(
          adminTexts[scope === 'admin' ? 'adminScope' : scope][language],
          'scope',
          scope,
          scopes.includes(scope),
        ),
      )}</fieldset>
${field(adminTexts.days[language], 'days', given['days'], markup`type="number" min="1" max="${DAYS_MAX}"`)}`,
    ),
  });
}

function tokenRow(
  view: AdminView,
  { id, login, kind, scopes, state, createdAt, expiresAt, lastUsedAt }: TokenDescription,
): Markup {
  const { language } = view;
  const moment = (date: Date) => time(language, date.toISOString());
  return markup`<li><div><strong>${id}</strong> <bdi>${login}</bdi> ${tag(adminTexts[kind][language])} ${tag(scopes.join(', '))}
${state === 'good' ? undefined : tag(adminTexts[state][language])} ${id === view.tokenId ? tag(adminTexts.inUse[language]) : undefined}
<div class="quiet">${adminTexts.created[language]} ${moment(createdAt)}${expiresAt ? markup`, ${adminTexts.expires[language]} ${moment(expiresAt)}` : undefined}, ${
    lastUsedAt ? markup`${adminTexts.lastUsed[language]} ${moment(lastUsedAt)}` : adminTexts.neverUsed[language]
  }</div></div>
${state === 'good' ? rowForm(view, { tokenId: String(id) }, act(language, 'revoke', adminTexts.revoke, String(id))) : undefined}</li>`;
}

export function queuesPage(view: AdminView, queues: readonly QueueState[]): Markup {
  const { language } = view;
  return sectionPage(view, 'queues', {
    find: field(adminTexts.fromKey[language], 'from', view.from),
    rows: queues.slice(0, ROWS_MAX).map((queue) => queueRow(view, queue)),
    next: queues[ROWS_MAX]?.key,
    add: newForm(
      view,
      adminTexts.addQueue,
      adminTexts.create,
      markup`<p class="quiet">${adminTexts.addQueueWhat[language]}</p>
${field(adminTexts.key[language], 'key', view.given['key'], markup`required maxlength="50" autocomplete="off"`)}
${field(adminTexts.name[language], 'name', view.given['name'], markup`required maxlength="${QUEUE_NAME_LENGTH_MAX}" autocomplete="off"`)}`,
    ),
  });
}

function queueRow(view: AdminView, { id, key, name, isOpen, isActive, isManaged }: QueueState): Markup {
  const { language } = view;
  const [verb, label] = isActive ? (['close', adminTexts.close] as const) : (['reopen', adminTexts.reopen] as const);
  return markup`<li><div><strong>${key}</strong> <bdi>${name}</bdi> ${isActive ? undefined : tag(adminTexts.closed[language])}
${isOpen ? undefined : tag(adminTexts.membersOnly[language])}</div>
${
  isManaged
    ? rowForm(view, { queue: String(id) }, act(language, verb, label, key))
    : markup`<span class="quiet">${adminTexts.notManaged[language]}</span>`
}</li>`;
}

export function linkTypesPage(
  view: AdminView,
  types: readonly { readonly type: LinkTypeRow; readonly links: number }[],
): Markup {
  return sectionPage(view, 'linktypes', {
    find: field(adminTexts.fromId[view.language], 'from', view.from),
    rows: types.slice(0, ROWS_MAX).map(({ type, links }) => linkTypeRow(view, type, links)),
    next: types[ROWS_MAX]?.type.link_type_id,
    add: undefined,
  });
}

function linkTypeRow(view: AdminView, type: LinkTypeRow, links: number): Markup {
  const { language } = view;
  const id = type.link_type_id;
  const inward = type[`inward_${language}`];
  const outward = type[`outward_${language}`];
  const count = links > LINKS_COUNTED_MAX ? `> ${LINKS_COUNTED_MAX}` : String(links);
  const singles = [
    ['none', adminTexts.singleNone[language]],
    ['inward', adminTexts.singleEnd(inward)[language]],
    ['outward', adminTexts.singleEnd(outward)[language]],
  ] as const;
  return markup`<li><div><strong>${id}</strong> <bdi>${inward}</bdi>${type.is_symmetric ? undefined : markup` ↔ <bdi>${outward}</bdi>`}
${tag(adminTexts.links(count)[language])} ${type.import_only ? tag(adminTexts.importOnly[language]) : undefined}</div>
${
  type.is_symmetric
    ? markup`<span class="quiet">${adminTexts.symmetric[language]}</span>`
    : rowForm(
        view,
        { type: id, version: String(type.version) },
        markup`<fieldset><legend class="hidden">${id}</legend>
${checkbox(adminTexts.antisymmetric[language], 'antisymmetric', 'on', type.is_antisymmetric)}
${checkbox(adminTexts.acyclic[language], 'acyclic', 'on', type.is_acyclic)}
<label class="check">${adminTexts.single[language]}${select(singles, 'single', type.single_end)}</label>
${act(language, 'set-rules', adminTexts.setRules, id)}</fieldset>`,
      )
}</li>`;
}

/** The notice with a new token, which no other page shows. */
export function newTokenNotice(
  language: Language,
  { id, login, token }: { id: number; login: string; token: string },
): Markup {
  return markup`${adminTexts.newToken(String(id), login)[language]}<pre tabindex="0">${token}</pre>`;
}

function heading({ language, root }: Place, current: Section | undefined): Markup {
  const links = [
    ['', adminTexts.overview],
    ...SECTIONS.map((name) => [`/${name}`, adminTexts[name]] as const),
  ] as const;
  return markup`<h1>${adminTexts.title[language]}</h1>
<nav aria-label="${adminTexts.title[language]}">${links.map(([path, name]) => {
    const isCurrent = path === (current === undefined ? '' : `/${current}`);
    return markup`<a href="${root}admin${path}"${isCurrent ? markup` aria-current="page"` : undefined}>${name[language]}</a> `;
  })}</nav>`;
}

interface SectionParts {
  /** The fields that choose the rows. */
  readonly find: Markup;
  readonly rows: readonly Markup[];
  /** What the next page starts with. */
  readonly next: string | undefined;
  readonly add: Markup | undefined;
}

function sectionPage(view: AdminView, name: Section, { find, rows, next, add }: SectionParts): Markup {
  const { language, problems, notice } = view;
  const query = new URLSearchParams({ ...(view.user !== '' && { user: view.user }), from: next ?? '' });
  return markup`${heading(view, name)}
${problems.map((problem) => markup`<p class="problem" role="alert">${problem}</p>`)}
${notice && markup`<div class="notice" role="status">${notice}</div>`}
${section(
  adminTexts[name][language],
  markup`<form class="find" method="get">${find}<div><button>${adminTexts.show[language]}</button></div></form>
${rows.length === 0 ? markup`<p>${adminTexts.empty[language]}</p>` : markup`<ul class="rows">${rows}</ul>`}
${next === undefined ? undefined : markup`<p><a rel="next" href="?${query.toString()}">${adminTexts.next[language]}</a></p>`}`,
)}
${add}
${forPrograms(view, name)}`;
}

function forPrograms({ language, root, orgId }: AdminView, name: Section): Markup {
  const [command, ...calls] = FOR_PROGRAMS[name];
  return markup`<p class="quiet">${adminTexts.alsoAs[language]} <code>issue-links ${command} --org ${orgId}</code>${calls.map(
    (call) =>
      call.includes(' ')
        ? markup`, <code>${call}</code>`
        : markup`, <a href="${root}docs/json-rpc#${call}">${call}</a>`,
  )}</p>`;
}

function newForm({ language, formKey }: AdminView, title: Text, verb: Text, fields: Markup): Markup {
  return section(
    title[language],
    markup`<form class="fields" method="post">${hidden({ formKey })}${fields}
<div><button name="act" value="create">${verb[language]}</button></div></form>`,
  );
}

/** A form about a row. Without an action, forms are sent to the URL of the page, so that it shows the same rows again. */
function rowForm({ formKey }: AdminView, values: Readonly<Record<string, string>>, content: Markup): Markup {
  return markup`<form class="acts" method="post">${hidden({ ...values, formKey })}${content}</form>`;
}

function hidden(values: Readonly<Record<string, string>>): Markup {
  return markup`${Object.entries(values).map(([name, value]) => markup`<input type="hidden" name="${name}" value="${value}">`)}`;
}

/** A button. Those of several rows have the same text, so its name for screen readers says which row it is about. */
function act(language: Language, name: string, label: Text, row: string): Markup {
  return markup`<button name="act" value="${name}" aria-label="${label[language]}: ${row}">${label[language]}</button>`;
}

function tag(text: string): Markup {
  return markup`<span class="status">${text}</span>`;
}

function field(label: string, name: string, value: unknown, attributes?: Markup): Markup {
  return markup`<label>${label}<input name="${name}" value="${typeof value === 'string' ? value : ''}" ${attributes}></label>`;
}

function checkbox(label: string, name: string, value: string, isChecked: boolean): Markup {
  return markup`<label class="check"><input type="checkbox" name="${name}" value="${value}"${isChecked ? markup` checked` : undefined}>${label}</label>`;
}

function select(
  options: readonly (readonly [value: string, label: string])[],
  name: string,
  chosen: unknown,
  label?: string,
): Markup {
  return markup`<select name="${name}"${label === undefined ? undefined : markup` aria-label="${label}"`}>${options.map(
    ([value, text]) =>
      markup`<option value="${value}"${value === chosen ? markup` selected` : undefined}>${text}</option>`,
  )}</select>`;
}

function roles(language: Language): [value: string, label: string][] {
  return ORGANISATION_ROLES.map((role) => [role, adminTexts[role][language]]);
}

import { randomBytes, randomUUID, scryptSync } from 'node:crypto';
import type { OrganisationRole } from '../../src/core/access/viewer.ts';
import type { Profile } from '../../src/core/organisations/defaults.ts';
import { APPLICATION_LOGIN, createOrganisation } from '../../src/core/organisations/organisations.service.ts';
import { addMember } from '../../src/core/queues/queue-members.service.ts';
import { createQueue } from '../../src/core/queues/queues.service.ts';
import { createToken, replaceAccountToken, type TokenScope } from '../../src/core/tokens/tokens.service.ts';
import {
  deleteOrder,
  insertOrder,
  selectLinksOfType,
} from '../../src/core/topological-order/topological-order.store.ts';
import { sortTopologically } from '../../src/core/topological-order/topological-sort.ts';
import { createUser, getUserId } from '../../src/core/users/users.service.ts';
import type { Database, Transaction } from '../../src/database/database.ts';
import type { Language } from '../../src/texts.ts';

export interface GivenOrganisation {
  readonly orgId: string;
  readonly cloudId: string;
  /** Its administrator. */
  readonly admin: GivenUser;
}

export interface GivenUser {
  readonly id: number;
  readonly login: string;
  readonly token: string;
  /** Headers of a request by this user. */
  readonly headers: { readonly Authorization: string; readonly 'X-Org-ID': string };
}

/** A new organisation with an administrator. */
export async function givenOrganisation(
  db: Database,
  { language = 'ru', profile = 'tracker' }: { language?: Language; profile?: Profile } = {},
): Promise<GivenOrganisation> {
  const orgId = unique('org');
  const cloudId = unique('cloud');
  await createOrganisation(db, { orgId, cloudId, name: orgId, language, profile });
  return { orgId, cloudId, admin: await givenUser(db, orgId, { role: 'admin', scopes: ['read', 'write', 'admin'] }) };
}

export async function givenUser(
  db: Database,
  orgId: string,
  {
    role = 'member',
    scopes = ['read', 'write'],
    display,
  }: { role?: OrganisationRole; scopes?: TokenScope[]; display?: string } = {},
): Promise<GivenUser> {
  const login = unique('user');
  const id = await createUser(db, orgId, { login, role, display });
  const { token } = await createToken(db, orgId, id, { scopes });
  return { id, login, token, headers: { Authorization: `OAuth ${token}`, 'X-Org-ID': orgId } };
}

/** Gives a user a password whose hash costs little to compute, and therefore to compare. */
export async function givenCheapHash(db: Database, userId: number, password: string): Promise<void> {
  const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  const salt = randomBytes(16);
  const key = scryptSync(password, salt, 32, { N: 2, r: 1, p: 1 });
  await db.query({
    name: '',
    text: 'update users set password_hash = $1 where user_id = $2',
    values: [`$scrypt$ln=1,r=1,p=1$${unpadded(salt)}$${unpadded(key)}`, userId],
  });
}

export interface GivenQueue {
  readonly id: number;
  readonly key: string;
  /** The ids of its columns, from left to right. */
  readonly columns: readonly number[];
}

/** A queue; with `members`, closed to all other users. */
export async function givenQueue(
  db: Database,
  { orgId, admin }: GivenOrganisation,
  members?: GivenUser[],
): Promise<GivenQueue> {
  const key = `Q${randomUUID().replaceAll('-', '').toUpperCase()}`;
  const id = await createQueue(db, orgId, { key, name: key, leadId: admin.id });
  if (members) {
    // While the queue is open, every administrator manages it.
    const viewer = { orgId, userId: admin.id, role: 'admin', isApplication: false } as const;
    for (const { id: userId } of members) await addMember(db, viewer, id, { userId, role: 'member' });
    await db.query({
      name: '',
      text: `update queues set access = 'members' where org_id = $1 and queue_id = $2`,
      values: [orgId, id],
    });
  }
  const columns = await db.query<{ column_id: number }>({
    name: '',
    text: 'select column_id from columns where org_id = $1 and queue_id = $2 order by position',
    values: [orgId, id],
  });
  return { id, key, columns: columns.map(({ column_id }) => column_id) };
}

export interface GivenIssue {
  readonly id: number;
  readonly hexId: string;
  readonly key: string;
}

export async function givenIssue(
  db: Database,
  { orgId, admin }: GivenOrganisation,
  queue: string,
  { summary = 'An issue', assignee }: { summary?: string; assignee?: GivenUser } = {},
): Promise<GivenIssue> {
  const [row] = await db.query<GivenIssue>({
    name: '',
    text: `
      with queue as (
        update queues set last_issue_number = last_issue_number + 1 where org_id = $1 and key = $2 returning *
      )
      insert into issues (org_id, key, queue_id, summary, issue_type_id, priority_id, status_id, assignee_id,
        created_by, updated_by)
      select $1, key || '-' || last_issue_number, queue_id, $3, default_issue_type_id, default_priority_id, 1, $4, $5, $5
      from queue
      returning issue_id as id, hex_id as "hexId", key`,
    values: [orgId, queue, summary, assignee?.id, admin.id],
  });
  return row as GivenIssue;
}

/** A link of this type between these ends; returns its id. Written in SQL: it leaves no events and skips the rules. */
export async function givenLink(
  db: Database,
  { orgId, admin }: GivenOrganisation,
  type: string,
  inward: GivenIssue,
  outward: GivenIssue,
): Promise<number> {
  const [row] = await db.query<{ link_id: number; is_acyclic: boolean }>({
    name: '',
    text: `
      insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
        is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by)
      select $1, $2, $3, $4, 'inward', is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, $5, $5
      from link_types join organisations using (org_id)
      where org_id = $1 and link_type_id = $2
      returning link_id, is_acyclic`,
    values: [orgId, type, inward.id, outward.id, admin.id],
  });
  if (row === undefined) throw new Error(`The organisation has no link type ${type}.`);
  if (row.is_acyclic) await db.transaction((transaction) => givenOrder(transaction, orgId, type));
  return row.link_id;
}

/** Sorts all issues that links of the type connect; those on and behind cycles are last. */
async function givenOrder(db: Transaction, orgId: string, type: string): Promise<void> {
  const links = await selectLinksOfType(db, orgId, type);
  const issueIds = links.flatMap(({ inward_issue_id, outward_issue_id }) => [inward_issue_id, outward_issue_id]);
  await deleteOrder(db, orgId, type);
  await insertOrder(db, orgId, type, [...new Set([...sortTopologically(links).order, ...issueIds])]);
}

/** Credentials for the Kanboard API. */
export interface GivenAccount {
  readonly orgId: string;
  readonly login: string;
  readonly secret: string;
}

/** The application account of an organisation. */
export async function givenApplication(db: Database, { orgId }: GivenOrganisation): Promise<GivenAccount> {
  const userId = await getUserId(db, orgId, APPLICATION_LOGIN);
  const secret = await replaceAccountToken(db, orgId, userId, 'application');
  return { orgId, login: APPLICATION_LOGIN, secret };
}

/** A user with a personal token. */
export async function givenAccount(
  db: Database,
  { orgId }: GivenOrganisation,
  role: OrganisationRole = 'member',
): Promise<GivenAccount & { readonly id: number }> {
  const { id, login } = await givenUser(db, orgId, { role });
  return { id, orgId, login, secret: await replaceAccountToken(db, orgId, id, 'personal') };
}

function unique(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}

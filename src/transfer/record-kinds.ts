/**
 * The records of an export, one kind for each table, in an order in which each follows what it refers to. decision 27
 * says which tables are not here and why.
 */

/** A column of a table, and the member of the record that holds its value. */
export interface Column {
  readonly name: string;
  readonly member: string;
  readonly type: string;
  /** SQL. A record without the member has this value, and an export leaves the member out; unset if null is possible. */
  readonly default: string | undefined;
  /** Exported only on request. */
  readonly isSecret: boolean;
  /** Not for secrets and counters, which change in an organisation that is otherwise as it was loaded. */
  readonly isCompared: boolean;
}

export interface RecordKind {
  readonly name: string;
  readonly table: string;
  /** The columns of the primary key come first, without org_id. */
  readonly columns: readonly Column[];
  readonly key: readonly Column[];
  /** Exported only on request. */
  readonly isSecret: boolean;
  /** The column that may refer to a later record of the same kind, so that all of them are written in one statement. */
  readonly selfReference: Column | undefined;
  /** SQL: values that follow from others, by column, and the joins that they come from. */
  readonly derived: { readonly columns: Readonly<Record<string, string>>; readonly joins: string };
}

/** `name type`, then `default SQL` or the column whose value is the default, and `secret` or `counter`. */
const COLUMN = /^(?<name>\w+) (?<type>[\w[\]]+)(?: default (?<default>\S+))?(?: (?<mark>secret|counter))?$/;

function kind(
  name: string,
  table: string,
  { key, columns: text, isSecret = false, selfReference, derived = { columns: {}, joins: '' } }: KindOptions,
): RecordKind {
  const columns = text.split(',').map((part): Column => {
    const groups = COLUMN.exec(part.trim().replaceAll(/\s+/g, ' '))?.groups;
    if (groups === undefined) throw new Error(`The column "${part}" of ${table} is malformed.`);
    const { name: column = '', type = '', default: value } = groups;
    const isId = key === 1 && text.trimStart().startsWith(column) && column.endsWith('_id');
    const member = isId ? 'id' : column.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const { mark } = groups;
    const isSecret = mark === 'secret';
    return { name: column, member, type, default: value, isSecret, isCompared: mark === undefined };
  });
  return {
    name,
    table,
    columns,
    key: columns.slice(0, key),
    isSecret,
    selfReference: columns.find((column) => column.name === selfReference),
    derived,
  };
}

interface KindOptions {
  /** How many of the columns are the primary key, besides org_id. */
  readonly key: number;
  readonly columns: string;
  readonly isSecret?: boolean;
  readonly selfReference?: string;
  readonly derived?: RecordKind['derived'];
}

const AUTHORS = 'created_by bigint, updated_by bigint default created_by';
const TIMES = 'created_at timestamptz, updated_at timestamptz default created_at';
const NAMES = 'name_ru text, name_en text, position integer, version integer default 1';
const LABELS = 'inward_ru text, inward_en text, outward_ru text, outward_en text';

export const RECORD_KINDS: readonly RecordKind[] = [
  kind('organisation', 'organisations', {
    key: 0,
    columns: `cloud_id text, name text, language text default 'en', profile text default 'tracker',
      one_link_per_pair boolean, last_label_id integer counter, created_at timestamptz`,
    derived: { columns: { is_loading: 'true' }, joins: '' },
  }),
  kind('application', 'applications', {
    key: 1,
    columns: 'application_id text, type text, name_ru text, name_en text, position integer',
  }),
  kind('status', 'statuses', {
    key: 1,
    columns: `status_id bigint, key text, type text, ${NAMES}, created_by bigint`,
  }),
  kind('issueType', 'issue_types', { key: 1, columns: `issue_type_id bigint, key text, ${NAMES}` }),
  kind('priority', 'priorities', { key: 1, columns: `priority_id bigint, key text, ${NAMES}` }),
  kind('resolution', 'resolutions', { key: 1, columns: `resolution_id bigint, key text, ${NAMES}` }),
  kind('label', 'labels', {
    key: 1,
    columns: 'label_id integer, label text, name_ru text, name_en text, phrase text, opposite_id integer',
    selfReference: 'opposite_id',
  }),
  kind('linkType', 'link_types', {
    key: 1,
    columns: `link_type_id text, inward_label_id integer, outward_label_id integer, is_symmetric boolean default false,
      is_antisymmetric boolean default false, is_acyclic boolean default false, single_end text default 'none',
      import_only boolean default false, shares_label boolean default false, version integer default 1`,
  }),
  kind('user', 'users', {
    key: 1,
    columns: `user_id bigint, login text, uid bigint, passport_uid bigint, cloud_uid text, display text, email text,
      role text default 'member', is_active boolean default true, is_application boolean default false,
      loopback_only boolean default false, created_at timestamptz, removed_at timestamptz, password_hash text secret`,
  }),
  kind('token', 'tokens', {
    key: 1,
    columns: `token_id bigint, user_id bigint, kind text, token_hash bytea, scopes text[],
      loopback_only boolean default false, created_at timestamptz, expires_at timestamptz, revoked_at timestamptz,
      last_used_at timestamptz secret`,
    isSecret: true,
  }),
  kind('queue', 'queues', {
    key: 1,
    columns: `queue_id bigint, key text, name text, description text, access text default 'organisation',
      lead_id bigint, default_issue_type_id bigint, default_priority_id bigint, last_issue_number bigint default 0 counter,
      version integer default 1, is_active boolean default true, identifier text default '', kanboard jsonb default '{}',
      ${TIMES}`,
  }),
  kind('queueMember', 'queue_members', {
    key: 2,
    columns: `queue_id bigint, user_id bigint, role text default 'member'`,
  }),
  kind('category', 'categories', { key: 1, columns: 'category_id bigint, queue_id bigint, name text, color text' }),
  kind('tag', 'tags', { key: 1, columns: 'tag_id bigint, queue_id bigint, name text, color text' }),
  kind('column', 'columns', {
    key: 1,
    columns: `column_id bigint, queue_id bigint, status_id bigint, title text, position integer,
      task_limit integer default 0, description text default ''`,
  }),
  kind('issue', 'issues', {
    key: 1,
    columns: `issue_id bigint, key text, hex_id text, queue_id bigint, version integer default 1, summary text,
      description text, issue_type_id bigint, priority_id bigint, status_id bigint, previous_status_id bigint,
      is_open boolean default true, assignee_id bigint, author_id bigint, follower_ids bigint[] default '{}',
      tags text[] default '{}', resolution_id bigint, resolved_by bigint, resolved_at timestamptz,
      unique_token text, ${AUTHORS}, ${TIMES}, moved_at timestamptz default created_at, closed_at timestamptz,
      started_at timestamptz, due_at timestamptz, time_spent float8, time_estimated float8, color text default 'yellow',
      position integer default 1, reference text default '', kanboard jsonb default '{}'`,
  }),
  kind('alias', 'issue_aliases', { key: 1, columns: 'key text, issue_id bigint' }),
  kind('comment', 'comments', {
    key: 1,
    columns: `comment_id bigint, hex_id text, issue_id bigint, text text, visibility text default 'app-user',
      reference text default '', summonee_ids bigint[] default '{}', version integer default 1, ${AUTHORS}, ${TIMES}`,
  }),
  kind('remoteLink', 'remote_links', {
    key: 1,
    columns: `remote_link_id bigint, issue_id bigint, application_id text, object_id text, object_key text, title text,
      link_type_id text, direction text default 'outward', dependency text default 'related',
      may_repeat boolean default false, ${AUTHORS}, ${TIMES}`,
  }),
  kind('link', 'links', {
    key: 1,
    columns: `link_id bigint, link_type_id text, inward_issue_id bigint, outward_issue_id bigint,
      first_end text default 'inward', version integer default 1, ${AUTHORS}, ${TIMES}`,
    derived: {
      columns: {
        is_symmetric: 'link_types.is_symmetric',
        is_antisymmetric: 'link_types.is_antisymmetric',
        is_acyclic: 'link_types.is_acyclic',
        single_end: 'link_types.single_end',
        shares_label: 'link_types.shares_label',
        one_link_per_pair: 'organisations.one_link_per_pair',
      },
      joins: `
      join link_types on link_types.org_id = :orgId and link_types.link_type_id = given."linkTypeId"
      join organisations on organisations.org_id = :orgId`,
    },
  }),
  kind('event', 'events', {
    key: 1,
    columns: 'event_id bigint, issue_id bigint, type text, user_id bigint, created_at timestamptz, changes jsonb',
    // Before all transactions of this server, so that the order of the ids is the order of the changelog (decision 12).
    derived: { columns: { transaction_id: `'0'::xid8` }, joins: '' },
  }),
  kind('deletedIssue', 'deleted_issues', {
    key: 1,
    columns: `issue_id bigint, hex_id text, key text, summary text, queue_id bigint, was_open boolean default false,
      reader_ids bigint[] default '{}'`,
  }),
  kind('deletedLinkType', 'deleted_link_types', { key: 1, columns: `link_type_id text, ${LABELS}` }),
  kind('deletedStatus', 'deleted_statuses', { key: 1, columns: 'status_id bigint, name text' }),
];

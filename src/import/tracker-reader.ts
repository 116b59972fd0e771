import { remoteObjectId } from '../core/remote-links/remote-object.ts';
import { addOrganisation, applicationUser, HEAD, type Reader, type ReaderOptions, uidOf } from './base.ts';
import { RecordBuffer, type Row } from './record-buffer.ts';
import { type Entity, TrackerClient } from './tracker-client.ts';
import { TrackerLinks } from './tracker-links.ts';

const STATUS_TYPES = new Set(['new', 'paused', 'inProgress', 'done', 'cancelled']);
const DICTIONARIES = {
  statuses: 'status',
  issuetypes: 'issueType',
  priorities: 'priority',
  resolutions: 'resolution',
} as const;
const ID_COLUMNS = {
  status: 'status_id',
  issueType: 'issue_type_id',
  priority: 'priority_id',
  resolution: 'resolution_id',
} as const;
type Dictionary = keyof typeof ID_COLUMNS;

/** The members of an issue that are kept, or that are seen in what is. */
const KEPT_MEMBERS = new Set(
  `self id key version summary description type priority status previousStatus statusType createdAt createdBy updatedAt updatedBy
  assignee author followers tags aliases queue resolution resolver resolvedAt deadline storyPoints unique parent epic links
  commentWithoutExternalMessageCount commentWithExternalMessageCount lastCommentUpdatedAt statusStartTime favorite votes
  previousQueue previousStatusLastAssignee`.split(/\s+/),
);
/** Members without a value are not lost. */
const isEmpty = (value: unknown) =>
  value === null || value === '' || value === 0 || value === false || (Array.isArray(value) && value.length === 0);

/** Reads a Tracker through its REST API. */
export class TrackerReader implements Reader {
  readonly buffer = new RecordBuffer();
  readonly #options: ReaderOptions;
  readonly #client: TrackerClient;
  readonly #links = new TrackerLinks(this.buffer);
  readonly #known: Record<Dictionary, Set<number>> = {
    status: new Set(),
    issueType: new Set(),
    priority: new Set(),
    resolution: new Set(),
  };
  /** user_ids by uid. */
  readonly #users = new Map<string, number>();
  readonly #logins = new Set<string>();
  readonly #columns = new Set<string>();
  readonly #queues = new Map<string, number>();
  /** issue_ids by key and by hex id. */
  readonly #issues = new Map<string, number>();
  readonly #applications = new Set<string>();
  readonly #remoteLinks = new Set<string>();
  #lastId = { issue: 0, column: 0, comment: 0 };

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#client = new TrackerClient(options.source);
  }

  async *read(): AsyncGenerator<string> {
    const { buffer } = this;
    yield HEAD;
    addOrganisation(buffer, this.#options, 'tracker');
    this.#links.addInitialTypes();
    buffer.add('user', applicationUser(1, this.#options.startedAt));
    await this.#readDictionaries();
    const { body: me } = await this.#client.send({ path: '/myself' });
    for await (const users of this.#client.pages('/users')) for (const user of users) this.#addUser(user, me as Entity);
    const keys: string[] = [];
    for await (const queues of this.#client.pages('/queues')) {
      for (const queue of queues) {
        this.#addQueue(queue);
        keys.push(String(queue.key));
      }
    }
    yield* buffer.take();
    const found: { key: string; id: number }[] = [];
    for (const queue of keys) {
      for await (const issues of this.#client.issuesOf(queue)) {
        for (const issue of issues) {
          const id = this.#addIssue(issue);
          if (id !== undefined) found.push({ key: String(issue.key), id });
        }
        if (buffer.isFull) yield* buffer.take();
      }
    }
    yield* buffer.take();
    for (const { key, id } of found) {
      await this.#readDetails(key, id);
      if (buffer.isFull) yield* buffer.take();
    }
    yield* buffer.take();
    buffer.note('entries of changelogs other than the creation of issues and of their links');
    buffer.note(
      'roles of users and permissions of queues: all queues are open, and only the owner of the token administers',
    );
  }

  /** The dictionaries, with the names that they have in both languages. */
  async #readDictionaries(): Promise<void> {
    for (const [path, kind] of Object.entries(DICTIONARIES)) {
      const [ru, en] = [await this.#dictionary(path, 'ru'), await this.#dictionary(path, 'en')];
      const englishNames = new Map(en.map(({ id, name }) => [String(id), name]));
      for (const entity of ru) this.#addEntity(kind, entity, englishNames.get(String(entity.id)));
    }
  }

  async #dictionary(path: string, language: string): Promise<Entity[]> {
    const { body } = await this.#client.send({ path: `/${path}`, headers: { 'Accept-Language': language } });
    return body as Entity[];
  }

  /** Adds the entry of a dictionary unless it is known, and returns its id. */
  #addEntity(kind: Dictionary, { id, key, name, display, type, order, version }: Entity, nameEn?: unknown): number {
    const known = this.#known[kind];
    const number = Number(id);
    if (known.has(number)) return number;
    known.add(number);
    const nameRu = name ?? display ?? key;
    this.buffer.add(kind, {
      [ID_COLUMNS[kind]]: number,
      key,
      ...{ name_ru: nameRu, name_en: nameEn ?? nameRu, position: order ?? known.size, version },
      ...(kind === 'status' && { type: STATUS_TYPES.has(String(type)) ? type : 'new' }),
    });
    return number;
  }

  /** Adds the user unless it is known, and returns the user_id. */
  #addUser(user: Entity, me?: Entity): number {
    const { uid = user.id, display, email, passportUid, cloudUid, dismissed, firstLoginDate, login } = user;
    const known = this.#users.get(String(uid));
    if (known !== undefined) return known;
    const user_id = this.#users.size + 2;
    this.#users.set(String(uid), user_id);
    const wanted = typeof login === 'string' && login !== '' ? login : `user-${String(uid)}`;
    const isTaken = wanted === 'jsonrpc' || this.#logins.has(wanted);
    const name = isTaken ? `${wanted}-${String(uid)}` : wanted;
    if (isTaken) this.buffer.note('logins that two users have, or that is that of applications');
    this.#logins.add(name);
    this.buffer.add('user', {
      ...{ user_id, login: name, display, email, passport_uid: passportUid, cloud_uid: cloudUid },
      uid: Number.isSafeInteger(Number(uid)) ? Number(uid) : uidOf(user_id),
      // A user who is not in the list, but in an issue, has left.
      is_active: me !== undefined && dismissed !== true,
      role: me !== undefined && String(me['uid']) === String(uid) ? 'admin' : 'member',
      created_at: firstLoginDate ?? this.#options.startedAt,
    });
    return user_id;
  }

  #addQueue({ id, key, name, description, lead, defaultType, defaultPriority, version }: Entity): number {
    const queue_id = Number(id);
    this.#queues.set(String(key), queue_id);
    const { startedAt } = this.#options;
    this.buffer.add('queue', {
      ...{ queue_id, key, name: name ?? key, description, version, created_at: startedAt },
      lead_id: lead ? this.#addUser(lead as Entity) : 1,
      default_issue_type_id: defaultType
        ? this.#addEntity('issueType', defaultType as Entity)
        : first(this.#known.issueType),
      default_priority_id: defaultPriority
        ? this.#addEntity('priority', defaultPriority as Entity)
        : first(this.#known.priority),
    });
    return queue_id;
  }

  /** Adds the column of a status unless the queue has it. */
  #addColumn(queue_id: number, status: Entity): number {
    const status_id = this.#addEntity('status', status);
    const name = `${queue_id} ${status_id}`;
    if (this.#columns.has(name)) return status_id;
    this.#columns.add(name);
    this.#lastId.column += 1;
    const title = status.display ?? status.key ?? String(status.id);
    this.buffer.add('column', { column_id: this.#lastId.column, queue_id, status_id, title, position: status_id });
    return status_id;
  }

  /** Returns the issue_id, or undefined for an issue that was read before. */
  #addIssue(issue: Entity): number | undefined {
    const { id, key, version, summary, description, createdAt, updatedAt, deadline, storyPoints } = issue;
    const hexId = String(id);
    if (this.#issues.has(hexId)) return undefined;
    this.#lastId.issue += 1;
    const issue_id = this.#lastId.issue;
    for (const name of [hexId, String(key)]) this.#issues.set(name, issue_id);
    const user = (member: string) => (issue[member] ? this.#addUser(issue[member] as Entity) : undefined);
    const queue = issue['queue'] as Entity;
    const queue_id = this.#queues.get(String(queue.key)) ?? this.#addQueue(queue);
    const status_id = this.#addColumn(queue_id, issue['status'] as Entity);
    const resolution = issue['resolution'] as Entity | undefined;
    const statusType = issue['statusType'] as Entity | undefined;
    const isClosed = ['done', 'cancelled'].includes(String(statusType?.key)) || resolution !== undefined;
    const resolvedAt = resolution && (issue['resolvedAt'] ?? updatedAt);
    const created_by = user('createdBy') ?? 1;
    this.buffer.add('issue', {
      ...{ issue_id, key, hex_id: hexId, queue_id, version, summary, description, status_id, created_by },
      issue_type_id: this.#addEntity('issueType', issue['type'] as Entity),
      priority_id: this.#addEntity('priority', issue['priority'] as Entity),
      previous_status_id: issue['previousStatus'] && this.#addEntity('status', issue['previousStatus'] as Entity),
      ...{ is_open: !isClosed, closed_at: isClosed ? (resolvedAt ?? updatedAt) : undefined },
      ...{ assignee_id: user('assignee'), author_id: user('author'), updated_by: user('updatedBy') },
      follower_ids: (issue['followers'] as Entity[] | undefined)?.map((follower) => this.#addUser(follower)),
      ...{ tags: issue['tags'], created_at: createdAt, updated_at: updatedAt, due_at: deadline },
      resolution_id: resolution && this.#addEntity('resolution', resolution),
      ...{ resolved_at: resolvedAt, resolved_by: resolution && (user('resolver') ?? user('updatedBy')) },
      kanboard: typeof storyPoints === 'number' ? { score: storyPoints } : undefined,
      position: Number(String(key).split('-')[1]),
    });
    const aliases = (issue['aliases'] as string[] | undefined) ?? [];
    for (const alias of aliases) this.buffer.add('alias', { key: alias, issue_id });
    for (const [member, value] of Object.entries(issue))
      if (!KEPT_MEMBERS.has(member) && !isEmpty(value)) this.buffer.note(`the member ${member} of issues`);
    this.buffer.addEvent({
      issue_id,
      type: 'IssueCreated',
      user_id: created_by,
      created_at: String(createdAt),
      changes: {},
    });
    return issue_id;
  }

  async #readDetails(key: string, issueId: number): Promise<void> {
    const path = `/issues/${key}`;
    const { body: links } = await this.#client.send({ path: `${path}/links`, isOptional: true });
    for (const link of (links as Entity[] | undefined) ?? []) this.#addLink(issueId, link);
    const { body: remoteLinks } = await this.#client.send({ path: `${path}/remotelinks`, isOptional: true });
    for (const link of (remoteLinks as Entity[] | undefined) ?? []) this.#addRemoteLink(issueId, link);
    for await (const comments of this.#client.pages(`${path}/comments`, { isOptional: true }))
      for (const comment of comments) this.#addComment(issueId, comment);
  }

  #authorship({ createdBy, updatedBy, createdAt, updatedAt }: Entity) {
    return {
      created_by: createdBy ? this.#addUser(createdBy as Entity) : 1,
      updated_by: updatedBy ? this.#addUser(updatedBy as Entity) : undefined,
      created_at: typeof createdAt === 'string' ? createdAt : this.#options.startedAt,
      updated_at: updatedAt,
    };
  }

  #addLink(issueId: number, link: Entity): void {
    const object = link['object'] as Entity;
    const otherId = this.#issues.get(String(object.id)) ?? this.#issues.get(String(object.key));
    if (otherId === undefined) {
      this.buffer.note('links to issues that the token cannot read');
      return;
    }
    const row = this.#links.rowOf(link, issueId, otherId);
    if (row) this.buffer.addLink({ ...row, ...this.#authorship(link) });
  }

  #addRemoteLink(issue_id: number, link: Entity): void {
    const object = link['object'] as Entity;
    const application = object['application'] as Entity;
    const application_id = String(application.id);
    if (!this.#applications.has(application_id)) {
      this.#applications.add(application_id);
      this.#addApplication(application_id, application);
    }
    const object_key = String(object.key);
    const name = `${issue_id} ${application_id} ${object_key}`;
    if (this.#remoteLinks.has(name)) return;
    this.#remoteLinks.add(name);
    const type = link['type'] as Entity | undefined;
    if (type) this.#links.addType(type);
    this.buffer.add('remoteLink', {
      ...{
        remote_link_id: Number(link.id),
        issue_id,
        application_id,
        object_id: remoteObjectId(object_key),
        object_key,
      },
      ...{ link_type_id: type?.id, direction: link['direction'], ...this.#authorship(link) },
    });
  }

  #addApplication(application_id: string, { type, name }: Entity): void {
    if (['ru.yandex.bitbucket', 'com.github', 'com.gitlab', 'weblink', 'attachment', 'file'].includes(application_id))
      return;
    const names: Row = { name_ru: name ?? application_id, name_en: name ?? application_id };
    this.buffer.add('application', {
      application_id,
      type: type ?? application_id,
      ...names,
      position: 100 + this.#applications.size,
    });
  }

  #addComment(issue_id: number, comment: Entity): void {
    const { id, longId, text, version, summonees = [] } = comment;
    if (typeof text !== 'string' || text === '') return;
    this.#lastId.comment += 1;
    this.buffer.add('comment', {
      ...{ comment_id: Number(id), issue_id, text, version },
      hex_id: longId ?? this.#lastId.comment.toString(16).padStart(24, '0'),
      summonee_ids: (summonees as Entity[]).map((user) => this.#addUser(user)),
      ...this.#authorship(comment),
    });
  }
}

function first(ids: ReadonlySet<number>): number | undefined {
  return ids.values().next().value;
}

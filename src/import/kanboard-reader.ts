import { DEFAULT_COLUMNS, DEFAULT_STATUSES } from '../core/organisations/defaults.ts';
import { remoteObjectId } from '../core/remote-links/remote-object.ts';
import {
  addOrganisation,
  applicationUser,
  DEFAULT_DICTIONARIES,
  HEAD,
  type Reader,
  type ReaderOptions,
  uidOf,
} from './base.ts';
import { KanboardClient } from './kanboard-client.ts';
import { KanboardLinks, type Label, type LinkOrigin } from './kanboard-links.ts';
import { RecordBuffer } from './record-buffer.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The procedures that are called for each task. The last two are only counted: this service has no such data. */
const TASK_METHODS = [
  'getAllTaskLinks',
  'getAllComments',
  'getTaskTags',
  'getAllExternalTaskLinks',
  'getAllSubtasks',
  'getAllTaskFiles',
] as const;
const TASKS_IN_BATCH = 20;
const ROLES: Readonly<Record<string, string>> = { 'app-admin': 'admin', 'app-manager': 'manager' };
const PROJECT_ROLES: Readonly<Record<string, string>> = { 'project-manager': 'manager', 'project-viewer': 'viewer' };
const KEY = /^[A-Z][A-Z0-9]{0,49}$/;
/** Where this service ends the URL of a task. */
const ISSUE_KEY = /\/([A-Z][A-Z0-9]{0,49}-[1-9]\d*)$/;
const TASK_SETTINGS = [
  'score',
  'category_id',
  'priority',
  'recurrence_status',
  'recurrence_trigger',
  'recurrence_factor',
  'recurrence_timeframe',
  'recurrence_basedate',
  'recurrence_parent',
  'recurrence_child',
];
const PROJECT_SETTINGS = ['start_date', 'end_date', 'email', 'priority_default', 'priority_start', 'priority_end'];
/** The issue type and priority that Kanboard's tasks have here. */
const TASK_TYPE = 2;
const TASK_PRIORITY = 3;

/** Reads a Kanboard through its JSON-RPC API. */
export class KanboardReader implements Reader {
  readonly buffer = new RecordBuffer();
  readonly #options: ReaderOptions;
  readonly #client: KanboardClient;
  readonly #users = new Set<number>();
  readonly #statuses = new Map<string, number>();
  /** status_ids by column_id. */
  readonly #columns = new Map<number, number>();
  /** The keys of queues. */
  readonly #keys = new Map<number, string>();
  /** The author and the time of each task, which its links have too. */
  readonly #tasks = new Map<number, LinkOrigin>();
  #applicationId = 1;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#client = new KanboardClient(options.source);
  }

  async *read(): AsyncGenerator<string> {
    const { buffer } = this;
    yield HEAD;
    addOrganisation(buffer, this.#options, 'kanboard');
    for (const [kind, rows] of Object.entries(DEFAULT_DICTIONARIES)) buffer.addAll(kind, rows);
    for (const status of DEFAULT_STATUSES) this.#addStatus(status.name_en, { ...status });
    const links = new KanboardLinks(buffer, (await this.#client.call('getAllLinks')) as Label[]);
    const users = (await this.#client.call('getAllUsers')) as Fields[];
    this.#applicationId = users.reduce((greatest, { id }) => Math.max(greatest, Number(id)), 0) + 1;
    buffer.add('user', applicationUser(this.#applicationId, this.#options.startedAt));
    for (const user of users) this.#addUser(user);
    const projects = (await this.#client.call('getAllProjects')) as Fields[];
    for (const project of projects.sort((one, other) => Number(one['id']) - Number(other['id']))) {
      const tasks = new Map<number, Fields>();
      for (const status_id of [1, 0]) {
        const some = (await this.#client.call('getAllTasks', { project_id: project['id'], status_id })) as Fields[];
        // A task that is closed or moved while it is read appears twice.
        for (const task of some) if (!this.#tasks.has(Number(task['id']))) tasks.set(Number(task['id']), task);
      }
      const [task] = tasks.values();
      await this.#readProject(project, task);
      yield* this.#readTasks([...tasks.values()], links);
      yield* buffer.take();
    }
    const unknown = { created_by: this.#applicationId, created_at: this.#options.startedAt };
    yield* links.records((taskId) => this.#tasks.get(taskId) ?? unknown);
    buffer.note('passwords and tokens of users');
    buffer.note('activities other than the creation of tasks and of their links');
  }

  #addUser({ id, username, name, email, role, is_active }: Fields): void {
    const user_id = Number(id);
    this.#users.add(user_id);
    this.buffer.add('user', {
      ...{ user_id, uid: uidOf(user_id), login: username, display: name || undefined, email: email || undefined },
      ...{
        role: ROLES[String(role)] ?? 'member',
        is_active: isTrue(is_active ?? 1),
        created_at: this.#options.startedAt,
      },
    });
  }

  /** The user with that id; the application account if the id is unset or the user no longer exists. */
  #userId(id: unknown): number {
    return this.#users.has(Number(id)) ? Number(id) : this.#applicationId;
  }

  /** A status of a title, which is added unless it is known. */
  #addStatus(title: string, { status_id = this.#statuses.size + 1, ...row }: Fields = {}): number {
    const known = this.#statuses.get(title.toLowerCase());
    if (known !== undefined) return known;
    this.#statuses.set(title.toLowerCase(), Number(status_id));
    const initial = DEFAULT_COLUMNS.find(({ name_en }) => name_en.toLowerCase() === title.toLowerCase());
    const own = { key: `column${String(status_id)}`, name_ru: title, name_en: title, type: 'inProgress' };
    this.buffer.add('status', { ...own, ...initial, position: status_id, ...row, status_id });
    return Number(status_id);
  }

  /** `task` is one of the project, whose URL names the queue if the original is this service. */
  async #readProject(project: Fields, task: Fields | undefined): Promise<void> {
    const { id, name, description, identifier, is_active, owner_id, last_modified } = project;
    const queue_id = Number(id);
    const { buffer } = this;
    const own =
      KEY.test(String(identifier)) && !/^P\d+$/.test(String(identifier)) ? String(identifier) : `P${queue_id}`;
    const key = keyOf(task)?.split('-')[0] ?? own;
    this.#keys.set(queue_id, key);
    const [columns, categories, tags, users, swimlanes] = (await this.#client.batch(
      ['getColumns', 'getAllCategories', 'getTagsByProject', 'getProjectUsers', 'getAllSwimlanes'].map((method) => ({
        method,
        params: { project_id: queue_id },
      })),
    )) as [Fields[], Fields[]?, Fields[]?, Record<string, unknown>?, Fields[]?];
    buffer.add('queue', {
      ...{
        queue_id,
        key,
        name,
        description: description || undefined,
        access: 'members',
      },
      ...{ lead_id: this.#userId(owner_id), default_issue_type_id: TASK_TYPE, default_priority_id: TASK_PRIORITY },
      ...{ is_active: isTrue(is_active), identifier, created_at: timeOf(last_modified) ?? this.#options.startedAt },
      kanboard: pick(project, PROJECT_SETTINGS),
    });
    const ids = Object.keys(users ?? {});
    const roles = await this.#client.batch(
      ids.map((user_id) => ({
        method: 'getProjectUserRole',
        params: { project_id: queue_id, user_id: Number(user_id) },
      })),
    );
    for (const [place, user_id] of ids.entries())
      buffer.add('queueMember', {
        queue_id,
        user_id: this.#userId(user_id),
        role: PROJECT_ROLES[String(roles[place])] ?? 'member',
      });
    const statuses = new Set<number>();
    for (const { id: column_id, title, position, task_limit, description: text } of columns) {
      let status_id = this.#addStatus(String(title));
      // Two columns of a project may have titles that differ by letter case only.
      if (statuses.has(status_id)) status_id = this.#addStatus(`${String(title)} (${String(column_id)})`);
      statuses.add(status_id);
      this.#columns.set(Number(column_id), status_id);
      buffer.add('column', {
        column_id: Number(column_id),
        queue_id,
        status_id,
        title,
        position,
        task_limit,
        description: text,
      });
    }
    for (const { id: category_id, name: title, color_id } of categories ?? [])
      buffer.add('category', { category_id: Number(category_id), queue_id, name: title, color: color_id || undefined });
    for (const { id: tag_id, name: title, color_id, project_id } of tags ?? []) {
      if (Number(project_id) === queue_id)
        buffer.add('tag', { tag_id: Number(tag_id), queue_id, name: title, color: color_id || undefined });
    }
    if (swimlanes && swimlanes.length > 1) buffer.note('swimlanes of projects', swimlanes.length - 1);
  }

  async *#readTasks(tasks: readonly Fields[], allLinks: KanboardLinks): AsyncGenerator<string> {
    for (let start = 0; start < tasks.length; start += TASKS_IN_BATCH) {
      const some = tasks.slice(start, start + TASKS_IN_BATCH);
      const results = await this.#client.batch(
        some.flatMap(({ id }) => TASK_METHODS.map((method) => ({ method, params: { task_id: Number(id) } }))),
      );
      for (const [place, task] of some.entries()) {
        const [links, comments, tags, externalLinks, subtasks, files] = results.slice(
          place * TASK_METHODS.length,
          (place + 1) * TASK_METHODS.length,
        ) as [Fields[], Fields[]?, object?, Fields[]?, unknown?, unknown?];
        const id = this.#addTask(task, Object.values(tags ?? {}));
        for (const link of links) allLinks.addRow(id, link);
        for (const comment of comments ?? []) this.#addComment(id, comment);
        for (const link of externalLinks ?? []) this.#addExternalLink(id, link);
        if (Array.isArray(subtasks) && subtasks.length > 0) this.buffer.note('subtasks of tasks', subtasks.length);
        if (Array.isArray(files) && files.length > 0) this.buffer.note('files of tasks', files.length);
      }
      if (this.buffer.isFull) yield* this.buffer.take();
    }
  }

  #addTask(task: Fields, tags: readonly unknown[]): number {
    const id = Number(task['id']);
    const queue_id = Number(task['project_id']);
    const creator = this.#userId(task['creator_id']);
    const at = timeOf(task['date_creation']) ?? this.#options.startedAt;
    this.#tasks.set(id, { created_by: creator, created_at: at });
    const isOpen = isTrue(task['is_active']);
    this.buffer.add('issue', {
      ...{
        issue_id: id,
        queue_id,
        hex_id: id.toString(16).padStart(24, '0'),
        key: keyOf(task) ?? `${this.#keys.get(queue_id) ?? 'P'}-${id}`,
      },
      ...{ summary: task['title'], description: task['description'] || undefined, tags, reference: task['reference'] },
      ...{
        issue_type_id: TASK_TYPE,
        priority_id: TASK_PRIORITY,
        status_id: this.#columns.get(Number(task['column_id'])),
      },
      ...{ is_open: isOpen, assignee_id: Number(task['owner_id']) > 0 ? this.#userId(task['owner_id']) : undefined },
      ...{ created_by: creator, created_at: at, updated_at: later(timeOf(task['date_modification']), at) },
      ...{ moved_at: timeOf(task['date_moved']), closed_at: timeOf(task['date_completed']) },
      ...{ started_at: timeOf(task['date_started']), due_at: timeOf(task['date_due']) },
      ...{ time_spent: numberOf(task['time_spent']), time_estimated: numberOf(task['time_estimated']) },
      ...{ color: task['color_id'], position: Number(task['position']), kanboard: pick(task, TASK_SETTINGS) },
    });
    this.buffer.addEvent({ issue_id: id, type: 'IssueCreated', user_id: creator, created_at: at, changes: {} });
    return id;
  }

  #addComment(
    issue_id: number,
    { id, user_id, comment, reference, visibility, date_creation, date_modification }: Fields,
  ): void {
    const created_at = timeOf(date_creation) ?? this.#options.startedAt;
    const comment_id = Number(id);
    this.buffer.add('comment', {
      ...{
        comment_id,
        hex_id: comment_id.toString(16).padStart(24, '0'),
        issue_id,
        text: comment,
        reference,
        visibility,
      },
      ...{ created_by: this.#userId(user_id), created_at, updated_at: later(timeOf(date_modification), created_at) },
    });
  }

  #addExternalLink(issue_id: number, link: Fields): void {
    const { id, url, title, link_type, dependency, creator_id, date_creation, date_modification } = link;
    const object_key = String(url);
    const created_at = timeOf(date_creation) ?? this.#options.startedAt;
    this.buffer.add('remoteLink', {
      ...{
        remote_link_id: Number(id),
        issue_id,
        object_id: remoteObjectId(object_key),
        object_key,
        title: title || undefined,
      },
      application_id: ['attachment', 'file'].includes(String(link_type)) ? link_type : 'weblink',
      ...{ dependency, may_repeat: true, created_by: this.#userId(creator_id), created_at },
      updated_at: later(timeOf(date_modification), created_at),
    });
  }
}

function keyOf(task: Fields | undefined): string | undefined {
  return ISSUE_KEY.exec(String(task?.['url']))?.[1];
}

/** Booleans are numbers with SQLite. */
const isTrue = (value: unknown) => value === true || Number(value) === 1;

const numberOf = (value: unknown) =>
  value === null || value === undefined || value === '' ? undefined : Number(value);

/** Seconds since 1970; 0 is unset. */
function timeOf(value: unknown): string | undefined {
  const seconds = Number(value ?? 0);
  return seconds > 0 ? new Date(seconds * 1000).toISOString() : undefined;
}

const later = (time: string | undefined, than: string) => (time !== undefined && time > than ? time : undefined);

function pick(fields: Fields, names: readonly string[]): Fields | undefined {
  const kept = names.flatMap((name) => (fields[name] ? [[name, Number(fields[name]) || fields[name]] as const] : []));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

import { readFileSync } from 'node:fs';

/** A request in test/kanboard/golden/kanboard.jsonl; see the README there. */
export interface TranscriptCase {
  readonly name: string;
  readonly kind: 'contract' | 'leak' | 'quirk';
  readonly server: 'main' | 'hdr';
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly captured: Readonly<Record<string, unknown>>;
}

/** A step that needed the web interface of Kanboard: `token:<login>:<value>` sets a personal token. */
export interface TranscriptHook {
  readonly name: string;
  readonly hook: string;
}

export function readTranscript(): (TranscriptCase | TranscriptHook)[] {
  return readLines('kanboard.jsonl');
}

function readLines<Line>(file: string): Line[] {
  const text = readFileSync(new URL(`../kanboard/golden/${file}`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** A line of test/kanboard/golden/differences.jsonl: a defect of Kanboard that this server does not reproduce. */
interface Difference {
  readonly name: string;
  readonly why: string;
  /** The expected response, with recorded ids; those from 9001 up are not in the recording. */
  readonly response: TranscriptCase['response'];
}

export function readDifferences(): ReadonlyMap<string, Difference> {
  return new Map(readLines<Difference>('differences.jsonl').map((difference) => [difference.name, difference]));
}

type Kind = 'task' | 'label' | 'task link' | 'project' | 'column' | 'user' | 'external link';
type JsonObject = Readonly<Record<string, unknown>>;

/** What the ids in the result of a method refer to. */
const CREATES: Readonly<Record<string, Kind>> = {
  createUser: 'user',
  createProject: 'project',
  createTask: 'task',
  createLink: 'label',
  createTaskLink: 'task link',
  createExternalTaskLink: 'external link',
};
const NAMES: Readonly<Record<string, Kind>> = { getOppositeLinkId: 'label' };
const ROWS: Readonly<Record<string, Kind>> = {
  getTask: 'task',
  getAllTasks: 'task',
  getTaskLinkById: 'task link',
  getAllTaskLinks: 'task link',
  getLinkById: 'label',
  getLinkByLabel: 'label',
  getAllLinks: 'label',
  getColumns: 'column',
  getMe: 'user',
  getUserByName: 'user',
  getMyProjects: 'project',
  getExternalTaskLinkById: 'external link',
};
/** Fields other than `id`, whose kind depends on the method. */
const FIELDS: Readonly<Record<string, Kind>> = {
  task_id: 'task',
  opposite_task_id: 'task',
  link_id: 'label',
  opposite_link_id: 'label',
  opposite_id: 'label',
  project_id: 'project',
  // A project has one swimlane, with the same id.
  swimlane_id: 'project',
  column_id: 'column',
  owner_id: 'user',
  creator_id: 'user',
  task_assignee_id: 'user',
};
const TIMES = new Set([
  'date_creation',
  'date_modification',
  'date_moved',
  'date_completed',
  'date_started',
  'last_modified',
]);
const SECRETS = new Set(['password', 'api_access_token']);

/**
 * Translates this server's results into those of the recording, so that the two can be compared exactly. Each id maps to
 * one recorded id. Values that no server can reproduce (times, URLs, secrets, the version) are taken from the recording
 * if ours have the right form.
 */
export class Translation {
  /** From this server's ids to the recorded ones, and back. */
  readonly #recordedOf = new Map<string, number>();
  readonly #oursOf = new Map<string, number>();
  readonly #newest = new Map<Kind, number>();

  /** The translated result of a call. Ids without a counterpart stay as they are. */
  result(method: string, ours: unknown, recorded: unknown): unknown {
    const created = CREATES[method];
    if (created) {
      if (typeof ours !== 'number' || ours === 0) return ours;
      if (typeof recorded !== 'number') return `unknown ${created} ${ours}`;
      this.#startAnew(created, ours, recorded);
      return recorded;
    }
    if (method === 'getVersion') return typeof ours === 'string' && ours !== '' ? recorded : ours;
    const named = NAMES[method];
    return named ? this.#id(named, ours, recorded) : this.#value(ROWS[method], ours, recorded);
  }

  #value(kind: Kind | undefined, ours: unknown, recorded: unknown): unknown {
    if (Array.isArray(ours)) {
      const list = Array.isArray(recorded) ? recorded : [];
      return ours.map((item, index) => this.#value(kind, item, list[index]));
    }
    if (!isObject(ours) || !isObject(recorded)) return ours;
    return Object.fromEntries(
      Object.entries(ours).map(([key, value]) => [key, this.#field(kind, key, value, recorded[key])]),
    );
  }

  #field(kind: Kind | undefined, key: string, ours: unknown, recorded: unknown): unknown {
    const named = key === 'id' ? kind : FIELDS[key];
    if (named) return this.#id(named, ours, recorded);
    if (TIMES.has(key)) return isTime(ours) && isTime(recorded) ? recorded : ours;
    if (key === 'url') return isUrl(ours) && isUrl(recorded) ? recorded : ours;
    // Kanboard returns its secrets; this server never does.
    return SECRETS.has(key) && ours === null ? recorded : ours;
  }

  /** Zero means unset; every other id keeps the counterpart from when it was first seen. */
  #id(kind: Kind, ours: unknown, recorded: unknown): unknown {
    if (typeof ours !== 'number' || ours === 0) return ours;
    const known = this.#recordedOf.get(`${kind} ${ours}`);
    if (known !== undefined) return known;
    if (typeof recorded !== 'number' || recorded === 0) return `unknown ${kind} ${ours}`;
    // Our ids are never reused, so one that is neither known nor the newest belongs to a row that should be deleted.
    const isNew = ours > (this.#newest.get(kind) ?? 0) || !this.#oursOf.has(`${kind} ${recorded}`);
    if (!isNew) return `unknown ${kind} ${ours}`;
    this.#startAnew(kind, ours, recorded);
    return recorded;
  }

  /** Kanboard reuses the ids of deleted rows. */
  #startAnew(kind: Kind, ours: number, recorded: number): void {
    this.#recordedOf.delete(`${kind} ${this.#oursOf.get(`${kind} ${recorded}`)}`);
    this.#recordedOf.set(`${kind} ${ours}`, recorded);
    this.#oursOf.set(`${kind} ${recorded}`, ours);
    this.#newest.set(kind, Math.max(ours, this.#newest.get(kind) ?? 0));
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null;
}

function isTime(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 1_000_000_000 && Number(value) < 10_000_000_000;
}

/** A URL, or the object of a project with the URLs of its board and its list. */
function isUrl(value: unknown): boolean {
  return typeof value === 'string'
    ? URL.canParse(value)
    : isObject(value) && Object.keys(value).join() === 'board,list' && Object.values(value).every(isUrl);
}

import { readFileSync } from 'node:fs';

/** A line of test/kanboard/golden/kanboard.jsonl that asks something; see the README there. */
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

/** A line that only the web interface of the original could do: `token:<login>:<value>` gives a personal token. */
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

/** A line of test/kanboard/golden/differences.jsonl: an accident of the original that is not repeated. */
interface Difference {
  readonly name: string;
  readonly why: string;
  /** What is answered instead, in the numbers of the recording; those from 9001 up it does not have. */
  readonly response: TranscriptCase['response'];
}

export function readDifferences(): ReadonlyMap<string, Difference> {
  return new Map(readLines<Difference>('differences.jsonl').map((difference) => [difference.name, difference]));
}

type Kind = 'task' | 'label' | 'task link' | 'project' | 'column' | 'user' | 'external link';
type JsonObject = Readonly<Record<string, unknown>>;

/** What the numbers of a procedure's result name. */
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
/** Beside `id`, which is of the procedure's kind. */
const FIELDS: Readonly<Record<string, Kind>> = {
  task_id: 'task',
  opposite_task_id: 'task',
  link_id: 'label',
  opposite_link_id: 'label',
  opposite_id: 'label',
  project_id: 'project',
  // A project has one swimlane, of the same number.
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
 * Says this server's results in the words of the recording, so that the two can be compared letter by letter: each number
 * of a thing has one counterpart there, and what no server could repeat (times, URLs, secrets, the version) is taken from
 * there where it is of the right form.
 */
export class Translation {
  /** From this server's numbers to the recorded ones, and back. */
  readonly #recordedOf = new Map<string, number>();
  readonly #oursOf = new Map<string, number>();
  readonly #newest = new Map<Kind, number>();

  /** The result of a call. What has no counterpart stays as it is. */
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
    return named ? this.#number(named, ours, recorded) : this.#value(ROWS[method], ours, recorded);
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
    if (named) return this.#number(named, ours, recorded);
    if (TIMES.has(key)) return isTime(ours) && isTime(recorded) ? recorded : ours;
    if (key === 'url') return isUrl(ours) && isUrl(recorded) ? recorded : ours;
    // The original shows its secrets; this server never does.
    return SECRETS.has(key) && ours === null ? recorded : ours;
  }

  /** Zero names nothing; everything else has one counterpart from when it is seen first. */
  #number(kind: Kind, ours: unknown, recorded: unknown): unknown {
    if (typeof ours !== 'number' || ours === 0) return ours;
    const known = this.#recordedOf.get(`${kind} ${ours}`);
    if (known !== undefined) return known;
    if (typeof recorded !== 'number' || recorded === 0) return `unknown ${kind} ${ours}`;
    // Ours are never used again, so one that is neither known nor the newest belongs to something that should be gone.
    const isNew = ours > (this.#newest.get(kind) ?? 0) || !this.#oursOf.has(`${kind} ${recorded}`);
    if (!isNew) return `unknown ${kind} ${ours}`;
    this.#startAnew(kind, ours, recorded);
    return recorded;
  }

  /** The original uses numbers again that a removal has freed. */
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

/** A URL, or several by name: a project has those of its board and its list. */
function isUrl(value: unknown): boolean {
  return typeof value === 'string'
    ? URL.canParse(value)
    : isObject(value) && Object.keys(value).join() === 'board,list' && Object.values(value).every(isUrl);
}

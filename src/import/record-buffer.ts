import { RECORD_KINDS } from '../transfer/record-kinds.ts';

/** A row to write, by column. Null and undefined are left out. */
export type Row = Readonly<Record<string, unknown>>;

const BUFFERED_MAX = 2000;
const KINDS = new Map(RECORD_KINDS.map((kind) => [kind.name, kind]));

/** Collects the records of an import, and releases them in the order in which a load can write them. */
export class RecordBuffer {
  readonly #lines = new Map<string, string[]>();
  #count = 0;
  #lastEventId = 0;
  /** What could not be kept, and how often. */
  readonly notes = new Map<string, number>();

  add(name: string, row: Row): void {
    const kind = KINDS.get(name);
    if (kind === undefined) throw new Error(`There is no kind of record ${name}.`);
    const members = kind.columns.flatMap(({ name: column, member }): (readonly [string, unknown])[] => {
      const value = row[column];
      return value === undefined || value === null ? [] : [[member, value]];
    });
    if (name === 'organisation') members.unshift(['id', row['org_id']]);
    const lines = this.#lines.get(name) ?? [];
    this.#lines.set(name, lines);
    lines.push(JSON.stringify({ [name]: Object.fromEntries(members) }));
    this.#count += 1;
  }

  addAll(name: string, rows: Iterable<Row>): void {
    for (const row of rows) this.add(name, row);
  }

  /** An entry of a changelog. */
  addEvent(event: { issue_id: number; type: string; user_id: number; created_at: string; changes: object }): void {
    this.#lastEventId += 1;
    this.add('event', { event_id: this.#lastEventId, ...event });
  }

  /** The link, and the entries about it in the changelogs of both issues. */
  addLink(link: Row & { link_id: number; created_by: number; created_at: string }): void {
    this.add('link', link);
    const ends = [
      ['inward', link['inward_issue_id'] as number, link['outward_issue_id']],
      ['outward', link['outward_issue_id'] as number, link['inward_issue_id']],
    ] as const;
    for (const [direction, issue_id, object_id] of ends) {
      const to = { link_id: link.link_id, link_type_id: link['link_type_id'], direction, object_id };
      const changes = { links: [{ from: null, to }] };
      this.addEvent({ issue_id, type: 'IssueLinked', user_id: link.created_by, created_at: link.created_at, changes });
    }
  }

  note(what: string, count = 1): void {
    this.notes.set(what, (this.notes.get(what) ?? 0) + count);
  }

  get isFull(): boolean {
    return this.#count >= BUFFERED_MAX;
  }

  /** Removes and returns the lines, in the order of their kinds. */
  take(): string[] {
    const lines = RECORD_KINDS.flatMap(({ name }) => this.#lines.get(name) ?? []);
    this.#lines.clear();
    this.#count = 0;
    return lines;
  }
}

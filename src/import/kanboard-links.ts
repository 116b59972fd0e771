import { PROFILES } from '../core/organisations/defaults.ts';
import type { RecordBuffer } from './record-buffer.ts';

export interface Label {
  readonly id: number;
  readonly label: string;
  readonly opposite_id: number;
}

/** One of the two rows of a link in Kanboard: how the task sees the other one. */
interface LinkRow {
  readonly id: number;
  readonly task: number;
  readonly other: number;
  readonly labelId: number;
}

interface Link {
  readonly first: LinkRow;
  readonly mirror: LinkRow;
}

/** The author and the time of a link. */
export interface LinkOrigin {
  readonly created_by: number;
  readonly created_at: string;
}

/** Collects the rows of links that tasks have in Kanboard, and pairs them into links. */
export class KanboardLinks {
  readonly #buffer: RecordBuffer;
  /** By name. */
  readonly #labels: ReadonlyMap<string, Label>;
  readonly #rows: LinkRow[] = [];

  constructor(buffer: RecordBuffer, labels: readonly Label[]) {
    this.#buffer = buffer;
    this.#labels = new Map(labels.map((label) => [label.label, label]));
  }

  addRow(task: number, { id, task_id, label }: Readonly<Record<string, unknown>>): void {
    const known = this.#labels.get(String(label));
    if (known) this.#rows.push({ id: Number(id), task, other: Number(task_id), labelId: known.id });
    else this.#buffer.note('rows of links with a label that the original does not list');
  }

  /** The records of the labels, the pairs of them that links have as types, and the links. */
  *records(originOf: (taskId: number) => LinkOrigin): Generator<string> {
    for (const { id, label, opposite_id } of this.#labels.values()) {
      const initial = PROFILES.kanboard.labels.find((one) => one.label === label);
      this.#buffer.add('label', { ...initial, label_id: id, label, opposite_id: opposite_id || undefined });
    }
    const links = this.#pairRows();
    const types = this.#typesOf(links);
    this.#addTypes([...types.values()]);
    let nextId = links.reduce((greatest, { mirror }) => Math.max(greatest, Math.ceil(mirror.id / 2)), 0) + 1;
    for (const { first, mirror } of links) {
      const type = types.get(pairOf(first.labelId, mirror.labelId)) as LinkType;
      const keepsIds = first.id % 2 === 1 && mirror.id === first.id + 1;
      if (!keepsIds) this.#buffer.note('ids of links whose first row does not have an odd id');
      const isInward = type.inward_label_id === first.labelId;
      this.#buffer.addLink({
        link_id: keepsIds ? mirror.id / 2 : nextId++,
        link_type_id: type.link_type_id,
        first_end: isInward ? 'inward' : 'outward',
        inward_issue_id: isInward ? first.task : first.other,
        outward_issue_id: isInward ? first.other : first.task,
        ...originOf(Math.max(first.task, first.other)),
      });
      if (this.#buffer.isFull) yield* this.#buffer.take();
    }
    yield* this.#buffer.take();
    const unknown = 'authors and times of links, which Kanboard does not store: those of the later task';
    if (links.length > 0) this.#buffer.note(unknown, links.length);
  }

  /** Kanboard writes the two rows of a link one after the other; the first is that of the task it was created from. */
  #pairRows(): Link[] {
    const waiting = new Map<string, LinkRow[]>();
    const links: Link[] = [];
    const opposites = new Map([...this.#labels.values()].map(({ id, opposite_id }) => [id, opposite_id || id]));
    for (const row of this.#rows.sort((one, other) => one.id - other.id)) {
      if (row.task === row.other) {
        this.#buffer.note('rows of links of tasks to themselves');
        continue;
      }
      const candidates = waiting.get(`${row.other} ${row.task}`) ?? [];
      const mirrorOf = (first: LinkRow) => first.id === row.id - 1 || opposites.get(first.labelId) === row.labelId;
      const place = candidates.findLastIndex(mirrorOf);
      const [first] = place < 0 ? [] : candidates.splice(place, 1);
      if (first) links.push({ first, mirror: row });
      else {
        const name = `${row.task} ${row.other}`;
        waiting.set(name, [...(waiting.get(name) ?? []), row]);
      }
    }
    const alone = [...waiting.values()].reduce((sum, rows) => sum + rows.length, 0);
    if (alone > 0) this.#buffer.note('links of which the original has only one of two rows', alone);
    return links;
  }

  /** The initial types whose labels the original has, and those of links with other labels, by the pair of their labels. */
  #typesOf(links: readonly Link[]): ReadonlyMap<string, LinkType> {
    const labelIds = new Set([...this.#labels.values()].map(({ id }) => id));
    const types = new Map<string, LinkType>();
    for (const type of PROFILES.kanboard.linkTypes) {
      const { inward_label_id: inward, outward_label_id: outward } = type;
      if (labelIds.has(inward) && labelIds.has(outward)) types.set(pairOf(inward, outward), type);
    }
    const [template] = PROFILES.kanboard.linkTypes;
    for (const { first, mirror } of links) {
      const pair = pairOf(first.labelId, mirror.labelId);
      if (types.has(pair)) continue;
      types.set(pair, {
        ...(template as LinkType),
        link_type_id: `labels-${first.labelId}-${mirror.labelId}`,
        inward_label_id: first.labelId,
        outward_label_id: mirror.labelId,
        is_symmetric: first.labelId === mirror.labelId,
      });
    }
    return types;
  }

  #addTypes(types: readonly LinkType[]): void {
    for (const type of types) {
      const labelIds = [type.inward_label_id, type.outward_label_id];
      const shares_label = types.some(
        (other) =>
          other !== type && (labelIds.includes(other.inward_label_id) || labelIds.includes(other.outward_label_id)),
      );
      this.#buffer.add('linkType', { ...type, shares_label });
    }
  }
}

type LinkType = (typeof PROFILES.kanboard.linkTypes)[number];

const pairOf = (one: number, other: number) => `${Math.min(one, other)} ${Math.max(one, other)}`;

import type { Profile } from '../../src/core/organisations/defaults.ts';

/**
 * The expected links of an organisation after any sequence of changes through either API: the rules of the contracts on
 * plain arrays, without any code of the product. Tasks are numbers from 0.
 */

export interface ModelLink {
  readonly id: number;
  /** The task of view 2n-1. */
  readonly first: number;
  readonly inward: number;
  readonly outward: number;
  readonly inwardLabel: number;
  readonly outwardLabel: number;
}

/** The end of a link type that a label or a relationship names. */
interface Ends {
  readonly labels: readonly [inward: number, outward: number];
  readonly isInward: boolean;
}

interface Label {
  text: string;
  opposite: number;
  name: string | undefined;
  phrase: string | undefined;
}

type Defaults = readonly (readonly [text: string, opposite: number, name?: string, phrase?: string])[];

const KANBOARD: Defaults = [
  ['relates to', 0, 'Relates', 'relates'],
  ['blocks', 3, 'Blocker', 'is dependent by'],
  ['is blocked by', 2, 'Depends on', 'depends on'],
  ['duplicates', 5, 'Duplicates', 'duplicates'],
  ['is duplicated by', 4, 'Duplicated by', 'is duplicated by'],
  ['is a child of', 7, 'Sub-issue', 'is subtask for'],
  ['is a parent of', 6, 'Parent issue', 'is parent task for'],
  ['targets milestone', 9],
  ['is a milestone of', 8],
  ['fixes', 11],
  ['is fixed by', 10],
];
const TRACKER: Defaults = [
  ...KANBOARD,
  ['is epic of', 13, 'Epic for', 'is epic of'],
  ['has epic', 12, 'Sub-epic', 'has epic'],
  ['is cloned by', 15, 'Original', 'clone'],
  ['is a clone of', 14, 'Clone', 'original'],
];
/** The inward labels of acyclic types. */
const ACYCLIC = [2, 6, 12];
/** The labels that a task may have once: it has at most one parent and one epic. */
const SINGLE = [6, 13];
const IMPORT_ONLY = 14;

export class LinkModel {
  readonly labels = new Map<number, Label>();
  links: ModelLink[] = [];
  /** The pairs of labels that links were created with. */
  types: (readonly [inward: number, outward: number])[] = [];
  #lastLabel = 0;
  readonly profile: Profile;

  constructor(profile: Profile) {
    this.profile = profile;
    for (const [text, opposite, name, phrase] of profile === 'tracker' ? TRACKER : KANBOARD) {
      this.#lastLabel += 1;
      this.labels.set(this.#lastLabel, { text, opposite, name, phrase });
    }
    for (const id of this.labels.keys()) this.#addType(this.#pairOf(id));
  }

  /** The end that a task with this label is at; undefined if links cannot be created with the label. */
  endsOfLabel(labelId: number): Ends | undefined {
    if (!this.labels.has(labelId)) return undefined;
    const labels = this.#pairOf(labelId);
    return labels[0] === IMPORT_ONLY ? undefined : { labels, isInward: labels[0] === labelId };
  }

  /** The end that an issue with this relationship of the Tracker API is at. */
  endsOfPhrase(phrase: string): Ends | undefined {
    for (const labels of [...this.types].sort((left, right) => left[0] - right[0] || left[1] - right[1])) {
      if (labels[0] === IMPORT_ONLY) continue;
      if (labels[0] !== labels[1] && this.phraseOf(labels[1]) === phrase) return { labels, isInward: false };
      if (this.phraseOf(labels[0]) === phrase) return { labels, isInward: true };
    }
    return undefined;
  }

  phraseOf(labelId: number): string {
    const label = this.labels.get(labelId);
    return (label?.phrase ?? label?.text ?? '').toLowerCase();
  }

  nameOf(labelId: number): string {
    const label = this.labels.get(labelId);
    return label?.name ?? label?.text ?? '';
  }

  /** Whether the link may be added, or may replace the link `id`. */
  allows(link: Omit<ModelLink, 'id'>, id?: number): boolean {
    const others = this.links.filter((other) => other.id !== id);
    if (link.inward === link.outward) return false;
    const rows = others.flatMap(rowsOf);
    if (rowsOf(link).some((row) => rows.includes(row))) return false;
    if (this.profile === 'kanboard') return true;
    if (others.some((other) => pairOf(other) === pairOf(link))) return false;
    const ofType = others.filter(
      (other) => other.inwardLabel === link.inwardLabel && other.outwardLabel === link.outwardLabel,
    );
    if (SINGLE.includes(link.inwardLabel) && ofType.some(({ inward }) => inward === link.inward)) return false;
    if (SINGLE.includes(link.outwardLabel) && ofType.some(({ outward }) => outward === link.outward)) return false;
    return !ACYCLIC.includes(link.inwardLabel) || !leads(ofType, link.outward, link.inward);
  }

  put(link: ModelLink): void {
    this.links = [...this.links.filter(({ id }) => id !== link.id), link];
    this.#addType([link.inwardLabel, link.outwardLabel]);
  }

  /** Returns the id of the new label, or false. */
  createLabel(text: string, opposite?: string): number | false {
    const texts = opposite === undefined ? [text] : [text, opposite];
    if (new Set(texts).size < texts.length || texts.some((taken) => this.#labelOf(taken) !== undefined)) return false;
    const first = this.#lastLabel + 1;
    for (const [place, label] of texts.entries()) {
      const pair = opposite === undefined ? 0 : first + 1 - place;
      this.labels.set(first + place, { text: label, opposite: pair, name: undefined, phrase: undefined });
    }
    this.#lastLabel += texts.length;
    return first;
  }

  updateLabel(labelId: number, opposite: number, text: string): boolean {
    const label = this.labels.get(labelId);
    if (label === undefined || this.#isFixed(label)) return false;
    if (opposite !== 0 && !this.labels.has(opposite)) return false;
    if ((this.#labelOf(text) ?? labelId) !== labelId) return false;
    const isSame = text === label.text;
    this.labels.set(labelId, {
      text,
      opposite,
      name: isSame ? label.name : undefined,
      phrase: isSame ? label.phrase : undefined,
    });
    return true;
  }

  removeLabel(labelId: number): boolean {
    const label = this.labels.get(labelId);
    if (label === undefined || this.#isFixed(label)) return false;
    this.labels.delete(labelId);
    for (const other of this.labels.values()) if (other.opposite === labelId) other.opposite = 0;
    this.links = this.links.filter((link) => link.inwardLabel !== labelId && link.outwardLabel !== labelId);
    this.types = this.types.filter((labels) => !labels.includes(labelId));
    return true;
  }

  #labelOf(text: string): number | undefined {
    return [...this.labels].find(([, label]) => label.text === text)?.[0];
  }

  #isFixed({ phrase }: Label): boolean {
    return this.profile === 'tracker' && phrase !== undefined;
  }

  #pairOf(labelId: number): readonly [number, number] {
    const opposite = this.labels.get(labelId)?.opposite || labelId;
    return [Math.min(labelId, opposite), Math.max(labelId, opposite)];
  }

  #addType(labels: readonly [number, number]): void {
    if (!this.types.some(([inward, outward]) => inward === labels[0] && outward === labels[1])) this.types.push(labels);
  }
}

/** Kanboard's two rows of a link: label, own task, other task. */
function rowsOf({ inward, outward, inwardLabel, outwardLabel }: Omit<ModelLink, 'id'>): string[] {
  return [`${inwardLabel} ${inward} ${outward}`, `${outwardLabel} ${outward} ${inward}`];
}

function pairOf({ inward, outward }: Omit<ModelLink, 'id'>): string {
  return [inward, outward].sort((left, right) => left - right).join(' ');
}

/** Whether a path of `links`, from inward to outward ends, leads from one task to the other. */
function leads(links: readonly ModelLink[], from: number, to: number): boolean {
  const reached = new Set([from]);
  for (const task of reached) {
    for (const { inward, outward } of links) if (inward === task) reached.add(outward);
  }
  return reached.has(to);
}

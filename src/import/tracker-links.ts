import { PROFILES } from '../core/organisations/defaults.ts';
import { AcyclicLinks } from './acyclic-links.ts';
import type { RecordBuffer } from './record-buffer.ts';
import type { Entity } from './tracker-client.ts';

interface LinkRules {
  readonly isSymmetric: boolean;
  readonly singleEnd: string;
  /** The links of an acyclic type. */
  readonly acyclic?: AcyclicLinks;
}

/** The types of a Tracker's links, and which of its links obey the rules here. */
export class TrackerLinks {
  readonly #buffer: RecordBuffer;
  readonly #types = new Map<string, LinkRules>();
  #labelCount = PROFILES.tracker.labels.length;
  readonly #ids = new Set<number>();
  /** What a link of an issue may exist only once for. */
  readonly #taken = new Set<string>();

  constructor(buffer: RecordBuffer) {
    this.#buffer = buffer;
  }

  addInitialTypes(): void {
    for (const label of PROFILES.tracker.labels) this.#buffer.add('label', { ...label });
    for (const type of PROFILES.tracker.linkTypes) {
      this.#buffer.add('linkType', { ...type });
      this.#types.set(type.link_type_id, {
        ...{ isSymmetric: type.is_symmetric, singleEnd: type.single_end },
        ...(type.is_acyclic && { acyclic: new AcyclicLinks() }),
      });
    }
  }

  /** Adds a type of the original's own, unless it is known; only its labels are known. */
  addType({ id, inward, outward }: Entity): LinkRules {
    const link_type_id = String(id);
    const known = this.#types.get(link_type_id);
    if (known) return known;
    const isSymmetric = inward === outward;
    const names = isSymmetric ? [String(inward)] : [String(inward), String(outward)];
    const [inward_label_id = 0, outward_label_id = inward_label_id] = names.map((name, place) => {
      // A label belongs to one type, so that types do not share labels.
      this.#labelCount += 1;
      const label_id = this.#labelCount;
      const label = `${name.toLowerCase()} (${link_type_id}${isSymmetric ? '' : place === 0 ? ' inward' : ' outward'})`;
      this.#buffer.add('label', { label_id, label, name_ru: name, name_en: name });
      return label_id;
    });
    this.#buffer.add('linkType', { link_type_id, inward_label_id, outward_label_id, is_symmetric: isSymmetric });
    const type = { isSymmetric, singleEnd: 'none' };
    this.#types.set(link_type_id, type);
    this.#buffer.note(`rules of the link type ${link_type_id}, if it has any`);
    return type;
  }

  /** The row of a link of the issue, without its authors and times. Undefined if it was read before or breaks a rule. */
  rowOf(link: Entity, issueId: number, otherId: number) {
    const link_id = Number(link.id);
    if (this.#ids.has(link_id)) return undefined;
    this.#ids.add(link_id);
    const type = link['type'] as Entity;
    const { isSymmetric, singleEnd, acyclic } = this.addType(type);
    const [inward_issue_id, outward_issue_id] =
      link['direction'] === 'inward' ? [issueId, otherId] : [otherId, issueId];
    const pair = `${Math.min(issueId, otherId)} ${Math.max(issueId, otherId)}`;
    const single =
      singleEnd === 'none' ? pair : `${String(type.id)} ${singleEnd === 'inward' ? inward_issue_id : outward_issue_id}`;
    if (issueId === otherId || this.#taken.has(pair) || this.#taken.has(single)) {
      this.#buffer.note('links that break a rule: two issues have one link, and an issue has one parent and one epic');
      return undefined;
    }
    if (acyclic?.add(inward_issue_id, outward_issue_id) === false) {
      this.#buffer.note(`links of the type ${String(type.id)} that close a cycle`);
      return undefined;
    }
    this.#taken.add(pair).add(single);
    const first_end = isSymmetric || link['direction'] === 'inward' ? 'inward' : 'outward';
    return { link_id, link_type_id: String(type.id), inward_issue_id, outward_issue_id, first_end };
  }
}

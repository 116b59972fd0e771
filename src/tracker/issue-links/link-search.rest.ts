import type { Schemas } from '../../contract/types.ts';
import type { LinkEnd, LinkReferences } from '../../core/issue-links/link-reads.store.ts';
import { JsonBytes } from '../../http/json-bytes.ts';
import { type ReferenceJson, referenceJson, writeLink } from '../link-list/link-list-json.ts';
import type { Caller, Context, Handlers } from '../rest/caller.ts';
import { issueNameIn, nameIn } from '../rest/names.ts';
import { issueReference } from '../rest/references.ts';
import { fieldsOf, picked } from './issue-links.rest.ts';
import { searchLinks } from './link-search.service.ts';
import type { FoundLinkRow } from './link-search.store.ts';

export const linkSearchHandlers: Handlers<'searchIssueLinks'> = {
  searchIssueLinks({ db, body, caller }) {
    const issues = body.issues.map(issueNameIn);
    const search = {
      issues,
      phrases: body.linkTypes,
      direction: body.direction,
      status: nameIn(body.status),
      queue: nameIn(body.queue),
    };
    const entries = new EntriesJson(caller, issues, fieldsOf(body.fields));
    return Promise.resolve({
      body: async (write) => {
        await searchLinks(db, caller.viewer, search, (row, references) => write(entries.next(row, references)));
        void write(entries.end());
      },
    });
  },
};

/** The JSON of all links of each issue, in the order of the keys. */
export async function linksJsonOf(
  { db, caller, hold }: Pick<Context, 'db' | 'caller' | 'hold'>,
  keys: readonly string[],
): Promise<string[]> {
  if (keys.length === 0) return [];
  const lists = keys.map(() => '');
  const json = new JsonBytes();
  const referencesJson = referenceJson(caller);
  await searchLinks(db, caller.viewer, { issues: keys }, ({ place, link }, references) => {
    if (!(link && writeLink(json, referencesJson, link, references))) return undefined;
    const one = json.take();
    hold(one.length);
    const list = lists[place - 1];
    lists[place - 1] = list ? `${list},${one.toString()}` : one.toString();
    return undefined;
  });
  return lists.map((list) => `[${list}]`);
}

/** Turns the rows of a search into the JSON of its entries, piece by piece. */
class EntriesJson {
  readonly #caller: Caller;
  readonly #references: ReferenceJson;
  readonly #issues: readonly string[];
  readonly #fields: ReadonlySet<string> | undefined;
  readonly #json = new JsonBytes();
  /** Links whose fields are picked. */
  readonly #whole = new JsonBytes();
  #place = 0;
  /** What closes the entry that is open. */
  #close = '[';
  #separator = '';

  constructor(caller: Caller, issues: readonly string[], fields: ReadonlySet<string> | undefined) {
    this.#caller = caller;
    this.#references = referenceJson(caller);
    this.#issues = issues;
    this.#fields = fields;
  }

  next({ place, issue, link }: FoundLinkRow, references: LinkReferences): Buffer {
    const json = this.#json;
    if (place !== this.#place) {
      this.#place = place;
      const reference = issue ? issueReference(this.#caller, issue) : issueNamed(this.#issues[place - 1] ?? '');
      json.ascii(`${this.#close}{"issue":`);
      json.bytes(Buffer.from(JSON.stringify(reference)));
      json.ascii(`,"links":${issue ? '[' : 'null'}`);
      this.#close = issue ? ']},' : '},';
      this.#separator = '';
    }
    // A link whose type is missing was deleted together with its type after it had been read.
    const { length } = json;
    json.ascii(this.#separator);
    if (link && this.#writeLink(link, references)) this.#separator = ',';
    else json.truncate(length);
    return json.take();
  }

  #writeLink(link: LinkEnd, references: LinkReferences): boolean {
    if (this.#fields === undefined) return writeLink(this.#json, this.#references, link, references);
    if (!writeLink(this.#whole, this.#references, link, references)) return false;
    this.#json.bytes(pickedJson(this.#whole.take(), this.#fields));
    return true;
  }

  end(): Buffer {
    return Buffer.from(`${this.#close.slice(0, -1)}]`);
  }
}

function issueNamed(name: string): Schemas['IssueName'] {
  return /^[0-9a-f]{24}$/i.test(name) ? { id: name } : { key: name };
}

function pickedJson(link: Buffer, fields: ReadonlySet<string>): Buffer {
  return Buffer.from(JSON.stringify(picked(JSON.parse(link.toString()) as Schemas['IssueLink'], fields)));
}

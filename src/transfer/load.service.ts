import {
  CHECK_SAME_LABELS,
  CHECK_SHARED_LABELS,
  type FindingRow,
  selectInBatches,
  selectIssueKeys,
} from '../core/check/check.store.ts';
import { enterTokens, raiseCounters } from '../core/check/repair.service.ts';
import { selectLinkTypes } from '../core/link-types/link-types.store.ts';
import { insertOrganisationEntry, selectOrganisationIds } from '../core/organisations/directory.store.ts';
import { lockOrganisation } from '../core/organisations/organisations.store.ts';
import { deleteAnyOrganisation } from '../core/removal/organisation-deletion.service.ts';
import { computeOrder } from '../core/topological-order/topological-order.service.ts';
import { deleteOrder } from '../core/topological-order/topological-order.store.ts';
import type { Database, Transaction } from '../database/database.ts';
import { onConstraint, refusalOf } from '../database/database-error.ts';
import { texts } from '../texts.ts';
import { FORMAT_VERSION } from './export.service.ts';
import { LoadError } from './load-error.ts';
import { RECORD_KINDS, type RecordKind } from './record-kinds.ts';
import {
  analyze,
  endLoad,
  insertRecord,
  insertRecords,
  selectDangling,
  selectDifferences,
  selectIsLoading,
} from './transfer.store.ts';

/** How many records were written, and how many were there already, by kind. */
export type LoadReport = Record<string, { written: number; present: number }>;

export interface LoadOptions {
  /** The organisation to load into; by default, the one in the file. */
  readonly orgId?: string | undefined;
  readonly onProgress?: (records: number) => void;
  /** Whether problems name records by kind and id, because the lines are not those of a file. */
  readonly namesRecords?: boolean;
}

const BATCH_RECORDS_MAX = 1000;
const BATCH_LENGTH_MAX = 4_000_000;
const PROBLEMS_MAX = 20;
/** Later ids are greater, and Kanboard's ids of links are twice as large. All must be exact numbers in JSON. */
const ID_MAX = 2 ** 50;

const KINDS: ReadonlyMap<string, RecordKind> = new Map(RECORD_KINDS.map((kind) => [kind.name, kind]));
const MEMBERS = new Map(RECORD_KINDS.map(({ name, columns }) => [name, new Set(columns.map(({ member }) => member))]));
MEMBERS.get('organisation')?.add('id');

/** What the rules of links mean for a record that breaks one, by constraint. */
const BROKEN_RULES: Readonly<Record<string, string>> = {
  links_ends_key: 'the issues have a link of this type already.',
  links_unordered_ends_key: 'the issues have a link of this type already.',
  links_pair_key: 'the issues have a link already, and the organisation allows one between two issues.',
  links_single_inward_key: 'the inward issue has a link of this type already, and the type allows one.',
  links_single_outward_key: 'the outward issue has a link of this type already, and the type allows one.',
  links_self_check: 'an issue cannot be linked to itself.',
};

/**
 * Loads an export into its organisation, which it creates, in transactions of 1 000 records. After an interruption, such as
 * a lost connection, a repetition continues: records that are there already are left alone. Any other organisation that
 * exists is only compared. Throws a LoadError for the first records that are invalid, break a rule or differ from what is
 * there; an organisation that this call has created is deleted again then.
 */
export async function loadOrganisation(
  db: Database,
  lines: AsyncIterable<string> | Iterable<string>,
  options: LoadOptions,
): Promise<LoadReport> {
  const loader = new Loader(db, options);
  try {
    await loader.load(lines);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    const { createdOrgId } = loader;
    if (createdOrgId !== undefined) await deleteAnyOrganisation(db, createdOrgId);
    const outcome =
      loader.hasWritten && createdOrgId === undefined ? 'The records before it were written.' : 'Nothing was written.';
    throw new LoadError([...error.problems, outcome]);
  }
  return loader.report;
}

/** Thrown to roll back. */
class DryRun extends Error {
  override readonly name = 'DryRun';
}

/** Does what a load would do, in one transaction that is rolled back. */
export async function tryToLoad(
  db: Database,
  lines: AsyncIterable<string> | Iterable<string>,
  options: LoadOptions,
): Promise<LoadReport> {
  let report: LoadReport = {};
  const work = db.transaction(async (transaction) => {
    const loader = new Loader(transaction, options);
    await loader.load(lines, { isDryRun: true });
    report = loader.report;
    throw new DryRun();
  });
  await work.catch((error: unknown) => {
    if (!(error instanceof DryRun)) throw error;
  });
  return report;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

class Loader {
  readonly report: LoadReport = {};
  /** Set if the organisation did not exist. */
  createdOrgId: string | undefined;
  hasWritten = false;
  readonly #db: Database;
  readonly #options: LoadOptions;
  readonly #problems: string[] = [];
  #orgId: string | undefined;
  /** Whether the organisation exists and no load of it was interrupted. Users may have changed and deleted its rows. */
  #isComplete = false;
  #kind: RecordKind | undefined;
  #batch: Line[] = [];
  #batchLength = 0;
  #records = 0;

  constructor(db: Database, options: LoadOptions) {
    this.#db = db;
    this.#options = options;
  }

  async load(lines: AsyncIterable<string> | Iterable<string>, { isDryRun = false } = {}): Promise<void> {
    let number = 0;
    for await (const text of lines) {
      number += 1;
      if (text.trim() !== '') await this.#add({ number, text });
    }
    await this.#flush();
    if (this.#orgId === undefined) throw new LoadError(['The file holds no organisation.']);
    if (this.#isComplete) return;
    // Without statistics, the rules would be checked with plans for empty tables, which takes long for a large file. In a dry
    // run, the estimates of row counts outlast the rollback, until the next analyze.
    await analyze(this.#db, RECORD_KINDS);
    await this.#enforceRules(this.#orgId);
    // Sequences do not return to their values when a transaction is rolled back.
    if (isDryRun) return;
    await raiseCounters(this.#db, this.#orgId, new Set());
    await enterTokens(this.#db, this.#orgId, new Set());
    await endLoad(this.#db, this.#orgId);
  }

  async #add(line: Line): Promise<void> {
    const record = parseRecord(line);
    if (typeof record === 'string') {
      this.#problem(line, record);
      return;
    }
    const { name, value } = record;
    if (name === 'export') {
      if (value['version'] !== FORMAT_VERSION)
        throw new LoadError([
          `line ${line.number}: the format has version ${String(value['version'])}, not ${FORMAT_VERSION}.`,
        ]);
      return;
    }
    const kind = KINDS.get(name);
    const members = MEMBERS.get(name);
    if (kind === undefined || members === undefined) {
      this.#problem(line, `there is no kind of record "${name}".`);
      return;
    }
    const unknown = Object.keys(value).filter((member) => !members.has(member));
    if (unknown.length > 0) {
      this.#problem(line, `${name} has no member ${unknown.join(', ')}.`);
      return;
    }
    const invalid = invalidNumber(kind, value);
    if (invalid !== undefined) {
      this.#problem(line, invalid);
      return;
    }
    const isFull = this.#batch.length >= BATCH_RECORDS_MAX || this.#batchLength >= BATCH_LENGTH_MAX;
    if (kind !== this.#kind || (isFull && kind.selfReference === undefined)) await this.#flush();
    this.#kind = kind;
    if (name === 'organisation') await this.#startOrganisation(line, value);
    else if (this.#orgId === undefined) throw new LoadError([`line ${line.number}: an organisation must come first.`]);
    else {
      this.#batch.push(line);
      this.#batchLength += line.text.length;
    }
  }

  #problem(line: Line, problem: string): void {
    this.#problems.push(`${this.#nameOf(line)}: ${problem}`);
    if (this.#problems.length >= PROBLEMS_MAX) throw new LoadError(this.#problems);
  }

  #nameOf(line: Line): string {
    const record = this.#options.namesRecords ? parseRecord(line) : undefined;
    if (typeof record !== 'object') return `line ${line.number}`;
    const { id, ...others } = record.value;
    return `${record.name} ${JSON.stringify(id ?? others)}`;
  }

  async #startOrganisation({ number }: Line, { id, cloudId, ...value }: Record<string, unknown>): Promise<void> {
    if (this.#orgId !== undefined) throw new LoadError([`line ${number}: there is another organisation before it.`]);
    const { orgId = typeof id === 'string' ? id : undefined } = this.#options;
    if (orgId === undefined) throw new LoadError([`line ${number}: the organisation has no id.`]);
    this.#orgId = orgId;
    // Another organisation may have the cloud id: the one that was exported.
    const own = typeof cloudId === 'string' && id === orgId ? cloudId : undefined;
    const isNew = !(await selectOrganisationIds(this.#db)).includes(orgId);
    this.#isComplete = !isNew && !(await selectIsLoading(this.#db, orgId));
    this.#batch = [{ number, text: JSON.stringify({ organisation: { ...value, cloudId: own } }) }];
    await this.#db.transaction(async (transaction) => {
      if (isNew) {
        await onConstraint(insertOrganisationEntry(transaction, orgId, own), {
          organisation_directory_cloud_id_key: () =>
            new LoadError([`line ${number}: ${texts.cloudIdTaken(own ?? '').en}`]),
        });
      }
      await this.#write(transaction, orgId);
    });
    if (isNew) this.createdOrgId = orgId;
    this.#batch = [];
  }

  /** Writes the batch. */
  async #flush(): Promise<void> {
    if (this.#problems.length > 0) throw new LoadError(this.#problems);
    const orgId = this.#orgId;
    if (this.#batch.length === 0 || orgId === undefined) return;
    await this.#db.transaction(async (transaction) => {
      await lockOrganisation(transaction, orgId, 'links');
      await this.#write(transaction, orgId);
    });
    this.#batch = [];
    this.#batchLength = 0;
  }

  async #write(transaction: Transaction, orgId: string): Promise<void> {
    const kind = this.#kind as RecordKind;
    const written = this.#isComplete ? 0 : await this.#insert(transaction, kind, orgId);
    if (this.#isComplete) await this.#compare(transaction, kind, orgId);
    const present = this.#batch.length - written;
    const before = this.report[kind.name] ?? { written: 0, present: 0 };
    this.report[kind.name] = { written: before.written + written, present: before.present + present };
    this.hasWritten ||= written > 0;
    this.#records += this.#batch.length;
    this.#options.onProgress?.(this.#records);
  }

  /** Returns how many records of the batch were not there. */
  async #insert(transaction: Transaction, kind: RecordKind, orgId: string): Promise<number> {
    await transaction.invalidate(orgId);
    const lines = asArray(this.#batch);
    const written = await transaction
      .attempt(() => insertRecords(transaction, kind, orgId, lines))
      .catch((error: unknown) => {
        if (refusalOf(error) === undefined) throw error;
      });
    if (written === undefined) throw new LoadError(await this.#findRefused(transaction, kind, orgId, this.#batch));
    if (written < this.#batch.length) {
      const places = await selectDifferences(transaction, kind, orgId, lines);
      const different = this.#batch.filter((_, index) => places.includes(index + 1));
      if (different.length > 0) throw new LoadError(await this.#findRefused(transaction, kind, orgId, different));
    }
    return written;
  }

  /** Throws a LoadError unless all records of the batch are there. */
  async #compare(transaction: Transaction, kind: RecordKind, orgId: string): Promise<void> {
    const places = await transaction
      .attempt(() => selectDifferences(transaction, kind, orgId, asArray(this.#batch)))
      .catch((error: unknown) => {
        const refusal = refusalOf(error);
        if (refusal === undefined) throw error;
        throw new LoadError([`lines ${this.#batch[0]?.number} to ${this.#batch.at(-1)?.number}: ${refusal.message}`]);
      });
    if (places.length === 0) return;
    const problems = places
      .slice(0, PROBLEMS_MAX)
      .map(
        (place) =>
          `${this.#nameOf(this.#batch[place - 1] as Line)}: the ${kind.name} is not there, or differs from this line.`,
      );
    throw new LoadError([
      ...problems,
      'The organisation exists, and a load changes only one whose load was interrupted.',
    ]);
  }

  /** Reports why each record cannot be written. */
  async #findRefused(
    transaction: Transaction,
    kind: RecordKind,
    orgId: string,
    batch: readonly Line[],
  ): Promise<string[]> {
    const problems: string[] = [];
    for (const line of batch) {
      const { text } = line;
      if (problems.length >= PROBLEMS_MAX) break;
      try {
        const isWritten = await transaction.attempt(() => insertRecord(transaction, kind, orgId, text));
        if (!isWritten) problems.push(`${this.#nameOf(line)}: the link type of the ${kind.name} does not exist.`);
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal === undefined) throw error;
        const { constraint = '', message } = refusal;
        // A record that is malformed cannot be compared.
        const isPresent =
          constraint !== '' && (await selectDifferences(transaction, kind, orgId, `[${text}]`)).length === 0;
        if (isPresent) continue;
        const isOther = constraint === `${kind.table}_pkey`;
        const other = `the ${kind.name} differs from what is there.`;
        problems.push(`${this.#nameOf(line)}: ${isOther ? other : (BROKEN_RULES[constraint] ?? message)}`);
      }
    }
    if (problems.length > 0) return problems;
    const dangling = await selectDangling(transaction, kind, orgId, asArray(batch));
    return dangling
      .slice(0, PROBLEMS_MAX)
      .map(
        (place) =>
          `${this.#nameOf(batch[place - 1] as Line)}: ${kind.selfReference?.member} refers to no ${kind.name}.`,
      );
  }

  /** Enforces the rules that no constraint enforces, and orders the links of acyclic types (decision 10). */
  async #enforceRules(orgId: string): Promise<void> {
    await this.#db.transaction(async (transaction) => {
      await lockOrganisation(transaction, orgId, 'rules');
      for (const { link_type_id, is_acyclic } of await selectLinkTypes(transaction, orgId)) {
        if (!is_acyclic) continue;
        await deleteOrder(transaction, orgId, link_type_id);
        const cycle = await computeOrder(transaction, orgId, link_type_id);
        if (cycle.length === 0) continue;
        const ids = cycle.map(({ link_id }) => link_id);
        const keys = await selectIssueKeys(
          transaction,
          orgId,
          cycle.map(({ inward_issue_id: id }) => id),
        );
        throw new LoadError([
          `links ${ids.join(', ')} of type ${link_type_id} form a cycle: ${[...keys.values()].join(', ')}.`,
        ]);
      }
      const problems: string[] = [];
      const add = (rows: readonly FindingRow[], describe: (row: FindingRow) => string) =>
        problems.push(...rows.map(describe));
      const values = { orgId, nextTransaction: '0' };
      add(
        await transaction.query(CHECK_SHARED_LABELS(values)),
        ({ link_type_id }) =>
          `linkType ${link_type_id}: another type has one of its labels, so sharesLabel must be true.`,
      );
      for await (const rows of selectInBatches(transaction, CHECK_SAME_LABELS(values)))
        add(rows, ({ link_ids }) => `links ${link_ids.join(', ')}: their issues have both with the same label.`);
      if (problems.length > 0) throw new LoadError(problems.slice(0, PROBLEMS_MAX));
    });
  }
}

/** A JSON array. */
function asArray(batch: readonly Line[]): string {
  return `[${batch.map(({ text }) => text).join(',')}]`;
}

/** What is wrong with a number: PostgreSQL would also accept strings, and numbers that JSON cannot hold exactly. */
function invalidNumber({ columns }: RecordKind, value: Readonly<Record<string, unknown>>): string | undefined {
  for (const { member, type } of columns) {
    const number = value[member];
    if (number === undefined || number === null || (type !== 'bigint' && type !== 'integer')) continue;
    const isKey = member === 'id';
    if (!Number.isSafeInteger(number) || (isKey && !(Number(number) > 0 && Number(number) <= ID_MAX)))
      return `the ${member} must be a whole number${isKey ? ` from 1 to ${ID_MAX}` : ''}.`;
  }
  return undefined;
}

/** The only member of a line's object, or what is wrong with the line. */
function parseRecord({ text }: Line): { name: string; value: Record<string, unknown> } | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const [member, ...others] = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
  const value: unknown = member?.[1];
  if (member === undefined || others.length > 0 || typeof value !== 'object' || value === null)
    return 'must be an object with one member, such as {"queueMember": {"queueId": 1, "userId": 2}}.';
  return { name: member[0], value: value as Record<string, unknown> };
}

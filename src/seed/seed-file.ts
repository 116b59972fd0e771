import { createRequire } from 'node:module';
import type { OrganisationRole } from '../core/access/viewer.ts';
import type { Profile } from '../core/organisations/defaults.ts';
import type { TokenScope } from '../core/tokens/tokens.service.ts';
import { StartError } from '../errors.ts';
import type { Language } from '../texts.ts';
import { SEED_SCHEMA } from './seed-schema.ts';

/** What a seed says of an organisation itself. */
export interface SeedOrganisation {
  readonly id: string;
  readonly name?: string;
  readonly language?: Language;
  readonly profile?: Profile;
  readonly cloudId?: string;
  /** The application token of the Kanboard API. */
  readonly kanboardToken?: string;
}

export interface SeedUser {
  readonly login: string;
  readonly display?: string;
  readonly email?: string;
  readonly uid?: number;
  readonly role?: OrganisationRole;
  readonly password?: string;
  /** The personal token of the Kanboard API. */
  readonly kanboardToken?: string;
}

export interface SeedToken {
  readonly user: string;
  readonly value: string;
  readonly scopes?: readonly TokenScope[];
  readonly expiresAt?: string;
}

export interface SeedQueue {
  readonly key: string;
  readonly name?: string;
  readonly description?: string;
  readonly lead?: string;
  /** The users who alone may see the queue, by login. Without them, it is open to the organisation. */
  readonly members?: Readonly<Record<string, 'manager' | 'member' | 'viewer'>>;
}

/** The members of a new issue in the Tracker API, which its contract validates, and these. */
export interface SeedIssue {
  readonly key: string;
  readonly status?: string;
  readonly createdBy?: string;
  readonly [member: string]: unknown;
}

export interface SeedLink {
  readonly issue: string;
  readonly relationship: string;
  readonly object: string;
  readonly createdBy?: string;
}

export interface SeedComment {
  readonly issue: string;
  readonly text: string;
  readonly createdBy?: string;
}

export interface SeedValues {
  readonly organisation: SeedOrganisation;
  readonly user: SeedUser;
  readonly token: SeedToken;
  readonly queue: SeedQueue;
  /** A new link type of the Tracker API, which its contract validates. */
  readonly linkType: Readonly<Record<string, unknown>>;
  readonly issue: SeedIssue;
  readonly link: SeedLink;
  readonly comment: SeedComment;
}

export type SeedKind = keyof SeedValues;

/** One object of a seed. It belongs to the organisation that precedes it. */
export type SeedRecord = {
  [Kind in SeedKind]: {
    readonly kind: Kind;
    readonly value: SeedValues[Kind];
    /** Where it is in the file, for error messages. */
    readonly place: string;
  };
}[SeedKind];

/** The lists of an organisation in YAML, in the order in which they are applied. */
const LISTS = {
  users: 'user',
  tokens: 'token',
  queues: 'queue',
  linkTypes: 'linkType',
  issues: 'issue',
  links: 'link',
  comments: 'comment',
} as const satisfies Record<string, SeedKind>;

const KINDS: ReadonlySet<string> = new Set<SeedKind>(['organisation', ...Object.values(LISTS)]);

const PROBLEMS_MAX = 20;
const require = createRequire(import.meta.url);

/**
 * Parses a seed: NDJSON if the name ends in `.ndjson` or `.jsonl`, with an object such as `{"user": {...}}` on each line;
 * otherwise YAML, with a list of organisations. Throws a StartError that lists the problems with their places.
 */
export function parseSeed(name: string, content: string): SeedRecord[] {
  const records = /\.(ndjson|jsonl)$/i.test(name) ? recordsOfLines(name, content) : recordsOfDocument(name, content);
  const problems = records.flatMap(problemsOf);
  if (records.length === 0) problems.push('There is no organisation.');
  else if (records[0]?.kind !== 'organisation') problems.push(`${records[0]?.place}: an organisation must come first.`);
  if (problems.length > 0) throw invalidSeed(name, problems);
  return records;
}

/** The error for a seed that cannot be applied. */
export function invalidSeed(name: string, problems: readonly string[]): StartError {
  const more = problems.length > PROBLEMS_MAX ? [`and ${problems.length - PROBLEMS_MAX} more`] : [];
  const listed = [...problems.slice(0, PROBLEMS_MAX), ...more].join('\n');
  return new StartError(`The seed ${name} is invalid, and nothing was written.\n${listed}`);
}

function recordsOfLines(name: string, content: string): SeedRecord[] {
  const problems: string[] = [];
  const records = content.split('\n').flatMap((line, index) => {
    const place = `line ${index + 1}`;
    if (line.trim() === '') return [];
    try {
      const parsed: unknown = JSON.parse(line);
      const [member, ...others] = isObject(parsed) ? Object.entries(parsed) : [];
      if (member && KINDS.has(member[0]) && others.length === 0)
        return [{ kind: member[0], value: member[1], place } as SeedRecord];
      problems.push(`${place}: must be an object with one member, such as {"user": {"login": "alice"}}.`);
    } catch (error) {
      problems.push(`${place}: ${messageOf(error)}`);
    }
    return [];
  });
  if (problems.length > 0) throw invalidSeed(name, problems);
  return records;
}

function recordsOfDocument(name: string, content: string): SeedRecord[] {
  const { load, YAMLException } = require('js-yaml') as typeof import('js-yaml');
  let document: unknown;
  try {
    document = load(content);
  } catch (error) {
    if (error instanceof YAMLException) throw invalidSeed(name, [error.message]);
    throw error;
  }
  const { organisations, ...others } = isObject(document) ? document : {};
  const problems = Object.keys(others).map((member) => `${member}: is unknown.`);
  if (!Array.isArray(organisations)) problems.push('organisations: must be a list.');
  if (problems.length > 0) throw invalidSeed(name, problems);
  return (organisations as unknown[]).flatMap((organisation, index) => {
    const place = `organisations[${index}]`;
    if (!isObject(organisation)) throw invalidSeed(name, [`${place}: must be an object.`]);
    const own = Object.entries(organisation).filter(([member]) => !Object.hasOwn(LISTS, member));
    const lists = Object.entries(LISTS).flatMap(([list, kind]) => {
      const values = organisation[list] ?? [];
      if (!Array.isArray(values)) throw invalidSeed(name, [`${place}.${list}: must be a list.`]);
      return values.map((value: unknown, at) => ({ kind, value, place: `${place}.${list}[${at}]` }) as SeedRecord);
    });
    return [{ kind: 'organisation', value: Object.fromEntries(own), place } as unknown as SeedRecord, ...lists];
  });
}

/** ajv is loaded for the first seed, as is js-yaml: they would prolong every start. */
let validators: Record<SeedKind, import('ajv').ValidateFunction> | undefined;

function problemsOf({ kind, value, place }: SeedRecord): string[] {
  validators ??= compileValidators();
  const validate = validators[kind];
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, keyword, params }) => {
    const path = `${place}${instancePath.replaceAll(/\/(\w+)/g, '.$1')}`;
    if (keyword === 'additionalProperties') return `${path}.${String(params['additionalProperty'])}: is unknown.`;
    if (keyword === 'enum') return `${path}: must be one of ${(params['allowedValues'] as unknown[]).join(', ')}.`;
    return `${path}: ${String(message)}.`;
  });
}

function compileValidators() {
  const { Ajv2020 } = require('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
  const addFormats = require('ajv-formats') as typeof import('ajv-formats');
  const ajv = new Ajv2020({ allErrors: true });
  addFormats.default(ajv);
  const kinds = Object.entries(SEED_SCHEMA) as [SeedKind, object][];
  return Object.fromEntries(kinds.map(([kind, schema]) => [kind, ajv.compile(schema)])) as NonNullable<
    typeof validators
  >;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { DAY_MS, momentOf, startOfDay } from '../../calendar.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { findColorId } from './task-colors.ts';

/** A condition on tasks, parsed from Kanboard's query language. */
export type TaskCondition =
  | { readonly kind: 'all' | 'any'; readonly conditions: readonly TaskCondition[] }
  | {
      readonly kind: 'number';
      readonly field: NumberField;
      readonly operator: Operator;
      readonly value: number;
    }
  /** The field contains the text, ignoring case. */
  | {
      readonly kind: 'contains';
      readonly field: 'title' | 'description' | 'comment' | 'tag' | 'owner' | 'creator';
      readonly text: string;
    }
  /** The whole field equals the text. */
  | {
      readonly kind: 'equals';
      readonly field: 'category' | 'column' | 'project' | 'swimlane' | 'link' | 'color';
      readonly text: string;
    }
  /** The reference consists of these parts with anything in between. */
  | { readonly kind: 'reference'; readonly parts: readonly string[] }
  | { readonly kind: 'unset'; readonly field: 'reference' | 'tag' | 'due' }
  /** From `from` on, and before `until`. */
  | {
      readonly kind: 'within';
      readonly field: DateField;
      readonly from: Date | undefined;
      readonly until: Date | undefined;
    };

export type NumberField =
  | 'id'
  | 'owner'
  | 'creator'
  | 'column'
  | 'project'
  | 'isOpen'
  | 'category'
  | 'priority'
  | 'score';
export type DateField = 'created' | 'modified' | 'moved' | 'due' | 'started' | 'completed';
export type Operator = '=' | '<' | '<=' | '>' | '>=';

/** With more values, the database would exceed the time that a request may take. */
const VALUES_MAX = 200;
const YEAR_MAX = 9999;

const ALL_TASKS: TaskCondition = { kind: 'all', conditions: [] };
const NO_TASK: TaskCondition = { kind: 'any', conditions: [] };

/** Parses one value of an attribute; `meId` is the id of the caller. */
type ValueParser = (value: string, meId: number) => TaskCondition;

const PARSERS: readonly (readonly [ValueParser, ...string[]])[] = [
  [(value) => titleCondition(value), 'title'],
  [(value) => ({ kind: 'contains', field: 'description', text: value }), 'description', 'desc'],
  [personParser('owner'), 'assignee'],
  [personParser('creator'), 'creator'],
  [(value) => statusCondition(value), 'status'],
  [(value) => numberCondition('id', '=', value), 'id'],
  [(value) => colorCondition(value), 'color', 'colour'],
  [namedParser('column'), 'column'],
  [namedParser('project'), 'project'],
  [(value) => ({ kind: 'equals', field: 'swimlane', text: value }), 'swimlane'],
  [(value) => ({ kind: 'equals', field: 'link', text: value }), 'link'],
  [(value) => referenceCondition(value), 'reference', 'ref'],
  [(value) => tagCondition(value), 'tag'],
  [(value) => (value === 'none' ? numberCondition('category', '=', '0') : named('category', value)), 'category'],
  [comparedParser('priority'), 'priority'],
  [comparedParser('score'), 'score', 'complexity'],
  [dateParser('created'), 'created'],
  [dateParser('modified'), 'modified', 'updated'],
  [dateParser('moved'), 'moved'],
  [dateParser('due'), 'due'],
  [dateParser('started'), 'started'],
  [dateParser('completed'), 'completed'],
  [rangeParser('created'), 'createdRange'],
  [rangeParser('modified'), 'modifiedRange', 'updatedRange'],
  [rangeParser('moved'), 'movedRange'],
  [rangeParser('completed'), 'completedRange'],
  [(value) => ({ kind: 'contains', field: 'comment', text: value }), 'comment'],
  // There are no subtasks, so nothing matches.
  [() => NO_TASK, 'subtask:assignee'],
];

const PARSER_BY_NAME: ReadonlyMap<string, ValueParser> = new Map(
  PARSERS.flatMap(([parser, ...names]) => names.map((name) => [name.toLowerCase(), parser] as const)),
);

/**
 * Parses a query. Words outside attributes form one phrase, which the title must contain. Several values of one attribute
 * are alternatives; different attributes must all match. Throws `invalid` for a query with too many values.
 */
export function parseTaskQuery(query: string, meId: number): TaskCondition {
  const { words, values } = tokenize(query);
  const conditions = [...values].map(([name, given]): TaskCondition => {
    const parser = PARSER_BY_NAME.get(name);
    return { kind: 'any', conditions: parser ? given.map((value) => parser(value, meId)) : [] };
  });
  return { kind: 'all', conditions: words === '' ? conditions : [titleCondition(words), ...conditions] };
}

const ATTRIBUTE = new RegExp(`(${[...PARSER_BY_NAME.keys()].sort((a, b) => b.length - a.length).join('|')}):`, 'iy');
/** A range of days, a day, a comparison, a quoted string, or everything up to the next space. */
const VALUE = /[<=>]{0,2}\d{4}-\d\d-\d\d(?:\.\.\d{4}-\d\d-\d\d)?|[<=>]{0,2}"[^"\n]*"|[<=>]{1,2}[\p{L}\p{N}_]+|\S+/uy;
const SPACE = /\s+/y;

function tokenize(query: string): { words: string; values: ReadonlyMap<string, readonly string[]> } {
  const values = new Map<string, string[]>();
  let words = '';
  let count = 0;
  let offset = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = offset;
    const taken = pattern.exec(query)?.[0];
    offset += taken?.length ?? 0;
    return taken;
  };
  while (offset < query.length) {
    const attribute = take(ATTRIBUTE)?.slice(0, -1).toLowerCase();
    if (attribute === undefined) {
      words += take(SPACE) === undefined ? unquoted(take(VALUE) ?? '') : ' ';
      continue;
    }
    const value = take(VALUE);
    if (value === undefined) continue;
    count += 1;
    if (count > VALUES_MAX) throw new DomainError('invalid', undefined, { query: texts.searchTooLarge });
    values.set(attribute, [...(values.get(attribute) ?? []), unquoted(value)]);
  }
  return { words: words.trim().replaceAll(/ +/g, ' '), values };
}

function unquoted(text: string): string {
  return text.replaceAll('"', '');
}

function titleCondition(text: string): TaskCondition {
  const [, id] = /^#?(\d+)$/.exec(text) ?? [];
  const contains: TaskCondition = { kind: 'contains', field: 'title', text };
  return id === undefined ? contains : { kind: 'any', conditions: [numberCondition('id', '=', id), contains] };
}

function personParser(field: 'owner' | 'creator'): ValueParser {
  return (value, meId) => {
    if (value === 'me') return { kind: 'number', field, operator: '=', value: meId };
    if (value === 'nobody') return { kind: 'number', field, operator: '=', value: 0 };
    if (value === 'anybody') return { kind: 'number', field, operator: '>', value: 0 };
    return isDigits(value) ? numberCondition(field, '=', value) : { kind: 'contains', field, text: value };
  };
}

function namedParser(field: 'column' | 'project'): ValueParser {
  return (value) => named(field, value);
}

function named(field: 'category' | 'column' | 'project', value: string): TaskCondition {
  return isDigits(value) ? numberCondition(field, '=', value) : { kind: 'equals', field, text: value };
}

/** As in Kanboard, an unknown word such as `all` does not filter. */
function statusCondition(value: string): TaskCondition {
  if (value === 'open') return numberCondition('isOpen', '=', '1');
  if (value === 'closed') return numberCondition('isOpen', '=', '0');
  return isDigits(value) ? numberCondition('isOpen', '=', value) : ALL_TASKS;
}

function colorCondition(value: string): TaskCondition {
  const id = findColorId(value);
  return id === undefined ? NO_TASK : { kind: 'equals', field: 'color', text: id };
}

function referenceCondition(value: string): TaskCondition {
  return value === 'none' ? { kind: 'unset', field: 'reference' } : { kind: 'reference', parts: value.split('*') };
}

function tagCondition(value: string): TaskCondition {
  return value === 'none' ? { kind: 'unset', field: 'tag' } : { kind: 'contains', field: 'tag', text: value };
}

function comparedParser(field: 'priority' | 'score'): ValueParser {
  return (value) => {
    const { operator, rest } = operatorOf(value);
    return numberCondition(field, operator, rest);
  };
}

/** Non-integers match nothing. */
function numberCondition(field: NumberField, operator: Operator, text: string): TaskCondition {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? { kind: 'number', field, operator, value } : NO_TASK;
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text);
}

function operatorOf(value: string): { operator: Operator; rest: string } {
  const [, operator = '=', rest = ''] = /^(<=|>=|<|>)?(.*)$/su.exec(value) ?? [];
  return { operator: operator as Operator, rest };
}

function dateParser(field: DateField): ValueParser {
  return (value) => {
    if (field === 'due' && value === 'none') return { kind: 'unset', field };
    const { operator, rest } = operatorOf(value);
    const day = dayFrom(rest);
    if (day === undefined) return NO_TASK;
    const next = new Date(day.getTime() + DAY_MS);
    return {
      kind: 'within',
      field,
      from: operator === '>' ? next : operator === '<' || operator === '<=' ? undefined : day,
      until: operator === '<' ? day : operator === '>' || operator === '>=' ? undefined : next,
    };
  };
}

function rangeParser(field: DateField): ValueParser {
  return (value) => {
    const [first = '', last = '', ...others] = value.split('..');
    const from = dayFrom(first);
    const until = dayFrom(last);
    if (from === undefined || until === undefined || others.length > 0) return NO_TASK;
    return { kind: 'within', field, from, until: new Date(until.getTime() + DAY_MS) };
  };
}

const STEPS = { day: [1, 0], week: [7, 0], month: [0, 1], year: [0, 12] } as const;

/** The start of a day, given as a date, a Unix time in seconds, a name such as `today`, or an offset such as `-2 weeks`. */
function dayFrom(text: string): Date | undefined {
  const today = startOfDay(new Date());
  const name = text.toLowerCase();
  if (name === 'today' || name === 'now') return today;
  if (name === 'yesterday') return daysAfter(today, -1);
  if (name === 'tomorrow') return daysAfter(today, 1);
  if (isDigits(text)) return dayOf(new Date(Number(text) * 1000));
  const [, sign, count, unit] = /^([+-]?)\s*(\d{1,5})\s*(day|week|month|year)s?$/.exec(name) ?? [];
  if (count !== undefined) {
    const steps = sign === '-' ? -Number(count) : Number(count);
    const [days, months] = STEPS[unit as keyof typeof STEPS];
    const moved = daysAfter(today, steps * days);
    moved.setUTCMonth(moved.getUTCMonth() + steps * months);
    return dayOf(moved);
  }
  const date = /^\d{4}-\d\d-\d\d$/.test(text) ? momentOf(text) : undefined;
  return date && dayOf(date);
}

function daysAfter(day: Date, count: number): Date {
  return new Date(day.getTime() + count * DAY_MS);
}

/** The start of its day in UTC; undefined outside the years 1 to 9998. */
function dayOf(time: Date): Date | undefined {
  const year = time.getUTCFullYear();
  return year >= 1 && year < YEAR_MAX ? startOfDay(time) : undefined;
}

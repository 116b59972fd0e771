import { DAY_MS, momentOf, startOfDay } from '../../calendar.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { findColorId } from './task-colors.ts';

/** What tasks are searched for, in Kanboard's query language. */
export type TaskCondition =
  | { readonly kind: 'all' | 'any'; readonly conditions: readonly TaskCondition[] }
  | {
      readonly kind: 'number';
      readonly field: NumberField;
      readonly operator: Operator;
      readonly value: number;
    }
  /** The text somewhere in the field, in any letter case. */
  | {
      readonly kind: 'holds';
      readonly field: 'title' | 'description' | 'tag' | 'owner' | 'creator';
      readonly text: string;
    }
  /** The field as a whole. */
  | {
      readonly kind: 'equals';
      readonly field: 'column' | 'project' | 'swimlane' | 'link' | 'color';
      readonly text: string;
    }
  /** Parts of the reference, with anything between them. */
  | { readonly kind: 'reference'; readonly parts: readonly string[] }
  | { readonly kind: 'none'; readonly field: 'reference' | 'tag' | 'due' }
  /** Not before `from`, and before `until`. */
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

/** More would take the database longer than a request may. */
const VALUES_MAX = 200;
const YEAR_MAX = 9999;

const NOTHING: TaskCondition = { kind: 'any', conditions: [] };

/** Answers the condition that one value of an attribute stands for; `meId` is the number of whoever asks. */
type Reading = (value: string, meId: number) => TaskCondition;

const READINGS: readonly (readonly [Reading, ...string[]])[] = [
  [(value) => titleCondition(value), 'title'],
  [(value) => ({ kind: 'holds', field: 'description', text: value }), 'description', 'desc'],
  [personReading('owner'), 'assignee'],
  [personReading('creator'), 'creator'],
  [(value) => statusCondition(value), 'status'],
  [(value) => numberCondition('id', '=', value), 'id'],
  [(value) => colorCondition(value), 'color', 'colour'],
  [namedReading('column'), 'column'],
  [namedReading('project'), 'project'],
  [(value) => ({ kind: 'equals', field: 'swimlane', text: value }), 'swimlane'],
  [(value) => ({ kind: 'equals', field: 'link', text: value }), 'link'],
  [(value) => referenceCondition(value), 'reference', 'ref'],
  [(value) => tagCondition(value), 'tag'],
  [(value) => numberCondition('category', '=', value === 'none' ? '0' : value), 'category'],
  [comparedReading('priority'), 'priority'],
  [comparedReading('score'), 'score'],
  [dateReading('created'), 'created'],
  [dateReading('modified'), 'modified', 'updated'],
  [dateReading('moved'), 'moved'],
  [dateReading('due'), 'due'],
  [dateReading('started'), 'started'],
  [dateReading('completed'), 'completed'],
  [rangeReading('created'), 'createdRange'],
  [rangeReading('modified'), 'modifiedRange', 'updatedRange'],
  [rangeReading('moved'), 'movedRange'],
  [rangeReading('completed'), 'completedRange'],
  // Of comments and subtasks there are none here.
  [() => NOTHING, 'comment', 'subtask:assignee'],
];

const READING_OF: ReadonlyMap<string, Reading> = new Map(
  READINGS.flatMap(([reading, ...names]) => names.map((name) => [name.toLowerCase(), reading] as const)),
);

/**
 * The meaning of a query: words are looked for in titles, as one phrase; values of one attribute are alternatives, and
 * different attributes must all fit. What is no attribute is a word. Throws `invalid` for a query that is too long.
 */
export function parseTaskQuery(query: string, meId: number): TaskCondition {
  const { words, values } = partsOf(query);
  const conditions = [...values].map(([name, given]): TaskCondition => {
    const reading = READING_OF.get(name);
    return { kind: 'any', conditions: reading ? given.map((value) => reading(value, meId)) : [] };
  });
  return { kind: 'all', conditions: words === '' ? conditions : [titleCondition(words), ...conditions] };
}

const ATTRIBUTE = new RegExp(`(${[...READING_OF.keys()].sort((a, b) => b.length - a.length).join('|')}):`, 'iy');
/** A range of days, a day, a comparison, a text between quotation marks, or all up to the next space. */
const VALUE = /[<=>]{0,2}\d{4}-\d\d-\d\d(?:\.\.\d{4}-\d\d-\d\d)?|[<=>]{0,2}"[^"\n]*"|[<=>]{1,2}[\p{L}\p{N}_]+|\S+/uy;
const SPACE = /\s+/y;

function partsOf(query: string): { words: string; values: ReadonlyMap<string, readonly string[]> } {
  const values = new Map<string, string[]>();
  let words = '';
  let count = 0;
  let place = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = place;
    const taken = pattern.exec(query)?.[0];
    place += taken?.length ?? 0;
    return taken;
  };
  while (place < query.length) {
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
  const holds: TaskCondition = { kind: 'holds', field: 'title', text };
  return id === undefined ? holds : { kind: 'any', conditions: [numberCondition('id', '=', id), holds] };
}

function personReading(field: 'owner' | 'creator'): Reading {
  return (value, meId) => {
    if (value === 'me') return { kind: 'number', field, operator: '=', value: meId };
    if (value === 'nobody') return { kind: 'number', field, operator: '=', value: 0 };
    if (value === 'anybody') return { kind: 'number', field, operator: '>', value: 0 };
    return isDigits(value) ? numberCondition(field, '=', value) : { kind: 'holds', field, text: value };
  };
}

function namedReading(field: 'column' | 'project'): Reading {
  return (value) => (isDigits(value) ? numberCondition(field, '=', value) : { kind: 'equals', field, text: value });
}

function statusCondition(value: string): TaskCondition {
  if (value === 'open') return numberCondition('isOpen', '=', '1');
  return numberCondition('isOpen', '=', value === 'closed' ? '0' : value);
}

function colorCondition(value: string): TaskCondition {
  const id = findColorId(value);
  return id === undefined ? NOTHING : { kind: 'equals', field: 'color', text: id };
}

function referenceCondition(value: string): TaskCondition {
  return value === 'none' ? { kind: 'none', field: 'reference' } : { kind: 'reference', parts: value.split('*') };
}

function tagCondition(value: string): TaskCondition {
  return value === 'none' ? { kind: 'none', field: 'tag' } : { kind: 'holds', field: 'tag', text: value };
}

function comparedReading(field: 'priority' | 'score'): Reading {
  return (value) => {
    const { operator, rest } = operatorOf(value);
    return numberCondition(field, operator, rest);
  };
}

/** What is no whole number is no field's value. */
function numberCondition(field: NumberField, operator: Operator, text: string): TaskCondition {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? { kind: 'number', field, operator, value } : NOTHING;
}

function isDigits(text: string): boolean {
  return /^\d+$/.test(text);
}

function operatorOf(value: string): { operator: Operator; rest: string } {
  const [, operator = '=', rest = ''] = /^(<=|>=|<|>)?(.*)$/su.exec(value) ?? [];
  return { operator: operator as Operator, rest };
}

function dateReading(field: DateField): Reading {
  return (value) => {
    if (field === 'due' && value === 'none') return { kind: 'none', field };
    const { operator, rest } = operatorOf(value);
    const day = dayFrom(rest);
    if (day === undefined) return NOTHING;
    const next = new Date(day.getTime() + DAY_MS);
    return {
      kind: 'within',
      field,
      from: operator === '>' ? next : operator === '<' || operator === '<=' ? undefined : day,
      until: operator === '<' ? day : operator === '>' || operator === '>=' ? undefined : next,
    };
  };
}

function rangeReading(field: DateField): Reading {
  return (value) => {
    const [first = '', last = '', ...others] = value.split('..');
    const from = dayFrom(first);
    const until = dayFrom(last);
    if (from === undefined || until === undefined || others.length > 0) return NOTHING;
    return { kind: 'within', field, from, until: new Date(until.getTime() + DAY_MS) };
  };
}

const STEPS = { day: [1, 0], week: [7, 0], month: [0, 1], year: [0, 12] } as const;

/** The beginning of a day: of a date, of a second since 1970, of today or of a day counted from it. */
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

/** Undefined outside the years that a date can be written in. */
function dayOf(time: Date): Date | undefined {
  const year = time.getUTCFullYear();
  return year >= 1 && year < YEAR_MAX ? startOfDay(time) : undefined;
}

import { DAY_MS, momentOf, startOfDay } from '../../calendar.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';

/** A search condition. The query language and the filter of a search both compile to it. */
export type Condition =
  | { readonly kind: 'all' | 'any'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition }
  /** The field has one of the values. */
  | { readonly kind: 'oneOf'; readonly field: Field; readonly values: readonly string[] }
  /** The whole text of the field, ignoring case. */
  | { readonly kind: 'equals'; readonly field: Field; readonly text: string }
  | { readonly kind: 'me'; readonly field: Field }
  | { readonly kind: 'empty'; readonly field: Field }
  /** Not before `from`, and before `until`. */
  | {
      readonly kind: 'within';
      readonly field: Field;
      readonly from: Date | undefined;
      readonly until: Date | undefined;
    };

export type Field =
  | { readonly is: 'value'; readonly name: ValueField }
  /** Links of the type with the issue at the end `direction`; undefined means any. */
  | { readonly is: 'link'; readonly linkTypeId: string | undefined; readonly direction: Direction | undefined };

export type ValueField =
  | 'queue'
  | 'key'
  | 'assignee'
  | 'author'
  | 'updatedBy'
  | 'status'
  | 'statusType'
  | 'type'
  | 'priority'
  | 'summary'
  | 'description'
  | 'tags'
  | 'created'
  | 'updated';

export type Sorting =
  | 'key'
  | 'queue'
  | 'summary'
  | 'status'
  | 'priority'
  | 'type'
  | 'assignee'
  | 'author'
  | 'created'
  | 'updated';

export interface Order {
  readonly by: Sorting;
  readonly descending: boolean;
}

/** One value as written in a search. */
export interface Operand {
  readonly negated: boolean;
  readonly comparison: '=' | '>' | '>=' | '<' | '<=';
  readonly value:
    | { readonly is: 'text'; readonly text: string }
    /** The field must equal the whole text: `#"..."`, or negated `~"..."`. */
    | { readonly is: 'whole'; readonly text: string }
    | { readonly is: 'range'; readonly from: string; readonly to: string }
    | { readonly is: 'function'; readonly name: string };
  /** Throws an error with the position of the value. */
  readonly refuse: (text: Text) => never;
}

const STATUS_TYPES = ['new', 'paused', 'inProgress', 'done', 'cancelled'];
const DATES: ReadonlySet<string> = new Set(['created', 'updated']);
const PEOPLE: ReadonlySet<string> = new Set(['assignee', 'author', 'updatedBy']);
const TEXTS: ReadonlySet<string> = new Set(['summary', 'description']);
const MAY_BE_EMPTY: ReadonlySet<string> = new Set(['assignee', 'description', 'tags']);

const FIELD_NAMES: readonly (readonly [Field, ...string[]])[] = [
  [value('queue'), 'Queue', 'Очередь'],
  [value('key'), 'Key', 'Ключ', 'Issue'],
  [value('assignee'), 'Assignee', 'Исполнитель'],
  [value('author'), 'Author', 'Автор', 'Created by', 'Reporter'],
  [value('updatedBy'), 'Updated by', 'Изменил', 'Modifier'],
  [value('status'), 'Status', 'Статус'],
  [value('statusType'), 'Status type', 'Тип статуса'],
  [value('type'), 'Type', 'Тип'],
  [value('priority'), 'Priority', 'Приоритет'],
  [value('summary'), 'Summary', 'Задача', 'Название'],
  [value('description'), 'Description', 'Описание'],
  [value('tags'), 'Tags', 'Теги', 'Tag'],
  [value('created'), 'Created', 'Создано', 'Created at'],
  [value('updated'), 'Updated', 'Обновлено', 'Updated at'],
  // The direction is the end of the issue itself: it is the subtask, and the value names its parent.
  [link('subtask', 'inward'), 'Parent', 'Родительская задача', 'Parent issue', 'Is subtask for', 'Subtask for'],
  [link('subtask', 'outward'), 'Is parent task for', 'Parent task for'],
  [link('epic', 'outward'), 'Epic', 'Эпик', 'Has epic'],
  [link('epic', 'inward'), 'Is epic of'],
  [link('relates', undefined), 'Relates', 'Связана'],
  [link('depends', 'outward'), 'Depends on', 'Зависит от'],
  [link('depends', 'inward'), 'Is dependent by', 'Блокирующая задача'],
  [link('duplicates', 'inward'), 'Duplicates', 'Дублирует'],
  [link('duplicates', 'outward'), 'Is duplicated by', 'Дублируется'],
  [link('cloners', 'outward'), 'Original', 'Клон'],
  [link('cloners', 'inward'), 'Clone', 'Оригинал'],
  [link(undefined, undefined), 'Linked to', 'Связи', 'Links'],
];

const FIELDS: ReadonlyMap<string, Field> = new Map(
  FIELD_NAMES.flatMap(([field, ...names]) => names.map((name) => [normalized(name), field] as const)),
);

const SORTING_NAMES: readonly (readonly [Sorting, ...string[]])[] = [
  ['key', 'Key', 'Ключ'],
  ['queue', 'Queue', 'Очередь'],
  ['summary', 'Summary', 'Задача', 'Название'],
  ['status', 'Status', 'Статус'],
  ['priority', 'Priority', 'Приоритет'],
  ['type', 'Type', 'Тип'],
  ['assignee', 'Assignee', 'Исполнитель'],
  ['author', 'Author', 'Автор', 'Created by'],
  ['created', 'Created', 'Создано', 'Created at'],
  ['updated', 'Updated', 'Обновлено', 'Updated at'],
];

const SORTINGS: ReadonlyMap<string, Sorting> = new Map(
  SORTING_NAMES.flatMap(([by, ...names]) => names.map((name) => [normalized(name), by] as const)),
);

/** Finds a field by name, ignoring case, spaces, hyphens and underscores. */
export function fieldNamed(name: string, refuse: (text: Text) => never): Field {
  const field = FIELDS.get(normalized(name));
  return field ?? refuse(texts.searchFieldUnknown(name, FIELD_NAMES.map(([, first]) => first).join(', ')));
}

/** The sort order by a field, which is found by name as in `fieldNamed`. */
export function orderNamed(name: string, descending: boolean, refuse: (text: Text) => never): Order {
  const by = SORTINGS.get(normalized(name));
  return by ? { by, descending } : refuse(texts.orderUnknown(name, SORTING_NAMES.map(([, first]) => first).join(', ')));
}

/** The condition that a field has one of the operands, and none of the negated ones. */
export function conditionOn(field: Field, fieldName: string, operands: readonly Operand[]): Condition {
  const wanted = operands.filter(({ negated }) => !negated);
  const unwanted = operands.filter(({ negated }) => negated);
  return all([
    ...(wanted.length > 0 ? [anyOf(field, fieldName, wanted)] : []),
    ...(unwanted.length > 0 ? [{ kind: 'not', condition: anyOf(field, fieldName, unwanted) } as const] : []),
  ]);
}

export function all(conditions: readonly Condition[]): Condition {
  const [first] = conditions;
  return conditions.length === 1 && first ? first : { kind: 'all', conditions };
}

export function any(conditions: readonly Condition[]): Condition {
  const [first] = conditions;
  return conditions.length === 1 && first ? first : { kind: 'any', conditions };
}

/** A function that throws `invalid` under the name of a part of the search. */
export function refusal(part: string): (text: Text) => never {
  return (text) => {
    throw new DomainError('invalid', undefined, { [part]: text });
  };
}

function anyOf(field: Field, fieldName: string, operands: readonly Operand[]): Condition {
  const plain: string[] = [];
  const others: Condition[] = [];
  for (const operand of operands) {
    const condition = single(field, fieldName, operand);
    if (typeof condition === 'string') plain.push(condition);
    else others.push(condition);
  }
  return any([...(plain.length > 0 ? [{ kind: 'oneOf', field, values: plain } as const] : []), ...others]);
}

/** The condition for one operand. A plain string is returned as it is, to be matched together with others. */
function single(field: Field, fieldName: string, operand: Operand): Condition | string {
  const { value: given, comparison, refuse } = operand;
  const name = field.is === 'value' ? field.name : 'link';
  if (DATES.has(name) && given.is !== 'whole') return within(field, fieldName, operand);
  if (comparison !== '=' || given.is === 'range') return refuse(texts.searchComparison(fieldName));
  if (given.is === 'whole') {
    return TEXTS.has(name) ? { kind: 'equals', field, text: given.text } : refuse(texts.searchTextOperator(fieldName));
  }
  if (given.is === 'text') {
    if (name === 'statusType' && !STATUS_TYPES.includes(given.text)) return refuse(texts.searchStatusType(given.text));
    return given.text;
  }
  const mayBeEmpty = field.is === 'link' || MAY_BE_EMPTY.has(name);
  if (given.name === 'empty' && mayBeEmpty) return { kind: 'empty', field };
  if (given.name === 'notempty' && mayBeEmpty) return { kind: 'not', condition: { kind: 'empty', field } };
  if (given.name === 'me' && PEOPLE.has(name)) return { kind: 'me', field };
  return refuse(texts.searchFunctionUnknown(given.name, fieldName));
}

function within(field: Field, fieldName: string, { value: given, comparison, refuse }: Operand): Condition {
  const span = (from: Date | undefined, until: Date | undefined) => ({ kind: 'within', field, from, until }) as const;
  if (given.is === 'range') {
    if (comparison !== '=') refuse(texts.searchValue);
    return span(spanOf(given.from, refuse).from, spanOf(given.to, refuse).until);
  }
  if (given.is === 'function' && given.name !== 'today' && given.name !== 'now') {
    return refuse(texts.searchFunctionUnknown(given.name, fieldName));
  }
  const { from, until } = given.is === 'function' ? functionSpan(given.name) : spanOf(given.text, refuse);
  if (comparison === '>') return span(until, undefined);
  if (comparison === '>=') return span(from, undefined);
  if (comparison === '<') return span(undefined, from);
  if (comparison === '<=') return span(undefined, until);
  return span(from, until);
}

interface Span {
  readonly from: Date;
  readonly until: Date;
}

/** The day, or the millisecond if there is a time. */
function spanOf(text: string, refuse: (text: Text) => never): Span {
  const [, day = '', time, offset] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim()) ?? [];
  const from = momentOf(day, time, offset) ?? refuse(texts.searchDate(text));
  return lasting(from, time === undefined ? DAY_MS : 1);
}

function functionSpan(name: string): Span {
  const now = new Date();
  return name === 'now' ? lasting(now, 1) : lasting(startOfDay(now), DAY_MS);
}

function lasting(from: Date, durationMs: number): Span {
  return { from, until: new Date(from.getTime() + durationMs) };
}

function value(name: ValueField): Field {
  return { is: 'value', name };
}

function link(linkTypeId: string | undefined, direction: Direction | undefined): Field {
  return { is: 'link', linkTypeId, direction };
}

function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]+/g, '');
}

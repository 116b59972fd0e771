import type { Direction } from '../../core/labels/direction.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import { isTimeFunction, type Span, spanOf, type Time } from './search-times.ts';

/** A search condition. The query language and the filter of a search both compile to it. */
export type Condition =
  | { readonly kind: 'all' | 'any'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition }
  /** The field has one of the values. A field of text has a value if it contains each of the value's words. */
  | { readonly kind: 'oneOf'; readonly field: Field; readonly values: readonly string[] }
  /** The whole text of the field, ignoring case. */
  | { readonly kind: 'equals'; readonly field: Field; readonly text: string }
  /** The whole text of the field, ignoring case, with any text between the parts. */
  | { readonly kind: 'like'; readonly field: Field; readonly parts: readonly string[] }
  | { readonly kind: 'me'; readonly field: Field }
  | { readonly kind: 'empty'; readonly field: Field }
  | { readonly kind: 'compared'; readonly field: Field; readonly comparison: Comparison; readonly number: string }
  /** Not before `from`, and before `until`. */
  | {
      readonly kind: 'within';
      readonly field: Field;
      readonly from: Date | undefined;
      readonly until: Date | undefined;
    };

export type Comparison = '=' | '>' | '>=' | '<' | '<=';

export type Field =
  | { readonly is: 'value'; readonly name: ValueField }
  /** Links of the type with the issue at the end `direction`; undefined means any. */
  | { readonly is: 'link'; readonly linkTypeId: string | undefined; readonly direction: Direction | undefined }
  /** The same, with any issue of a queue. */
  | { readonly is: 'linkedQueue'; readonly linkTypeId: string | undefined; readonly direction: Direction | undefined };

export type ValueField =
  /** Summary and description: what a search without a field searches. */
  | 'text'
  | 'queue'
  | 'oldQueue'
  | 'queueOwner'
  | 'key'
  | 'assignee'
  | 'author'
  | 'createdBy'
  | 'updatedBy'
  | 'followers'
  | 'status'
  | 'statusType'
  | 'resolution'
  | 'type'
  | 'priority'
  | 'summary'
  | 'description'
  | 'comment'
  | 'tags'
  | 'storyPoints'
  | 'created'
  | 'updated'
  | 'resolved'
  | 'deadline';

export type Sorting =
  | 'key'
  | 'queue'
  | 'summary'
  | 'status'
  | 'priority'
  | 'type'
  | 'assignee'
  | 'author'
  | 'createdBy'
  | 'resolution'
  | 'storyPoints'
  | 'created'
  | 'updated'
  | 'resolved'
  | 'deadline';

export interface Order {
  readonly by: Sorting;
  readonly descending: boolean;
}

/** One value as written in a search. */
export interface Operand {
  readonly negated: boolean;
  readonly comparison: Comparison;
  readonly value:
    | { readonly is: 'text'; readonly text: string }
    /** The field must equal the string: `#"..."`, or negated `~"..."`. `||` in it matches any characters. */
    | { readonly is: 'whole'; readonly text: string }
    | { readonly is: 'function'; readonly name: string }
    | { readonly is: 'time'; readonly time: Time }
    /** Undefined is unbounded. */
    | { readonly is: 'range'; readonly from: Time | undefined; readonly to: Time | undefined };
  /** Throws an error with the position of the value. */
  readonly refuse: (text: Text) => never;
}

const STATUS_TYPES = ['new', 'paused', 'inProgress', 'done', 'cancelled'];
const DATES: ReadonlySet<string> = new Set(['created', 'updated', 'resolved', 'deadline']);
const NUMBERS: ReadonlySet<string> = new Set(['storyPoints']);
const PEOPLE: ReadonlySet<string> = new Set([
  'assignee',
  'author',
  'createdBy',
  'updatedBy',
  'followers',
  'queueOwner',
]);
const TEXTS: ReadonlySet<string> = new Set(['summary', 'description', 'comment']);
/** More words would exceed the time limit of a request. */
const WORDS_MAX = 50;
const MAY_BE_EMPTY: ReadonlySet<string> = new Set([
  'assignee',
  'followers',
  'resolution',
  'description',
  'comment',
  'tags',
  'storyPoints',
  'resolved',
  'deadline',
]);

const FIELD_NAMES: readonly (readonly [Field, ...string[]])[] = [
  [value('queue'), 'Queue', 'Очередь'],
  [value('oldQueue'), 'Old Queue', 'Старая очередь'],
  [value('queueOwner'), 'Queue Owner', 'Владелец очереди', 'Queue Lead'],
  [value('key'), 'Key', 'Ключ', 'Issue'],
  [value('assignee'), 'Assignee', 'Исполнитель'],
  [value('author'), 'Author', 'Автор', 'Reporter'],
  [value('createdBy'), 'Created by', 'Создал'],
  [value('updatedBy'), 'Updated by', 'Изменил', 'Modifier'],
  [value('followers'), 'Followers', 'Наблюдатели', 'Follower'],
  [value('status'), 'Status', 'Статус'],
  [value('statusType'), 'Status type', 'Тип статуса'],
  [value('resolution'), 'Resolution', 'Резолюция'],
  [value('type'), 'Type', 'Тип'],
  [value('priority'), 'Priority', 'Приоритет'],
  [value('summary'), 'Summary', 'Задача', 'Название'],
  [value('description'), 'Description', 'Описание'],
  [value('comment'), 'Comment', 'Комментарий', 'Comments'],
  [value('tags'), 'Tags', 'Теги', 'Tag'],
  [value('storyPoints'), 'Story Points'],
  [value('created'), 'Created', 'Создано', 'Created at'],
  [value('updated'), 'Updated', 'Обновлено', 'Updated at'],
  [value('resolved'), 'Resolved', 'Решено', 'Resolved at'],
  [value('deadline'), 'Deadline', 'Дедлайн'],
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
  [linkedQueue('subtask', 'inward'), 'Subtasks For Queue'],
  [linkedQueue('subtask', 'outward'), 'Parent Tasks For Queue'],
  [linkedQueue('epic', 'outward'), 'In Epics Of Queue'],
  [linkedQueue('epic', 'inward'), 'Epics For Queue'],
  [linkedQueue('relates', undefined), 'Related To Queue'],
  [linkedQueue('depends', 'outward'), 'Depend On Queue'],
  [linkedQueue('depends', 'inward'), 'Block Queue'],
  [linkedQueue('duplicates', 'inward'), 'Duplicates In Queue'],
  [linkedQueue('duplicates', 'outward'), 'Duplicated In Queue'],
  [linkedQueue('cloners', 'outward'), 'Clones Of Queue'],
  [linkedQueue('cloners', 'inward'), 'Originals Of Queue'],
  [linkedQueue(undefined, undefined), 'Have Links To Queue'],
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
  ['author', 'Author', 'Автор'],
  ['createdBy', 'Created by', 'Создал'],
  ['resolution', 'Resolution', 'Резолюция'],
  ['storyPoints', 'Story Points'],
  ['created', 'Created', 'Создано', 'Created at'],
  ['updated', 'Updated', 'Обновлено', 'Updated at', 'Update'],
  ['resolved', 'Resolved', 'Решено', 'Resolved at'],
  ['deadline', 'Deadline', 'Дедлайн'],
];

const SORTINGS: ReadonlyMap<string, Sorting> = new Map(
  SORTING_NAMES.flatMap(([by, ...names]) => names.map((name) => [normalized(name), by] as const)),
);

/** Finds a field by name, ignoring case, spaces, hyphens and underscores. */
export function findField(name: string): Field | undefined {
  return FIELDS.get(normalized(name));
}

/** As `findField`; refuses an unknown name. */
export function fieldNamed(name: string, refuse: (text: Text) => never): Field {
  return findField(name) ?? refuse(texts.searchFieldUnknown(name, FIELD_NAMES.map(([, first]) => first).join(', ')));
}

/** The sort order by a field, which is found by name as in `fieldNamed`. */
export function orderNamed(name: string, descending: boolean, refuse: (text: Text) => never): Order {
  const by = SORTINGS.get(normalized(name));
  return by ? { by, descending } : refuse(texts.orderUnknown(name, SORTING_NAMES.map(([, first]) => first).join(', ')));
}

/** Whether the values of the field are numbers. */
export function isNumberField(field: Field): boolean {
  return field.is === 'value' && NUMBERS.has(field.name);
}

/** Whether the values of the field are times. */
export function isTimeField(field: Field): boolean {
  return field.is === 'value' && DATES.has(field.name);
}

/**
 * The condition that a field has one of the operands, and none of the negated ones. `now` is the time that functions
 * such as `today()` refer to.
 */
export function conditionOn(field: Field, fieldName: string, operands: readonly Operand[], now: Date): Condition {
  const wanted = operands.filter(({ negated }) => !negated);
  const unwanted = operands.filter(({ negated }) => negated);
  return all([
    ...(wanted.length > 0 ? [anyOf(field, fieldName, wanted, now)] : []),
    ...(unwanted.length > 0 ? [{ kind: 'not', condition: anyOf(field, fieldName, unwanted, now) } as const] : []),
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

function anyOf(field: Field, fieldName: string, operands: readonly Operand[], now: Date): Condition {
  const plain: string[] = [];
  const others: Condition[] = [];
  for (const operand of operands) {
    const condition = single(field, fieldName, operand, now);
    if (typeof condition === 'string') plain.push(condition);
    else others.push(condition);
  }
  return any([...(plain.length > 0 ? [{ kind: 'oneOf', field, values: plain } as const] : []), ...others]);
}

/** The condition for one operand. A plain string is returned as it is, to be matched together with others. */
function single(field: Field, fieldName: string, operand: Operand, now: Date): Condition | string {
  const { comparison, refuse } = operand;
  const given = emptinessIn(operand.value);
  const name = field.is === 'value' ? field.name : field.is;
  if (NUMBERS.has(name) && (given.is === 'text' || given.is === 'range')) return compared(field, operand);
  if (given.is === 'time' || given.is === 'range') return within(field, fieldName, operand, now);
  if (comparison !== '=') return refuse(texts.searchComparison(fieldName));
  if (given.is === 'whole') {
    if (!TEXTS.has(name)) return refuse(texts.searchTextOperator(fieldName));
    const parts = given.text.split('||');
    return parts.length > 1 ? { kind: 'like', field, parts } : { kind: 'equals', field, text: given.text };
  }
  if (given.is === 'text') {
    if (name === 'statusType' && !STATUS_TYPES.includes(given.text)) return refuse(texts.searchStatusType(given.text));
    if (wordsOf(given.text).length > WORDS_MAX && (TEXTS.has(name) || name === 'text')) refuse(texts.searchTooLarge);
    return given.text;
  }
  const mayBeEmpty = field.is === 'link' || MAY_BE_EMPTY.has(name);
  if (given.name === 'empty' && mayBeEmpty) return { kind: 'empty', field };
  if (given.name === 'notempty' && mayBeEmpty) return { kind: 'not', condition: { kind: 'empty', field } };
  if (given.name === 'me' && PEOPLE.has(name)) return { kind: 'me', field };
  return refuse(texts.searchFunctionUnknown(given.name, fieldName));
}

/** `empty()` and `notEmpty()` are not times, where a time may stand. */
function emptinessIn(given: Operand['value']): Operand['value'] {
  if (given.is !== 'time' || given.time.base.is !== 'function' || given.time.shiftMs !== 0) return given;
  const { name } = given.time.base;
  return name === 'empty' || name === 'notempty' ? { is: 'function', name } : given;
}

function compared(field: Field, { value: given, comparison, refuse }: Operand): Condition {
  const numberIn = (text: string) =>
    /^\s*-?\d{1,10}(\.\d{1,10})?\s*$/.test(text) ? text.trim() : refuse(texts.searchNumber(text));
  const condition = (one: Comparison, text: string) =>
    ({ kind: 'compared', field, comparison: one, number: numberIn(text) }) as const;
  if (given.is === 'text') return condition(comparison, given.text);
  if (given.is !== 'range' || comparison !== '=') return refuse(texts.searchValue);
  const boundIn = (bound: Time) =>
    bound.base.is === 'text' && bound.shiftMs === 0 ? bound.base.text : refuse(texts.searchValue);
  return all([
    ...(given.from ? [condition('>=', boundIn(given.from))] : []),
    ...(given.to ? [condition('<=', boundIn(given.to))] : []),
  ]);
}

export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function within(field: Field, fieldName: string, { value: given, comparison, refuse }: Operand, now: Date): Condition {
  if (!isTimeField(field)) return refuse(texts.searchComparison(fieldName));
  const span = (from: Date | undefined, until: Date | undefined) => ({ kind: 'within', field, from, until }) as const;
  const spanAt = (time: Time): Span => {
    const { base } = time;
    if (base.is === 'function' && !isTimeFunction(base.name)) {
      return refuse(texts.searchFunctionUnknown(base.name, fieldName));
    }
    return spanOf(time, now) ?? refuse(texts.searchDate(base.is === 'function' ? `${base.name}()` : base.text));
  };
  if (given.is === 'range') {
    if (comparison !== '=') refuse(texts.searchValue);
    return span(given.from && spanAt(given.from).from, given.to && spanAt(given.to).until);
  }
  if (given.is !== 'time') return refuse(texts.searchValue);
  const { from, until } = spanAt(given.time);
  if (comparison === '>') return span(until, undefined);
  if (comparison === '>=') return span(from, undefined);
  if (comparison === '<') return span(undefined, from);
  if (comparison === '<=') return span(undefined, until);
  return span(from, until);
}

function value(name: ValueField): Field {
  return { is: 'value', name };
}

function link(linkTypeId: string | undefined, direction: Direction | undefined): Field {
  return { is: 'link', linkTypeId, direction };
}

function linkedQueue(linkTypeId: string | undefined, direction: Direction | undefined): Field {
  return { is: 'linkedQueue', linkTypeId, direction };
}

function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]+/g, '');
}

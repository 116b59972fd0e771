import type { Text } from '../../texts.ts';

/** A field of the issues of every organisation. */
export interface StandardField {
  readonly id: string;
  readonly name: Text;
  readonly type: string;
  /** Element type of an array. */
  readonly items?: string;
  readonly isRequired: boolean;
  readonly isReadonly: boolean;
  /** Values come from a fixed list. */
  readonly hasOptions: boolean;
  /** Clients can look values up. */
  readonly hasSuggestions: boolean;
  readonly category: FieldCategory;
}

export interface FieldCategory {
  readonly id: string;
  readonly name: Text;
}

const SYSTEM = { id: '000000000000000000000001', name: { ru: 'Системные', en: 'System' } } as const;
const TIME = { id: '000000000000000000000002', name: { ru: 'Даты и время', en: 'Dates and time' } } as const;

export const FIELD_CATEGORIES: readonly FieldCategory[] = [SYSTEM, TIME];

/** Sorted by `order`. Clients use this list to find out which fields are arrays. */
export const STANDARD_FIELDS: readonly StandardField[] = [
  field('summary', 'Задача', 'Summary', 'string', { isRequired: true }),
  field('description', 'Описание', 'Description', 'string'),
  field('key', 'Ключ', 'Key', 'string', { isRequired: true, isReadonly: true }),
  field('queue', 'Очередь', 'Queue', 'queue', { isRequired: true, hasSuggestions: true }),
  field('type', 'Тип', 'Type', 'issuetype', { isRequired: true, hasOptions: true }),
  field('priority', 'Приоритет', 'Priority', 'priority', { isRequired: true, hasOptions: true }),
  field('status', 'Статус', 'Status', 'status', { isRequired: true, isReadonly: true, hasOptions: true }),
  field('statusType', 'Тип статуса', 'Status type', 'statusType', { isReadonly: true, hasOptions: true }),
  field('previousStatus', 'Предыдущий статус', 'Previous status', 'status', { isReadonly: true, hasOptions: true }),
  field('resolution', 'Резолюция', 'Resolution', 'resolution', { hasOptions: true }),
  field('assignee', 'Исполнитель', 'Assignee', 'user', { hasSuggestions: true }),
  field('author', 'Автор', 'Author', 'user', { isRequired: true, hasSuggestions: true }),
  field('createdBy', 'Создал', 'Created by', 'user', { isRequired: true, isReadonly: true, hasSuggestions: true }),
  field('updatedBy', 'Изменил', 'Updated by', 'user', { isRequired: true, isReadonly: true, hasSuggestions: true }),
  field('followers', 'Наблюдатели', 'Followers', 'array', { items: 'user', hasSuggestions: true }),
  field('parent', 'Родительская задача', 'Parent issue', 'issue', { hasSuggestions: true }),
  field('epic', 'Эпик', 'Epic', 'issue', { hasSuggestions: true }),
  field('tags', 'Теги', 'Tags', 'array', { items: 'string', hasSuggestions: true }),
  field('components', 'Компоненты', 'Components', 'array', { items: 'component', hasOptions: true }),
  field('fixVersions', 'Исправить в версиях', 'Fix versions', 'array', { items: 'version', hasOptions: true }),
  field('affectedVersions', 'Найдено в версиях', 'Affected versions', 'array', { items: 'version', hasOptions: true }),
  field('aliases', 'Прежние ключи', 'Former keys', 'array', { items: 'string', isReadonly: true }),
  field('links', 'Связи', 'Links', 'array', { items: 'issuelink', isReadonly: true }),
  field('version', 'Версия', 'Version', 'integer', { isRequired: true, isReadonly: true }),
  field('votes', 'Голоса', 'Votes', 'integer', { isReadonly: true }),
  field('favorite', 'В избранном', 'Favorite', 'boolean', { isReadonly: true }),
  field('storyPoints', 'Story Points', 'Story Points', 'float'),
  field('unique', 'Уникальное значение', 'Unique value', 'string'),
  field('resolvedBy', 'Решил', 'Resolved by', 'user', { isReadonly: true, hasSuggestions: true }),
  field('deadline', 'Дедлайн', 'Deadline', 'date', { category: TIME }),
  field('createdAt', 'Создано', 'Created', 'datetime', { isRequired: true, isReadonly: true, category: TIME }),
  field('updatedAt', 'Обновлено', 'Updated', 'datetime', { isRequired: true, isReadonly: true, category: TIME }),
  field('resolvedAt', 'Решено', 'Resolved', 'datetime', { isReadonly: true, category: TIME }),
];

function field(
  id: string,
  ru: string,
  en: string,
  type: string,
  traits: Partial<Omit<StandardField, 'id' | 'name' | 'type'>> = {},
): StandardField {
  return {
    id,
    name: { ru, en },
    type,
    isRequired: false,
    isReadonly: false,
    hasOptions: false,
    hasSuggestions: false,
    category: SYSTEM,
    ...traits,
  };
}

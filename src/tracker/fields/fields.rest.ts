import type { Schemas } from '../../contract/types.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { getField, getFieldCategory } from './fields.service.ts';
import { FIELD_CATEGORIES, type FieldCategory, STANDARD_FIELDS, type StandardField } from './standard-fields.ts';

/** Fields are the same in every organisation, so they need no database. */
export const fieldHandlers: Handlers<'listFields' | 'getField' | 'listFieldCategories' | 'getFieldCategory'> = {
  listFields: ({ caller }) => Promise.resolve({ body: STANDARD_FIELDS.map((field) => serializeField(caller, field)) }),
  getField: ({ path, caller }) => Promise.resolve({ body: serializeField(caller, getField(path.fieldId)) }),
  listFieldCategories: ({ caller }) =>
    Promise.resolve({ body: FIELD_CATEGORIES.map((category) => serializeCategory(caller, category)) }),
  getFieldCategory: ({ path, caller }) =>
    Promise.resolve({ body: serializeCategory(caller, getFieldCategory(path.categoryId)) }),
};

function serializeField({ base, language }: Caller, field: StandardField): Schemas['Field'] {
  const { id, name, category } = field;
  return {
    self: `${base}/fields/${id}`,
    id,
    name: name[language],
    key: id,
    version: 1,
    schema: {
      type: field.type,
      ...(field.items !== undefined && { items: field.items }),
      required: field.isRequired,
    },
    readonly: field.isReadonly,
    options: field.hasOptions,
    suggest: field.hasSuggestions,
    order: STANDARD_FIELDS.indexOf(field) + 1,
    category: { self: categorySelf(base, category), id: category.id, display: category.name[language] },
    type: 'standard',
  };
}

function serializeCategory({ base, language }: Caller, category: FieldCategory): Schemas['FieldCategory'] {
  return { self: categorySelf(base, category), id: category.id, name: category.name[language] };
}

function categorySelf(base: string, { id }: FieldCategory): string {
  return `${base}/fields/categories/${id}`;
}

import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { FIELD_CATEGORIES, type FieldCategory, STANDARD_FIELDS, type StandardField } from './standard-fields.ts';

/** Throws `not_found`. */
export function getField(fieldId: string): StandardField {
  const field = STANDARD_FIELDS.find(({ id }) => id === fieldId);
  if (field === undefined) throw new DomainError('not_found', texts.fieldNotFound);
  return field;
}

/** Throws `not_found`. */
export function getFieldCategory(categoryId: string): FieldCategory {
  const category = FIELD_CATEGORIES.find(({ id }) => id === categoryId);
  if (category === undefined) throw new DomainError('not_found', texts.fieldCategoryNotFound);
  return category;
}

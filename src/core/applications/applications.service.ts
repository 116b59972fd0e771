import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { type ApplicationRow, selectApplication, selectApplications } from './applications.store.ts';

export interface Application {
  readonly id: string;
  readonly type: string;
  readonly name: Text;
}

/** The applications whose objects remote links may point to, by position. */
export async function listApplications(db: Queryable, { orgId }: Viewer): Promise<Application[]> {
  const rows = await selectApplications(db, orgId);
  return rows.map(toApplication);
}

/** Throws `not_found` for an unknown or invalid id. */
export async function getApplication(db: Queryable, { orgId }: Viewer, applicationId: string): Promise<Application> {
  const row = isApplicationId(applicationId) ? await selectApplication(db, orgId, applicationId) : undefined;
  if (row === undefined) throw new DomainError('not_found', texts.applicationNotFound);
  return toApplication(row);
}

/** Whether the id has a valid form; an invalid one needs no query. */
export function isApplicationId(applicationId: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(applicationId);
}

export function toApplication(row: ApplicationRow): Application {
  return {
    id: row.application_id,
    type: row.application_type,
    name: { ru: row.application_ru, en: row.application_en },
  };
}

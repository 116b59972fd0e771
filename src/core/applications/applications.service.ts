import type { Database, Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import { requireAdministrator, type Viewer } from '../access/viewer.ts';
import { type ApplicationRow, insertApplication, selectApplication, selectApplications } from './applications.store.ts';

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

/** Throws `forbidden` unless the viewer is an administrator, and `conflict` if the id is taken. */
export function createApplication(
  db: Database,
  viewer: Viewer,
  { id, type, name }: { readonly id: string; readonly type: string; readonly name: string },
): Promise<Application> {
  requireAdministrator(viewer);
  return db.transaction(async (transaction) => {
    await onConstraint(insertApplication(transaction, viewer.orgId, { applicationId: id, type, name }), {
      applications_pkey: () => new DomainError('conflict', texts.applicationTaken(id)),
    });
    return await getApplication(transaction, viewer, id);
  });
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

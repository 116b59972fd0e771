import type { Queryable } from '../../database/database.ts';

export interface ApplicationRow {
  application_id: string;
  application_type: string;
  application_ru: string;
  application_en: string;
}

/** SQL: what an application needs to be shown, of the row `applications`. */
export const APPLICATION_COLUMNS = `applications.application_id, applications.type as application_type,
  applications.name_ru as application_ru, applications.name_en as application_en`;

export function selectApplications(db: Queryable, orgId: string): Promise<ApplicationRow[]> {
  return db.query<ApplicationRow>({
    name: 'select_applications',
    text: `select ${APPLICATION_COLUMNS} from applications where org_id = $1 order by position, application_id`,
    values: [orgId],
  });
}

export async function selectApplication(
  db: Queryable,
  orgId: string,
  applicationId: string,
): Promise<ApplicationRow | undefined> {
  const [row] = await db.query<ApplicationRow>({
    name: 'select_application',
    text: `select ${APPLICATION_COLUMNS} from applications where org_id = $1 and application_id = $2`,
    values: [orgId, applicationId],
  });
  return row;
}

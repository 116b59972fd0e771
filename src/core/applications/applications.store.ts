import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

export interface ApplicationRow {
  application_id: string;
  application_type: string;
  application_ru: string;
  application_en: string;
}

/** SQL: the columns of an ApplicationRow. */
export const APPLICATION_COLUMNS = `applications.application_id, applications.type as application_type,
  applications.name_ru as application_ru, applications.name_en as application_en`;

const SELECT_APPLICATIONS = statement<'orgId', ApplicationRow>(
  'select_applications',
  `select ${APPLICATION_COLUMNS} from applications where org_id = :orgId order by position, application_id`,
);

export function selectApplications(db: Queryable, orgId: string): Promise<ApplicationRow[]> {
  return db.query(SELECT_APPLICATIONS({ orgId }));
}

const SELECT_APPLICATION = statement<'orgId' | 'applicationId', ApplicationRow>(
  'select_application',
  `select ${APPLICATION_COLUMNS} from applications where org_id = :orgId and application_id = :applicationId`,
);

export async function selectApplication(
  db: Queryable,
  orgId: string,
  applicationId: string,
): Promise<ApplicationRow | undefined> {
  const [row] = await db.query(SELECT_APPLICATION({ orgId, applicationId }));
  return row;
}

import type { Queryable, Transaction } from '../../database/database.ts';
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

const INSERT_APPLICATION = statement<'orgId' | 'applicationId' | 'type' | 'name' | 'position'>(
  'insert_application',
  `
  insert into applications (org_id, application_id, type, name_ru, name_en, position)
  values (:orgId, :applicationId, :type, :name, :name, :position)`,
);

/** After the applications of every organisation, and among the added ones by id. */
const ADDED_POSITION = 1000;

export async function insertApplication(
  db: Transaction,
  orgId: string,
  application: { readonly applicationId: string; readonly type: string; readonly name: string },
): Promise<void> {
  await db.query(INSERT_APPLICATION({ orgId, ...application, position: ADDED_POSITION }));
}

import {
  DEFAULT_APPLICATIONS,
  DEFAULT_ISSUE_TYPES,
  DEFAULT_PRIORITIES,
  DEFAULT_RESOLUTIONS,
  PROFILES,
  type Profile,
} from '../core/organisations/defaults.ts';
import { APPLICATION_LOGIN } from '../core/organisations/organisations.service.ts';
import type { RecordBuffer, Row } from './record-buffer.ts';
import type { Source } from './source.ts';

/** What reads an original. */
export interface Reader {
  /** The lines of an export. */
  read(): AsyncGenerator<string>;
  readonly buffer: RecordBuffer;
}

export interface ReaderOptions {
  readonly source: Source;
  readonly orgId: string;
  readonly language: 'ru' | 'en';
  /** The time of records that have no time in the original, such as users. It stays the same when the import is continued. */
  readonly startedAt: string;
}

/** The first lines of an import. */
export const HEAD = JSON.stringify({ export: { version: 1 } });

/** Adds what every organisation of the profile starts with, except its statuses and users. */
export function addOrganisation(buffer: RecordBuffer, { orgId, language, startedAt }: ReaderOptions, profile: Profile) {
  const { oneLinkPerPair, labels } = PROFILES[profile];
  buffer.add('organisation', {
    ...{ org_id: orgId, name: orgId, language, profile, one_link_per_pair: oneLinkPerPair },
    ...{ last_label_id: labels.length, created_at: startedAt },
  });
  buffer.addAll('application', DEFAULT_APPLICATIONS);
}

export const DEFAULT_DICTIONARIES: Readonly<Record<string, readonly Row[]>> = {
  issueType: DEFAULT_ISSUE_TYPES,
  priority: DEFAULT_PRIORITIES,
  resolution: DEFAULT_RESOLUTIONS,
};

/** The account of applications, which every organisation has. */
export function applicationUser(user_id: number, created_at: string): Row {
  return { user_id, uid: uidOf(user_id), login: APPLICATION_LOGIN, role: 'admin', is_application: true, created_at };
}

/** Above the uids of other trackers, as for users that are created here. */
const GENERATED_UID_BASE = 8_000_000_000_000_000;

export function uidOf(userId: number): number {
  return GENERATED_UID_BASE + userId;
}

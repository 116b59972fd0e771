import type { Schemas } from '../../contract/types.ts';
import { getEntry, listEntries } from '../../core/dictionaries/dictionaries.service.ts';
import type { EntryRow, StatusRow } from '../../core/dictionaries/dictionaries.store.ts';
import type { Caller, Handlers } from '../rest/caller.ts';

type Operations =
  | 'listStatuses'
  | 'getStatus'
  | 'listPriorities'
  | 'getPriority'
  | 'listIssueTypes'
  | 'getIssueType'
  | 'listResolutions'
  | 'getResolution';

export const dictionaryHandlers: Handlers<Operations> = {
  async listStatuses({ db, caller }) {
    const statuses = await listEntries(db, caller.viewer, 'statuses');
    return { body: statuses.map((status) => serializeStatus(caller, status)) };
  },
  async getStatus({ db, path, caller }) {
    return { body: serializeStatus(caller, await getEntry(db, caller.viewer, 'statuses', path.statusId)) };
  },
  async listPriorities({ db, caller }) {
    const priorities = await listEntries(db, caller.viewer, 'priorities');
    return { body: priorities.map((priority) => serializeEntry(caller, 'priorities', priority)) };
  },
  async getPriority({ db, path, caller }) {
    const priority = await getEntry(db, caller.viewer, 'priorities', path.priorityId);
    return { body: serializeEntry(caller, 'priorities', priority) };
  },
  async listIssueTypes({ db, caller }) {
    const issueTypes = await listEntries(db, caller.viewer, 'issue_types');
    return { body: issueTypes.map((issueType) => serializeEntry(caller, 'issuetypes', issueType)) };
  },
  async getIssueType({ db, path, caller }) {
    const issueType = await getEntry(db, caller.viewer, 'issue_types', path.issueTypeId);
    return { body: serializeEntry(caller, 'issuetypes', issueType) };
  },
  async listResolutions({ db, caller }) {
    const resolutions = await listEntries(db, caller.viewer, 'resolutions');
    return { body: resolutions.map((resolution) => serializeEntry(caller, 'resolutions', resolution)) };
  },
  async getResolution({ db, path, caller }) {
    const resolution = await getEntry(db, caller.viewer, 'resolutions', path.resolutionId);
    return { body: serializeEntry(caller, 'resolutions', resolution) };
  },
};

function serializeStatus(caller: Caller, status: StatusRow): Schemas['Status'] {
  return { ...serializeEntry(caller, 'statuses', status), type: status.type };
}

function serializeEntry(
  { base, language }: Caller,
  path: 'statuses' | 'priorities' | 'issuetypes' | 'resolutions',
  { id, key, version, name_ru, name_en, position }: EntryRow,
): Schemas['Priority'] & Schemas['IssueType'] {
  const name = { ru: name_ru, en: name_en };
  return { self: `${base}/${path}/${id}`, id, version, key, name: name[language], description: '', order: position };
}

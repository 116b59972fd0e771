import type { Schemas } from '../../contract/openrpc.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, nameOf, secondsFrom, stringFrom } from '../rpc/values.ts';
import { DEPENDENCIES, dependencyLabel, EXTERNAL_LINK_TYPES, isExternalLinkType } from './external-link.ts';
import {
  createExternalLink,
  getExternalLink,
  listExternalLinks,
  removeExternalLink,
  updateExternalLink,
} from './external-links.service.ts';
import type { ExternalLinkRow } from './external-links.store.ts';

type ExternalLinkMethod =
  | 'getExternalTaskLinkTypes'
  | 'getExternalTaskLinkProviderDependencies'
  | 'createExternalTaskLink'
  | 'updateExternalTaskLink'
  | 'getExternalTaskLinkById'
  | 'getAllExternalTaskLinks'
  | 'removeExternalTaskLink';

/** External task links: the remote links of the Tracker API, in Kanboard's terms. */
export const externalLinkMethods: Methods<ExternalLinkMethod> = {
  getExternalTaskLinkTypes: () => Promise.resolve({ auto: 'Auto', ...EXTERNAL_LINK_TYPES }),
  getExternalTaskLinkProviderDependencies: ({ providerName }) =>
    Promise.resolve(isExternalLinkType(stringOrEmpty(providerName)) ? DEPENDENCIES : false),

  async createExternalTaskLink({ task_id, url, dependency, type, title }, { db, viewer }) {
    return await createExternalLink(db, viewer, idFrom(task_id), {
      url: stringOrEmpty(url),
      dependency: stringOrEmpty(dependency),
      type: stringOrEmpty(type),
      title: stringOrEmpty(title),
    });
  },

  async updateExternalTaskLink({ task_id, link_id, title, url, dependency }, { db, viewer }) {
    await updateExternalLink(db, viewer, idFrom(task_id), idFrom(link_id), {
      title: changedString(title),
      url: changedString(url),
      dependency: changedString(dependency),
    });
    return true;
  },

  async getExternalTaskLinkById({ task_id, link_id }, { db, viewer }) {
    return serializeLink(await getExternalLink(db, viewer, idFrom(task_id), idFrom(link_id)));
  },

  async getAllExternalTaskLinks({ task_id }, { db, viewer }) {
    const links = await listExternalLinks(db, viewer, idFrom(task_id));
    return links.map(serializeListedLink);
  },

  async removeExternalTaskLink({ task_id, link_id }, { db, viewer }) {
    await removeExternalLink(db, viewer, idFrom(task_id), idFrom(link_id));
    return true;
  },
};

/** Empty for any other type: validation rejects that, except as the title of a new link, which then gets a default. */
function stringOrEmpty(value: unknown): string {
  return stringFrom(value) ?? '';
}

/** Null keeps the current value. */
function changedString(value: unknown): string | undefined {
  return value === null ? undefined : stringOrEmpty(value);
}

function serializeLink(row: ExternalLinkRow): Schemas['ExternalTaskLink'] {
  return {
    id: row.remote_link_id,
    link_type: isExternalLinkType(row.application_type) ? row.application_type : 'weblink',
    dependency: row.dependency,
    title: row.title,
    url: row.url,
    date_creation: secondsFrom(row.created_at),
    date_modification: secondsFrom(row.updated_at),
    task_id: row.issue_id,
    creator_id: row.creator_id ?? 0,
  };
}

function serializeListedLink(row: ExternalLinkRow): Schemas['ListedExternalTaskLink'] {
  const link = serializeLink(row);
  return {
    ...link,
    creator_name: nameOf(row.creator_login, row.creator_name),
    creator_username: row.creator_login,
    dependency_label: dependencyLabel(link.dependency),
    type: EXTERNAL_LINK_TYPES[link.link_type],
  };
}

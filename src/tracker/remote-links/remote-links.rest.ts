import type { Schemas } from '../../contract/types.ts';
import {
  type Application,
  createApplication,
  getApplication,
  listApplications,
} from '../../core/applications/applications.service.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { idInPath } from '../rest/names.ts';
import { linkTypeReference, userReference } from '../rest/references.ts';
import { timestamp } from '../rest/timestamps.ts';
import { created } from '../rest/version.ts';
import {
  createRemoteLink,
  deleteRemoteLink,
  getRemoteLink,
  getRemoteObject,
  listRemoteLinks,
  type RemoteLink,
  type RemoteObject,
} from './remote-links.service.ts';

type Operations =
  | 'listApplications'
  | 'createApplication'
  | 'getApplication'
  | 'getRemoteObject'
  | 'listRemoteLinks'
  | 'getRemoteLink'
  | 'createRemoteLink'
  | 'deleteRemoteLink';

export const remoteLinkHandlers: Handlers<Operations> = {
  async listApplications({ db, caller }) {
    const applications = await listApplications(db, caller.viewer);
    return { body: applications.map((application) => serializeApplication(caller, application)) };
  },
  async createApplication({ db, body, caller }) {
    return created(serializeApplication(caller, await createApplication(db, caller.viewer, body)));
  },
  async getApplication({ db, path, caller }) {
    return { body: serializeApplication(caller, await getApplication(db, caller.viewer, path.applicationId)) };
  },
  async getRemoteObject({ db, path, caller }) {
    const object = await getRemoteObject(db, caller.viewer, path.applicationId, path.objectId);
    return { body: serializeRemoteObject(caller, object) };
  },
  async listRemoteLinks({ db, path, caller }) {
    const links = await listRemoteLinks(db, caller.viewer, path.issueId);
    return { body: links.map((link) => serializeRemoteLink(caller, link)) };
  },
  async getRemoteLink({ db, path, caller }) {
    const link = await getRemoteLink(db, caller.viewer, path.issueId, idInPath(path.remoteLinkId));
    return { body: serializeRemoteLink(caller, link) };
  },
  async createRemoteLink({ db, path, body, caller }) {
    const link = await createRemoteLink(db, caller.viewer, path.issueId, body);
    return created(serializeRemoteLink(caller, link));
  },
  async deleteRemoteLink({ db, path, caller }) {
    await deleteRemoteLink(db, caller.viewer, path.issueId, idInPath(path.remoteLinkId));
    return { body: undefined };
  },
};

function serializeRemoteLink(caller: Caller, link: RemoteLink): Schemas['RemoteLink'] {
  return {
    self: `${caller.base}/issues/${link.issueKey}/remotelinks/${link.id}`,
    id: link.id,
    ...(link.type && { type: linkTypeReference(caller, link.type) }),
    direction: link.direction,
    object: serializeRemoteObject(caller, link.object),
    createdBy: userReference(caller, link.createdBy),
    updatedBy: userReference(caller, link.updatedBy),
    createdAt: timestamp(link.createdAt),
    updatedAt: timestamp(link.updatedAt),
    ...(link.type && { relationship: link.type.relationships[link.direction] }),
  };
}

function serializeRemoteObject(caller: Caller, { id, key, application }: RemoteObject): Schemas['RemoteObject'] {
  return {
    self: `${caller.base}/applications/${application.id}/objects/${id}`,
    id,
    key,
    application: serializeApplication(caller, application),
  };
}

function serializeApplication({ base, language }: Caller, { id, type, name }: Application): Schemas['Application'] {
  return { self: `${base}/applications/${id}`, id, type, name: name[language] };
}

import type { Schemas } from '../../contract/types.ts';
import { requireAdministrator } from '../../core/access/viewer.ts';
import { linkTypeFrom } from '../../core/link-types/link-type-summary.ts';
import {
  createLinkType,
  deleteLinkType,
  getLinkType,
  listLinkTypes,
  updateLinkType,
} from '../../core/link-types/link-types.service.ts';
import type { LinkTypeRow } from '../../core/link-types/link-types.store.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { hasAny, refuseReadOnly } from '../rest/read-only.ts';
import { created, versionMatched } from '../rest/version.ts';

type Operations = 'listLinkTypes' | 'getLinkType' | 'createLinkType' | 'updateLinkType' | 'deleteLinkType';

export const linkTypeHandlers: Handlers<Operations> = {
  async listLinkTypes({ db, caller }) {
    const types = await listLinkTypes(db, caller.viewer.orgId);
    return { body: types.map((type) => serializeLinkType(caller, type)) };
  },
  async getLinkType({ db, path, caller }) {
    const type = await getLinkType(db, caller.viewer.orgId, path.linkTypeId);
    return { body: serializeLinkType(caller, type), version: type.version };
  },
  async createLinkType({ db, body, caller }) {
    requireAdministrator(caller.viewer);
    const type = await createLinkType(db, caller.viewer, {
      id: body.id,
      inward: body.inward,
      outward: body.outward,
      ...rules(body),
    });
    return created(serializeLinkType(caller, type), type.version);
  },
  async updateLinkType({ db, path, headers, body, caller }) {
    requireAdministrator(caller.viewer);
    const version = versionMatched(headers['If-Match']);
    if (hasAny(body, READ_ONLY)) {
      const stored = await getLinkType(db, caller.viewer.orgId, path.linkTypeId);
      if (stored.version === (version ?? stored.version)) {
        refuseReadOnly(body, serializeLinkType(caller, stored), READ_ONLY);
      }
    }
    const type = await updateLinkType(db, caller.viewer, path.linkTypeId, {
      inward: body.inward,
      outward: body.outward,
      ...rules(body),
      version,
    });
    return { body: serializeLinkType(caller, type), version: type.version };
  },
  async deleteLinkType({ db, path, caller }) {
    requireAdministrator(caller.viewer);
    await deleteLinkType(db, caller.viewer, path.linkTypeId);
    return { body: undefined };
  },
};

/** The members of a link type that `updateLinkType` cannot change. */
const READ_ONLY = ['self', 'id', 'version', 'labels', 'relationships', 'symmetric'];

function rules({ antisymmetric, acyclic, single }: Schemas['LinkTypeChange']) {
  return { antisymmetric, acyclic, single };
}

function serializeLinkType({ base, language }: Caller, type: LinkTypeRow): Schemas['LinkType'] {
  const { inward, outward, relationships } = linkTypeFrom(type);
  return {
    self: `${base}/linktypes/${type.link_type_id}`,
    id: type.link_type_id,
    inward: inward[language],
    outward: outward[language],
    version: type.version,
    labels: { inward, outward },
    relationships,
    symmetric: type.is_symmetric,
    antisymmetric: type.is_antisymmetric,
    acyclic: type.is_acyclic,
    single: type.single_end,
  };
}

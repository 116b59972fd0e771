import type { Schemas } from '../../contract/types.ts';
import { requireAdministrator } from '../../core/access/viewer.ts';
import { getOrganisation, updateOrganisation } from '../../core/link-types/organisation-rules.service.ts';
import type { OrganisationRow } from '../../core/organisations/organisations.store.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { hasAny, refuseReadOnly } from '../rest/read-only.ts';

export const organisationHandlers: Handlers<'getOrganization' | 'updateOrganization'> = {
  async getOrganization({ db, caller }) {
    return { body: serializeOrganisation(caller, await getOrganisation(db, caller.viewer.orgId)) };
  },
  async updateOrganization({ db, body, caller }) {
    requireAdministrator(caller.viewer);
    if (hasAny(body, READ_ONLY)) {
      const stored = await getOrganisation(db, caller.viewer.orgId);
      refuseReadOnly(body, serializeOrganisation(caller, stored), READ_ONLY);
    }
    const organisation = await updateOrganisation(db, caller.viewer, {
      name: body.name,
      language: body.language,
      oneLinkPerPair: body.oneLinkPerPair,
    });
    return { body: serializeOrganisation(caller, organisation) };
  },
};

/** The members of an organisation that `updateOrganization` cannot change. */
const READ_ONLY = ['self', 'id', 'cloudId'];

function serializeOrganisation({ base }: Caller, row: OrganisationRow): Schemas['Organization'] {
  return {
    self: `${base}/organization`,
    id: row.org_id,
    ...(row.cloud_id !== null && { cloudId: row.cloud_id }),
    name: row.name,
    language: row.language,
    oneLinkPerPair: row.one_link_per_pair,
  };
}

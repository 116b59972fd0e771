import type { Schemas } from '../../contract/types.ts';
import { requireAdministrator } from '../../core/access/viewer.ts';
import { getOrganisation, updateOrganisation } from '../../core/link-types/organisation-rules.service.ts';
import type { OrganisationRow } from '../../core/organisations/organisations.store.ts';
import type { Caller, Handlers } from '../rest/caller.ts';

export const organisationHandlers: Handlers<'getOrganization' | 'updateOrganization'> = {
  async getOrganization({ db, caller }) {
    return { body: serializeOrganisation(caller, await getOrganisation(db, caller.viewer.orgId)) };
  },
  async updateOrganization({ db, body, caller }) {
    requireAdministrator(caller.viewer);
    const organisation = await updateOrganisation(db, caller.viewer, {
      name: body.name,
      language: body.language,
      oneLinkPerPair: body.oneLinkPerPair,
    });
    return { body: serializeOrganisation(caller, organisation) };
  },
};

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

import { changeLabel, createLabel, findLabel, findLabelByText, listLabels } from '../../core/labels/labels.service.ts';
import { removeLabel } from '../../core/removal/label-removal.service.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, numberFrom, stringFrom } from '../rpc/values.ts';

/** The Link API (Kanboard contract, section 5), where a "link" is a label. */
export const labelMethods: Methods<
  'getAllLinks' | 'getLinkById' | 'getLinkByLabel' | 'getOppositeLinkId' | 'createLink' | 'updateLink' | 'removeLink'
> = {
  async getAllLinks(_params, { db, viewer }) {
    return await listLabels(db, viewer);
  },

  async getLinkById({ link_id }, { db, viewer }) {
    return (await findLabel(db, viewer, idFrom(link_id))) ?? null;
  },

  async getLinkByLabel({ label }, { db, viewer }) {
    const text = stringFrom(label);
    return text === undefined ? null : ((await findLabelByText(db, viewer, text)) ?? null);
  },

  async getOppositeLinkId({ link_id }, { db, viewer }) {
    const found = await findLabel(db, viewer, idFrom(link_id));
    // Without an opposite label, clients get back the value they sent, even if no label has that id.
    return found?.opposite_id || (typeof link_id === 'number' || typeof link_id === 'string' ? link_id : null);
  },

  async createLink({ label, opposite_label }, { db, viewer }) {
    const opposite = opposite_label === null || opposite_label === '' ? undefined : (stringFrom(opposite_label) ?? '');
    return await createLabel(db, viewer, { label: stringFrom(label) ?? '', opposite });
  },

  async updateLink({ link_id, opposite_link_id, label }, { db, viewer }) {
    const oppositeId = numberFrom(opposite_link_id) === 0 ? undefined : idFrom(opposite_link_id);
    await changeLabel(db, viewer, idFrom(link_id), { label: stringFrom(label) ?? '', oppositeId });
    return true;
  },

  async removeLink({ link_id }, { db, viewer }) {
    await removeLabel(db, viewer, idFrom(link_id));
    return true;
  },
};

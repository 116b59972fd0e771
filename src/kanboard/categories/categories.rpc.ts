import type { Schemas } from '../../contract/openrpc.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, optional, stringFrom } from '../rpc/values.ts';
import { createCategory, getCategory, listCategories, removeCategory, updateCategory } from './categories.service.ts';
import type { CategoryRow } from './categories.store.ts';

export const categoryMethods: Methods<
  'createCategory' | 'getCategory' | 'getAllCategories' | 'updateCategory' | 'removeCategory'
> = {
  async createCategory({ project_id, name, color_id }, { db, viewer }) {
    const category = { name: stringFrom(name), color: optional(color_id, stringFrom) };
    return await createCategory(db, viewer, idFrom(project_id), category);
  },

  async getCategory({ category_id }, { db, viewer }) {
    return serializeCategory(await getCategory(db, viewer, idFrom(category_id)));
  },

  async getAllCategories({ project_id }, { db, viewer }) {
    return (await listCategories(db, viewer, idFrom(project_id))).map(serializeCategory);
  },

  async updateCategory({ id, name, color_id }, { db, viewer }) {
    const category = { name: stringFrom(name), color: optional(color_id, stringFrom) };
    await updateCategory(db, viewer, idFrom(id), category);
    return true;
  },

  async removeCategory({ category_id }, { db, viewer }) {
    await removeCategory(db, viewer, idFrom(category_id));
    return true;
  },
};

function serializeCategory({ category_id, name, queue_id, color }: CategoryRow): Schemas['Category'] {
  return { id: category_id, name, project_id: queue_id, description: null, color_id: color };
}

import type { Schemas } from '../../contract/openrpc.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, optional, stringFrom, stringsFrom } from '../rpc/values.ts';
import { createTag, listTags, listTagsOf, listTaskTags, removeTag, setTaskTags, updateTag } from './tags.service.ts';
import type { TagRow } from './tags.store.ts';

export const tagMethods: Methods<
  'getAllTags' | 'getTagsByProject' | 'createTag' | 'updateTag' | 'removeTag' | 'setTaskTags' | 'getTaskTags'
> = {
  async getAllTags(_params, { db, viewer }) {
    return (await listTags(db, viewer)).map(serializeTag);
  },

  async getTagsByProject({ project_id }, { db, viewer }) {
    return (await listTagsOf(db, viewer, idFrom(project_id))).map(serializeTag);
  },

  async createTag({ project_id, tag, color_id }, { db, viewer }) {
    const given = { name: stringFrom(tag), color: optional(color_id, stringFrom) };
    return await createTag(db, viewer, idFrom(project_id), given);
  },

  async updateTag({ tag_id, tag, color_id }, { db, viewer }) {
    const given = { name: stringFrom(tag), color: optional(color_id, stringFrom) };
    await updateTag(db, viewer, idFrom(tag_id), given);
    return true;
  },

  async removeTag({ tag_id }, { db, viewer }) {
    await removeTag(db, viewer, idFrom(tag_id));
    return true;
  },

  async setTaskTags({ project_id, task_id, tags }, { db, viewer }) {
    await setTaskTags(db, viewer, idFrom(project_id), { taskId: idFrom(task_id), tags: stringsFrom(tags) });
    return true;
  },

  async getTaskTags({ task_id }, { db, viewer }) {
    const tags = await listTaskTags(db, viewer, idFrom(task_id));
    return Object.fromEntries(tags.map(({ tag_id, name }) => [tag_id, name]));
  },
};

function serializeTag({ tag_id, name, queue_id, color }: TagRow): Schemas['Tag'] {
  return { id: tag_id, name, project_id: queue_id, color_id: color };
}

import type { Direction } from '../../core/labels/direction.ts';
import type { LinkTypeRow } from '../../core/link-types/link-types.store.ts';
import type { UserNames } from '../../core/users/users.store.ts';
import { Columns } from '../../database/data-row.ts';
import type { JsonBytes } from '../../http/json-bytes.ts';
import { nameOf } from '../rpc/values.ts';
import { completedAt, secondsOr0 } from '../tasks/task-times.rpc.ts';
import type { TaskLink, TaskLinks } from './task-link-list.store.ts';

/** The members that many links share, by the cached row that they are made from. */
const labels = { inward: new WeakMap<LinkTypeRow, Buffer>(), outward: new WeakMap<LinkTypeRow, Buffer>() };
const assignees = new WeakMap<UserNames, Buffer>();

/** Writes the result of `getAllTaskLinks`, mostly from the bytes that PostgreSQL sent (decision 9). */
export function writeTaskLinks(json: JsonBytes, { links, types, users }: TaskLinks): void {
  json.ascii('[');
  for (const [index, link] of links.entries()) {
    if (index > 0) json.ascii(',');
    writeTaskLink(json, link, types, users);
  }
  json.ascii(']');
}

function writeTaskLink(json: JsonBytes, link: TaskLink, types: TaskLinks['types'], users: TaskLinks['users']): void {
  const columns = new Columns(link.texts, link.textsAt);
  json.ascii('{"id":');
  json.ascii(String(link.viewId));
  json.ascii(',"task_id":');
  json.ascii(String(link.taskId));
  json.bytes(label(types.get(link.linkTypeId) as LinkTypeRow, link.direction));
  json.ascii(',"title":');
  writeText(json, columns);
  json.ascii(link.isOpen ? ',"is_active":1,"project_id":' : ',"is_active":0,"project_id":');
  writeId(json, columns);
  json.ascii(',"column_id":');
  writeId(json, columns);
  json.ascii(',"color_id":');
  writeText(json, columns);
  json.ascii(',"date_completed":');
  writeNumber(json, completedAt({ closed_at: timeIn(columns), is_open: link.isOpen }));
  json.ascii(',"date_started":');
  writeNumber(json, secondsOr0(timeIn(columns)));
  json.ascii(',"date_due":');
  writeNumber(json, secondsOr0(timeIn(columns)));
  json.ascii(',"task_time_spent":');
  writeNumber(json, numberIn(columns));
  json.ascii(',"task_time_estimated":');
  writeNumber(json, numberIn(columns));
  writeAssignee(json, link.assigneeId, users);
  json.ascii(',"column_title":');
  writeText(json, columns);
  json.ascii(',"project_name":');
  writeText(json, columns);
  json.ascii('}');
}

function label(type: LinkTypeRow, direction: Direction): Buffer {
  const known = labels[direction].get(type);
  if (known) return known;
  const json = Buffer.from(`,"label":${JSON.stringify(type[`${direction}_label`])}`);
  labels[direction].set(type, json);
  return json;
}

function writeAssignee(json: JsonBytes, assigneeId: number | null, users: TaskLinks['users']): void {
  const user = assigneeId === null ? undefined : users.get(assigneeId);
  if (user) json.bytes(assignees.get(user) ?? keepAssignee(user));
  else json.ascii(assigneeMembers(assigneeId ?? 0, null, null));
}

function keepAssignee(user: UserNames): Buffer {
  const json = Buffer.from(assigneeMembers(user.userId, user.login, user.name));
  assignees.set(user, json);
  return json;
}

function assigneeMembers(id: number, login: string | null, name: string | null): string {
  const [username, displayed] = [login, nameOf(login, name)].map((text) => JSON.stringify(text));
  return `,"task_assignee_id":${id},"task_assignee_username":${username},"task_assignee_name":${displayed}`;
}

function writeText(json: JsonBytes, columns: Columns): void {
  columns.skip();
  json.string(columns.bytes, columns.at, columns.length);
}

function writeId(json: JsonBytes, columns: Columns): void {
  columns.skip();
  json.copy(columns.bytes, columns.at, columns.length);
}

function writeNumber(json: JsonBytes, number: number | null): void {
  json.ascii(String(number));
}

/** A time that the statement selected as Unix seconds. */
function timeIn(columns: Columns): Date | null {
  const seconds = numberIn(columns);
  return seconds === null ? null : new Date(seconds * 1000);
}

/** A number that may have decimals. */
function numberIn(columns: Columns): number | null {
  const text = columns.text();
  return text === null ? null : Number(text);
}

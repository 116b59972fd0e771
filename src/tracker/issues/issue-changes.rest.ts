import type { Schemas } from '../../contract/types.ts';
import type { Reference } from '../../core/ids/reference.ts';
import { issueNameIn, referenceIn } from '../rest/names.ts';
import type { IssueChanges } from './issue-changes.service.ts';
import type { ListChange } from './list-change.ts';

export function issueChanges(body: Schemas['IssueChanges']): IssueChanges {
  return { ...changesIn(body), status: referenceSet(body.status), queue: referenceIn(body.queue) };
}

/** The changes of fields that can go along with a transition. */
export function changesIn(
  body: Omit<Schemas['IssueChanges'], 'status' | 'queue'>,
): Omit<IssueChanges, 'status' | 'queue'> {
  return {
    summary: valueSet(body.summary),
    description: valueSet(body.description),
    type: referenceSet(body.type),
    priority: referenceSet(body.priority),
    resolution: referenceSet(body.resolution),
    assignee: referenceSet(body.assignee),
    author: referenceSet(body.author),
    followers: listChange(body.followers, userNameIn),
    deadline: valueSet(body.deadline),
    storyPoints: valueSet(body.storyPoints),
    tags: listChange(body.tags, (tag) => tag),
    parent: issueNameSet(body.parent),
    epic: issueNameSet(body.epic),
  };
}

type NameInput = Schemas['EntryName'] | Schemas['AssigneeName'];
type Change<Value> = Value | null | { readonly set: Value | null } | undefined;

/** The value, given directly or in the operator `set`; null clears the field. */
function valueSet<Value extends string | number>(change: Change<Value>): Value | null | undefined {
  return typeof change === 'object' && change !== null ? change.set : change;
}

function referenceSet<Name extends NameInput>(change: Change<Name>): Reference | null | undefined {
  const name = isSet(change) ? change.set : change;
  return name === null || name === undefined ? name : (referenceIn(name) ?? '');
}

function issueNameSet(change: Change<Schemas['IssueName']>): string | null | undefined {
  const name = isSet(change) ? change.set : change;
  return name === null || name === undefined ? name : issueNameIn(name);
}

function isSet<Value>(change: Change<Value>): change is { readonly set: Value | null } {
  return typeof change === 'object' && change !== null && 'set' in change;
}

/** One item, or several. */
type Items<Item> = Item | readonly Item[];
interface ListOperators<Item> {
  readonly set?: Items<Item> | null;
  readonly add?: Items<Item>;
  readonly remove?: Items<Item>;
  readonly replace?: readonly { readonly target: Item; readonly replacement: Item }[];
}

/** The items, given directly or with operators; null removes all. */
function listChange<Item extends string | number | object, Value>(
  change: Items<Item> | ListOperators<Item> | null | undefined,
  toValue: (item: Item) => Value,
): ListChange<Value> | undefined {
  if (change === undefined) return undefined;
  if (!isOperators(change)) return { set: listOf(change).map(toValue) };
  const { set, add, remove, replace = [] } = change;
  return {
    set: set === undefined ? undefined : listOf(set).map(toValue),
    remove: listOf(remove).map(toValue),
    replace: replace.map(({ target, replacement }) => ({
      target: toValue(target),
      replacement: toValue(replacement),
    })),
    add: listOf(add).map(toValue),
  };
}

const OPERATORS = ['set', 'add', 'remove', 'replace'];

function isOperators<Item>(change: Items<Item> | ListOperators<Item> | null): change is ListOperators<Item> {
  return typeof change === 'object' && change !== null && OPERATORS.some((operator) => operator in change);
}

export function listOf<Item>(items: Items<Item> | null | undefined): readonly Item[] {
  if (items === null || items === undefined) return [];
  return Array.isArray(items) ? (items as readonly Item[]) : [items as Item];
}

/** The empty string, which no user has as a name, for an object without a name. */
export function userNameIn(user: Schemas['AssigneeName']): Reference {
  return referenceIn(user) ?? '';
}

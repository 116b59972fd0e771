/** A change of a field that holds a list, carried out in the order of the members. */
export interface ListChange<Item> {
  /** Undefined keeps the current list. */
  readonly set?: readonly Item[] | undefined;
  readonly remove?: readonly Item[];
  readonly replace?: readonly { readonly target: Item; readonly replacement: Item }[];
  readonly add?: readonly Item[];
}

export function changedList<Item>(
  current: readonly Item[],
  { set = current, remove = [], replace = [], add = [] }: ListChange<Item>,
): Item[] {
  const replaced = new Map(replace.map(({ target, replacement }) => [target, replacement]));
  return [...set.filter((item) => !remove.includes(item)).map((item) => replaced.get(item) ?? item), ...add];
}

export function itemsIn<Item>({ set = [], remove = [], replace = [], add = [] }: ListChange<Item>): Item[] {
  return [...set, ...remove, ...replace.flatMap(({ target, replacement }) => [target, replacement]), ...add];
}

export function mapList<Item, Mapped>(change: ListChange<Item>, map: (item: Item) => Mapped): ListChange<Mapped> {
  const { set, remove = [], replace = [], add = [] } = change;
  return {
    set: set?.map(map),
    remove: remove.map(map),
    replace: replace.map(({ target, replacement }) => ({ target: map(target), replacement: map(replacement) })),
    add: add.map(map),
  };
}

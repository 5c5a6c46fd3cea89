/** Selected items of a long list, and the keyboard cursor. Every change returns a new selection. */

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** Index at which a range starts. */
  readonly anchor: number | null;
  /** Index of the keyboard cursor. */
  readonly cursor: number | null;
}

export const NOTHING_SELECTED: Selection = { ids: new Set(), anchor: null, cursor: null };

export function selectOnly(id: string, index: number): Selection {
  return { ids: new Set([id]), anchor: index, cursor: index };
}

/** Adds or removes one item. */
export function toggleItem(selection: Selection, id: string, index: number): Selection {
  const ids = new Set(selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, anchor: index, cursor: index };
}

/** Selects from the anchor to an item. @param idsBetween ids of that range */
export function selectRange(selection: Selection, index: number, idsBetween: readonly string[]): Selection {
  return { ids: new Set(idsBetween), anchor: selection.anchor ?? index, cursor: index };
}

export function moveCursor(selection: Selection, index: number): Selection {
  return { ...selection, cursor: index };
}

/** Which items of a long list are chosen, and where the keyboard is. Pure: every change gives a new selection. */

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** Where a range starts. */
  readonly anchor: number | null;
  /** Where the keyboard is. */
  readonly cursor: number | null;
}

export const NOTHING_SELECTED: Selection = { ids: new Set(), anchor: null, cursor: null };

/** Only this item. */
export function selectOnly(id: string, index: number): Selection {
  return { ids: new Set([id]), anchor: index, cursor: index };
}

/** This item in or out, the others as they are. */
export function toggleItem(selection: Selection, id: string, index: number): Selection {
  const ids = new Set(selection.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ids, anchor: index, cursor: index };
}

/** Everything between the anchor and this item. `idsBetween` are the ids of that range. */
export function selectRange(selection: Selection, index: number, idsBetween: readonly string[]): Selection {
  return { ids: new Set(idsBetween), anchor: selection.anchor ?? index, cursor: index };
}

/** The keyboard moved without choosing. */
export function moveCursor(selection: Selection, index: number): Selection {
  return { ...selection, cursor: index };
}

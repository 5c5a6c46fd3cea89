/** The address of a screen, in the page's fragment: `#/compare/c-12`. */

export const SCREENS = ['studio', 'compare', 'gallery', 'models', 'report', 'settings'] as const;
export type Screen = (typeof SCREENS)[number];

export interface Route {
  readonly screen: Screen;
  /** Id of the comparison, for compare and report. */
  readonly id: string | null;
}

/** Reads a fragment; unknown ones lead to the studio. */
export function routeOf(fragment: string): Route {
  const [, name, id] = /^#\/([a-z]+)(?:\/([A-Za-z0-9_-]{1,64}))?$/.exec(fragment) ?? [];
  const screen = SCREENS.find((candidate) => candidate === name);
  return screen === undefined ? { screen: 'studio', id: null } : { screen, id: id ?? null };
}

export function fragmentOf({ screen, id }: Route): string {
  return id === null ? `#/${screen}` : `#/${screen}/${id}`;
}

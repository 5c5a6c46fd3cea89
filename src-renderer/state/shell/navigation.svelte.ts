/** The current screen. It is kept in the page's fragment, so that back, forward and reload work. */
import { fragmentOf, routeOf, type Route, type Screen } from '../../logic/shell/route';

export class Navigation {
  #route = $state.raw<Route>({ screen: 'studio', id: null });
  #follower: ((route: Route) => void) | null = null;
  readonly #page: Window;

  constructor(page: Window) {
    this.#page = page;
    this.#route = routeOf(page.location.hash);
    page.addEventListener('hashchange', () => {
      this.#route = routeOf(page.location.hash);
      this.#follower?.(this.#route);
    });
  }

  /** Calls the follower with the route now and whenever it changes. */
  follow(follower: (route: Route) => void): () => void {
    this.#follower = follower;
    follower(this.#route);
    return () => (this.#follower = null);
  }

  get screen(): Screen {
    return this.#route.screen;
  }

  get id(): string | null {
    return this.#route.id;
  }

  go(screen: Screen, id: string | null = null): void {
    const fragment = fragmentOf({ screen, id });
    if (this.#page.location.hash !== fragment) this.#page.location.hash = fragment;
  }

  /** Sets the id of the current route without a new history entry. */
  name(id: string | null): void {
    const route = { screen: this.#route.screen, id };
    if (id === this.#route.id) return;
    this.#route = route;
    this.#page.history.replaceState(null, '', fragmentOf(route));
  }
}

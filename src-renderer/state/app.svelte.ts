/** All state objects, built once; components get them from the context. */
import { createContext } from 'svelte';
import type { Client } from '../bridge/client';
import type { Route } from '../logic/shell/route';
import { Announcer } from './shell/announcer.svelte';
import { Blind } from './compare/blind.svelte';
import type { ChosenRuns } from './compare/chosen-runs.svelte';
import { Compare } from './compare/compare.svelte';
import type { GalleryList } from './gallery/gallery-list.svelte';
import type { GallerySelection } from './gallery/gallery-selection.svelte';
import { Gallery } from './gallery/gallery.svelte';
import { Gpu } from './settings/gpu.svelte';
import { Guide } from './studio/guide.svelte';
import { Layers } from './compare/layers.svelte';
import { Library } from './models/library.svelte';
import { Loras } from './models/loras.svelte';
import { Mix } from './compare/mix.svelte';
import { Models } from './models/models.svelte';
import { Navigation } from './shell/navigation.svelte';
import { Notices } from './shell/notices.svelte';
import { OutputMeasurements } from './studio/measurements.svelte';
import { OwnFiles } from './models/own-files.svelte';
import { Photos } from './studio/photos.svelte';
import { Preparation } from './models/preparation.svelte';
import { Queue } from './studio/queue.svelte';
import { Report } from './report/report.svelte';
import { Settings } from './settings/settings.svelte';
import { Smaller } from './shell/smaller.svelte';
import { Studio } from './studio/studio.svelte';

/** Builds the state. Nothing is requested from the host before `startApp`. */
export function createApp(client: Client, page: Window) {
  const announcer = new Announcer();
  const notices = new Notices(announcer);
  const settings = new Settings(client, notices);
  const models = new Models(client, notices);
  const photos = new Photos(client, notices);
  const compare = new Compare(client, notices);
  const queue = new Queue(client, notices, announcer);
  const navigation = new Navigation(page);
  const studio = new Studio(client, notices, announcer, models, settings, photos);
  return {
    announcer,
    notices,
    navigation,
    settings,
    models,
    library: new Library(client, notices, announcer),
    ownFiles: new OwnFiles(client, notices, announcer),
    preparation: new Preparation(client, notices, announcer),
    loras: new Loras(client, notices),
    photos,
    queue,
    studio,
    gpu: new Gpu(client, notices, announcer, settings, studio),
    guide: new Guide(client, { notices, settings, models, photos, queue, compare, navigation, studio }),
    compare,
    blind: new Blind(client, notices, compare),
    layers: new Layers(client),
    mix: new Mix(client, notices),
    measurements: new OutputMeasurements(client, notices),
    gallery: new Gallery(client, notices),
    report: new Report(client),
    smaller: new Smaller(client, notices),
  };
}

/** Parts of a screen's state that components only read; the stage and the table's rows have setters of their own. */
type StatePart = ChosenRuns | GalleryList | GallerySelection;
/** A state object whose fields, and those of its parts, cannot be assigned. */
type ReadOnly<State> = {
  readonly [Field in keyof State]: State[Field] extends StatePart ? Readonly<State[Field]> : State[Field];
};
/** The state as components see it: methods change it. */
export type App = {
  readonly [Name in keyof ReturnType<typeof createApp>]: ReadOnly<ReturnType<typeof createApp>[Name]>;
};

/** Starts all subscriptions; returns how to end them. */
export function startApp(app: App): () => void {
  const parts = [
    app.settings,
    app.models,
    app.library,
    app.ownFiles,
    app.preparation,
    app.gpu,
    app.photos,
    app.queue,
    app.studio,
    app.guide,
    app.compare,
    app.gallery,
  ];
  const stops = [...parts.map((part) => part.start()), app.navigation.follow((route) => void showRoute(app, route))];
  return () => stops.forEach((stop) => stop());
}

/** Opens what the address names. Without an id, compare keeps its comparison or opens the newest one. */
async function showRoute({ blind, compare, report, navigation }: App, { screen, id }: Route): Promise<void> {
  if (screen === 'report') await report.open(id ?? (compare.error === null ? compare.comparisonId : null));
  if (screen !== 'compare') return;
  // A blind test belongs to the comparison it was started on.
  if (id !== null && id !== compare.comparisonId) blind.leave();
  if (id !== null) await compare.open(id);
  else if (compare.runs.length === 0 && !compare.loading) {
    const newest = await compare.openNewest();
    if (newest !== null && navigation.screen === 'compare') navigation.name(newest);
  }
}

export const [useApp, provideApp] = createContext<App>();

/** Starts the packed app on the fake Electron, uses it through its preload, quits, and prints what was seen as JSON. */
import { createRequire } from 'node:module';
import { app, fetchPage, observed } from 'electron';

const DEADLINE_MS = 90_000;
const deadline = setTimeout(() => {
  process.stderr.write(`Not finished after ${DEADLINE_MS} ms: ${JSON.stringify(observed)}\n`);
  process.exit(2);
}, DEADLINE_MS);

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function call(method, input) {
  const envelope = await observed.bridge.api[method](input);
  if (!envelope.ok) throw new Error(`${method}: ${JSON.stringify(envelope.error)}`);
  return envelope.value;
}

/** The page and every file it names. */
async function fetchAll(url) {
  const page = await fetchPage(url);
  const html = await page.text();
  const files = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, name]) => name);
  const statuses = await Promise.all(files.map(async (name) => [name, (await fetchPage(new URL(name, url))).status]));
  return { status: page.status, files: Object.fromEntries(statuses) };
}

/** One picture: engine, workers, codecs, database. */
async function makePicture() {
  const [pack] = await call('packs.list', {});
  const samples = await call('samples.list', {});
  const sample = samples.photos.find((photo) => photo.role === 'identity');
  const photo = await call('photos.use-sample', { sampleId: sample.id });
  const { faces } = await call('photos.detect', { photoId: photo.id, packId: pack.id });
  const { comparisonId } = await call('comparisons.create', {
    packId: pack.id,
    provider: 'cpu',
    modelVariant: pack.modelVariants[0],
    identityId: photo.id,
    faceIndex: 0,
    poseId: null,
    steps: 1,
    width: pack.defaults.width,
    height: pack.defaults.height,
    guidance: pack.defaults.guidance,
    conditioningScale: 1,
    start: 0,
    end: 1,
    prompts: [samples.prompts[0].text],
    seeds: [7],
    variants: [{ flux: 'int8', t5: '16-bit', infusenet: 'nf4' }],
    repeats: 1,
  });
  let comparison;
  await until(async () => {
    comparison = await call('comparisons.get', { comparisonId });
    return comparison.status === 'finished' || comparison.runs.some((run) => run.error !== null);
  });
  const [run] = comparison.runs;
  const picture = await fetchPage(new URL(`picture/result/${run.id}`, observed.pages[0]));
  return {
    samples: samples.photos.length,
    faces: faces.length,
    status: comparison.status,
    error: run.error,
    picture: picture.status,
  };
}

/** The menu's entry, in a copy that knows no release page, and the updater that others make. */
async function checkForUpdates() {
  const entries = observed.menu.flatMap(({ submenu }) => submenu ?? []);
  entries.find(({ label }) => label?.startsWith('Nach Updates')).click();
  await until(() => observed.asked.length > 0);
  const { autoUpdater } = createRequire(APP)('electron-updater');
  return { told: observed.asked, updater: autoUpdater.constructor.name, version: autoUpdater.currentVersion.version };
}

const APP = new URL('resources/app/dist/main/app.js', import.meta.url);
await import(APP);
await until(() => observed.bridge !== null || observed.errors.length > 0);
if (observed.bridge === null) throw new Error(observed.errors.join('\n'));
const engineStates = [];
observed.bridge.on.engine((state) => engineStates.push(state.status));
const seen = {
  pages: observed.pages,
  exposed: observed.preloadNames,
  page: await fetchAll(observed.pages[0]),
  paths: observed.paths,
  system: await call('system.info', {}),
  notices: (await call('system.notices', {})).text,
  run: await makePicture(),
  updates: await checkForUpdates(),
  engineStates,
  errors: observed.errors,
};
const quitting = new Promise((resolve) => app.once('quit', resolve));
app.quit();
await quitting;
clearTimeout(deadline);
process.stdout.write(`\n${JSON.stringify(seen)}\n`, () => process.exit(0));

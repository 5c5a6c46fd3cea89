/**
 * Who may import whom. Mirrors docs/architecture.md; a rule without a check is a wish.
 * @type {import('dependency-cruiser').IConfiguration}
 */
const NODE = '^(node:|fs$|path$|os$|crypto$|child_process$|worker_threads$)';

/** Folders from the cellar to the roof: each imports from those before it. */
const SERVICES = ['support', 'engine', 'gpu', 'packs', 'pictures', 'runs', 'comparisons', 'host'];
const ENGINE = [
  'protocol', 'quant', 'weights', 'lora', 'sampling', 'image', 'graph', 'face', 'text', 'pack', 'convert', 'runtime',
  'pipeline', 'verify',
]; // prettier-ignore

function forbid(name, from, to, comment) {
  return { name, severity: 'error', comment, from, to };
}

/** A rule for each floor: nothing of it reaches up. */
function floors(root, folders) {
  return folders
    .slice(0, -1)
    .map((folder, floor) =>
      forbid(
        `${folder}-below-${folders[floor + 1]}`,
        { path: `^${root}/${folder}[/.]` },
        { path: `^${root}/(${folders.slice(floor + 1).join('|')})/` },
        `Folders of ${root} depend downwards: ${folders.join(' < ')}.`,
      ),
    );
}

module.exports = {
  forbidden: [
    ...floors('src-main/services', SERVICES),
    ...floors('src-main/engine', ENGINE),
    forbid('no-circular', {}, { circular: true }, 'Cycles hide which part depends on which.'),
    forbid(
      'base-is-pure',
      { path: '^src-main/base/', pathNot: 'entry-file' },
      { pathNot: '^src-main/base/' },
      'base imports nothing; entry-file alone asks Node for a path.',
    ),
    forbid(
      'disk-below-all',
      { path: '^src-main/disk/' },
      { path: '^src-main/', pathNot: '^src-main/(disk|base)/' },
      'Paths, patience with held files: everybody may use it, it knows base alone.',
    ),
    forbid(
      'contract-is-pure',
      { path: '^src-main/contract/' },
      { pathNot: '^(src-main/(contract|base)/|node_modules/zod)' },
      'Both processes share it: base and the schema library only.',
    ),
    forbid(
      'renderer-through-contract',
      { path: '^src-renderer/' },
      { path: '^src-main/', pathNot: '^src-main/contract/' },
      'The renderer knows the main side by its contract alone.',
    ),
    forbid('renderer-without-node', { path: '^src-renderer/' }, { path: NODE }, 'The renderer runs in a browser.'),
    forbid(
      'electron-in-app-only',
      { pathNot: '^src-main/(app|preload)/' },
      { path: '(^|node_modules/)electron(/|$)' },
      'Everything else runs without Electron.',
    ),
    forbid(
      'onnxruntime-in-runtime-only',
      { pathNot: '^src-main/engine/runtime/' },
      { path: 'onnxruntime' },
      'One folder owns the runtime.',
    ),
    forbid(
      'foreign-functions-in-capi-only',
      { pathNot: '^src-main/engine/runtime/capi/' },
      { path: 'koffi' },
      'One folder calls native code by address.',
    ),
    forbid('sqlite-in-store-only', { pathNot: '^src-main/store/' }, { path: 'better-sqlite3' }, 'One folder owns SQL.'),
    forbid(
      'store-below-services',
      { path: '^src-main/store/' },
      { path: '^src-main/(engine|library|services|app|web|cli)/', pathNot: '^src-main/engine/protocol' },
      'The store keeps rows; it knows nobody above it.',
    ),
    forbid(
      'services-without-hosts',
      { path: '^src-main/services/' },
      { path: '^src-main/(app|web|cli|engine)/', pathNot: '^src-main/engine/(protocol|image/)' },
      'Services know the engine by its protocol and no host; reading and writing pictures is shared.',
    ),
    forbid(
      'engine-alone',
      { path: '^src-main/engine/' },
      { path: '^src-main/(contract|store|services|library|app|web|cli|compare)/' },
      'The engine knows no Electron, SQL, network or contract.',
    ),
    forbid(
      'pure-engine-folders',
      { path: '^src-main/engine/(graph|sampling|quant/(formats|blocks))/' },
      { path: `${NODE}|^src-main/engine/(runtime|pipeline|convert|pack|image|face)/` },
      'Formulas: no file system, clock or runtime.',
    ),
    forbid(
      'library-without-engine',
      { path: '^src-main/library/' },
      {
        path: '^src-main/(contract|store|services|app|web|cli|compare|engine)/',
        pathNot: '^src-main/engine/protocol',
      },
      'Packs know the engine by its protocol; hosts hand them the audit itself.',
    ),
    forbid(
      'compare-is-pure',
      { path: '^src-main/compare/' },
      { pathNot: '^src-main/(compare|base)/' },
      'Metrics are formulas.',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};

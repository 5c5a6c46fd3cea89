/** `providers`: which execution providers work here and why not, and the set-up of CUDA's libraries. */
import { Command, Option } from 'commander';
import { typedOutput } from '../services/support/writable-folder.js';
import { typedAbsolute } from '../disk/paths.js';
import { AppError } from '../base/app-error.js';
import { CUDA_DRIVER } from '../base/cuda-parts.js';
import type { CudaReport, ProbeResult } from '../engine/protocol.js';
import { planSetup, type SetupPlan } from '../library/cuda-plan.js';
import { setUpFromWheels, setUpWithTool, type SetupRequest } from '../library/cuda-setup.js';
import { findPipTool, type PipTool } from '../library/pip-tool.js';
import { EngineClient } from '../services/engine/engine-client.js';
import { requireCudaSystem } from '../services/gpu/cuda-folder.js';
import { formatBytes } from '../services/support/byte-size.js';
import { defaultCudaDir } from '../services/support/data-dir.js';
import { spawnEngine } from './command-host.js';
import { endProgress, formatTable, interruptSignal, print, printJson, showProgress } from './terminal.js';

export function providersCommand(): Command {
  return new Command('providers')
    .description('Say which execution providers work here, and what CUDA lacks: driver, cards and each library.')
    .option('--json', 'print as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const result = await probe();
      if (options.json === true) printJson({ providers: result.providers, cuda: result.cuda });
      else print(describe(result));
    })
    .addCommand(setupCommand().exitOverride());
}

function setupCommand(): Command {
  return new Command('setup-cuda')
    .description('Set up the libraries of the cuda provider; run it again to resume.')
    .argument('[folder]', 'folder with the wheels, downloaded from pypi.org')
    .option('--pip', 'let the pip or uv of this computer download them')
    .addOption(new Option('--to <folder>', 'folder to set them up in').default(defaultCudaDir(), 'the app’s'))
    .option('--json', 'print as JSON')
    .action(setUp);
}

interface SetupOptions {
  readonly pip?: boolean;
  readonly to: string;
  readonly json?: boolean;
}

async function setUp(wheels: string | undefined, options: SetupOptions, command: Command): Promise<void> {
  const json = options.json === true || command.parent?.opts<{ json?: boolean }>().json === true;
  const request: SetupRequest = {
    system: requireCudaSystem(),
    folder: typedOutput(options.to),
    signal: interruptSignal(),
    onProgress: ({ phase, package: name, doneBytes, totalBytes }) => {
      showProgress(totalBytes === 0 ? 1 : doneBytes / totalBytes, `${phase} ${name}`);
    },
  };
  const plan = await planSetup(request);
  if (plan.missing.length > 0) {
    if (wheels !== undefined) await setUpFromWheels(request, typedAbsolute(wheels));
    else if (options.pip === true) await setUpWithTool(request, await requireTool(plan));
    else {
      if (json) printJson(plan);
      else print(describePlan(plan));
      return;
    }
  }
  endProgress();
  process.env['LIKENESS_LAB_CUDA'] = request.folder;
  const { cuda, providers } = await probe();
  if (json) printJson({ folder: request.folder, cuda });
  else if (cuda !== null)
    print(`The libraries are in ${request.folder}.\n\n${describe({ kind: 'probe', cuda, providers })}`);
  if (cuda?.complete !== true) process.exitCode = 1;
}

/** In an engine of its own: a broken library can end the process that loads it. */
async function probe(): Promise<ProbeResult> {
  const engine = new EngineClient(spawnEngine);
  try {
    return await engine.request<'probe'>({ kind: 'probe', params: {} });
  } finally {
    await engine.close();
  }
}

/** @throws AppError download.failed */
async function requireTool(plan: SetupPlan): Promise<PipTool> {
  const tool = await findPipTool();
  if (tool !== null) return tool;
  throw new AppError('download.failed', 'Neither pip nor uv was found on this computer.', {
    remedy: `Install Python or uv, or download the wheels of ${namesOf(plan)} and name their folder.`,
  });
}

const namesOf = ({ missing }: SetupPlan): string => missing.map(({ name }) => name).join(', ');

function describePlan(plan: SetupPlan): string {
  return [
    `To set up: ${namesOf(plan)}.`,
    `Download ${formatBytes(plan.downloadBytes)}, on the disk ${formatBytes(plan.unpackedBytes)}; ${formatBytes(plan.freeBytes)} are free in ${plan.folder}.`,
    '',
    'Let pip or uv download them:     cli providers setup-cuda --pip',
    'From wheels in a folder:         cli providers setup-cuda FOLDER',
    'Or by one line in a shell:',
    '',
    plan.line,
  ].join('\n');
}

function describe({ providers, cuda }: ProbeResult): string {
  const rows = providers.map(({ provider, available, detail }) => [provider, available ? 'yes' : 'no', detail]);
  const table = formatTable([['provider', 'works', ''], ...rows]);
  return cuda === null ? table : `${table}\n\n${describeCuda(cuda)}`;
}

function describeCuda({ driver, parts, searched }: CudaReport): string {
  const cards = driver.cards.map(({ name, memoryBytes }) =>
    memoryBytes === null ? name : `${name}, ${formatBytes(memoryBytes)}`,
  );
  const said = { present: 'present', missing: 'missing', old: 'too old' }[driver.state];
  const rows = [
    ['cuda needs', 'state', 'found', 'expected', 'where'],
    ['NVIDIA driver', said, driver.found ?? '–', `${CUDA_DRIVER} or newer`, cards.join('; ')],
    ...parts.map(({ name, state, found, expected, file, problem }) => [
      name,
      state.replace('-', ' '),
      found ?? (state === 'missing' ? '–' : 'unknown'),
      expected,
      state === 'present' ? (file ?? '') : (problem ?? ''),
    ]),
  ];
  const missing = parts.some(({ state }) => state === 'missing');
  return missing
    ? `${formatTable(rows)}\n\nLooked in:\n${searched.map((folder) => `  ${folder}`).join('\n')}`
    : formatTable(rows);
}

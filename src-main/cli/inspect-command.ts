/** `inspect`: the contents of a pack folder, or of a single file. */
import { stat } from 'node:fs/promises';
import { Command } from 'commander';
import { typedAbsolute } from '../disk/paths.js';
import { describePlace } from '../engine/pack/describe-place.js';
import { inspectPack } from '../engine/pipeline/packs/inspect-pack.js';
import { listTensors, type ListedTensor } from '../engine/pipeline/packs/inspect-tensors.js';
import type { PlaceDescription } from '../engine/protocol/audit-report.js';
import { WEIGHT_FORMATS, type InspectResult } from '../engine/protocol.js';
import { formatBytes } from '../services/support/byte-size.js';
import { formatTable, interruptSignal, print, printJson } from './terminal.js';

interface InspectOptions {
  readonly json?: boolean;
  readonly tensors?: boolean;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('List the components of a pack or the networks in a file: tensors, dtypes, what is missing or wrong.')
    .argument('<path>', 'model pack, a folder in the upstream layouts, or a file of any layout')
    .option('--tensors', 'every tensor with its diffusers or transformers name, type and hash of its values')
    .option('--json', 'print as JSON')
    .action(async (given: string, options: InspectOptions) => {
      const path = typedAbsolute(given);
      if (options.tensors === true) {
        const tensors = await listTensors(path, interruptSignal());
        if (options.json === true) printJson({ tensors });
        else print(describeTensors(tensors));
      } else if ((await stat(path).catch(() => null))?.isFile() === true) {
        const described = await describePlace(path);
        if (options.json === true) printJson(described);
        else print(describeFile(described));
        if (described.finding !== null || described.parts.some(({ state }) => state !== 'ok')) process.exitCode = 1;
      } else {
        const result = await inspectPack(path);
        if (options.json === true) printJson(result);
        else print(describe(result));
        if (!result.complete) process.exitCode = 1;
      }
    });
}

function describeTensors(tensors: readonly ListedTensor[]): string {
  const rows = tensors.map(({ part, name, shape, type, sha256 }) => [
    part,
    name,
    `[${shape.join(', ')}]`,
    type,
    sha256,
  ]);
  return formatTable([['part', 'tensor', 'shape', 'type', 'sha-256 of its f32 values'], ...rows]);
}

function describeFile({ path, parts, finding }: PlaceDescription): string {
  const rows = parts.map(({ part, tensors, bytes, dtypes }) => [
    part,
    String(tensors ?? ''),
    formatBytes(bytes),
    dtypes.join(', '),
  ]);
  const findings = [...(finding === null ? [] : [finding]), ...parts.flatMap((part) => part.findings)];
  return [
    path,
    ...(rows.length === 0 ? [] : [formatTable([['part', 'tensors', 'on disk', 'types'], ...rows])]),
    ...findings.flatMap(({ sentence, remedy }) => [sentence, `  ${remedy}`]),
  ].join('\n');
}

function describe(result: InspectResult): string {
  const rows = result.components.map((component) => [
    component.component,
    component.missing.length > 0 ? 'missing' : `${component.tensors} tensors in ${component.files} files`,
    `${(component.parameters / 1e6).toFixed(2)} M`,
    formatBytes(component.bytes),
    component.dtypes.join(', '),
    ...WEIGHT_FORMATS.map((format) => {
      const bytes = component.bytesPerFormat[format];
      return bytes === undefined ? '' : formatBytes(bytes);
    }),
  ]);
  const missing = result.components.flatMap(({ component, missing: items }) =>
    items.map((item) => `  ${component}: ${item}`),
  );
  return [
    `${result.name} (${result.licence})`,
    `face detection: ${result.faceDetection}; variants: ${result.modelVariants.join(', ')}`,
    formatTable([['component', 'tensors', 'parameters', 'on disk', 'dtypes', ...WEIGHT_FORMATS], ...rows]),
    ...(missing.length > 0 ? ['Missing:', ...missing] : []),
    result.complete ? 'Complete.' : 'Incomplete: it cannot make pictures.',
  ].join('\n');
}

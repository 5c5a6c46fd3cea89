/** `inspect`: the contents of a pack folder. */
import { Command } from 'commander';
import { inspectPack } from '../engine/pipeline/packs/inspect-pack.js';
import { WEIGHT_FORMATS, type InspectResult } from '../engine/protocol.js';
import { formatBytes } from '../services/support/byte-size.js';
import { formatTable, print, printJson } from './terminal.js';

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('List the components of a pack: tensors, dtypes, missing files, bytes per format.')
    .argument('<folder>', 'model pack, or a folder in the upstream layouts')
    .option('--json', 'print as JSON')
    .action(async (folder: string, options: { readonly json?: boolean }) => {
      const result = await inspectPack(folder);
      if (options.json === true) printJson(result);
      else print(describe(result));
      if (!result.complete) process.exitCode = 1;
    });
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

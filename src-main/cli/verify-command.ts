/** `verify`: recomputes the tensors of a reference folder. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { typedAbsolute } from '../disk/paths.js';
import { removeFolder } from '../disk/patience.js';
import type { Provider } from '../engine/protocol.js';
import type { Check } from '../engine/verify/checks.js';
import { verifyFolder } from '../engine/verify/verify-folder.js';
import { computeOption, deviceOption, providerOption } from './run-options.js';
import { formatTable, interruptSignal, print, printJson } from './terminal.js';

export function verifyCommand(): Command {
  return new Command('verify')
    .description("Recompute every tensor of a reference folder's expected values; exit code 1 if one is off.")
    .argument('<folder>', 'folder laid out like test/fixtures/reference-tiny')
    .addOption(providerOption())
    .addOption(deviceOption())
    .addOption(computeOption())
    .option('--json', 'print the checks as JSON')
    .action(run);
}

interface VerifyOptions {
  readonly provider: Provider;
  readonly deviceId: number;
  readonly compute?: 'f32' | 'f16';
  readonly json?: boolean;
}

async function run(folder: string, options: VerifyOptions): Promise<void> {
  const checks: Check[] = [];
  const cacheDir = await mkdtemp(join(tmpdir(), 'likeness-lab-verify-'));
  try {
    await verifyFolder({
      folder: typedAbsolute(folder),
      provider: options.provider,
      deviceId: options.deviceId,
      ...(options.compute === undefined ? {} : { compute: options.compute }),
      cacheDir,
      signal: interruptSignal(),
      report: (check) => checks.push(check),
    });
  } finally {
    await removeFolder(cacheDir).catch(() => undefined);
  }
  const failed = checks.filter(({ pass }) => !pass).length;
  if (options.json === true) {
    printJson({ provider: options.provider, passed: checks.length - failed, failed, checks });
  } else {
    const rows = checks.map((check) => [
      check.pass ? 'pass' : 'FAIL',
      check.name,
      check.error.toExponential(2),
      `≤ ${check.limit.toExponential(0)}`,
      `${check.measure}${check.note === null ? '' : `, ${check.note}`}`,
    ]);
    print(formatTable([['', 'tensor', 'error', 'limit', 'measure'], ...rows]));
    print(`${checks.length - failed} passed, ${failed} failed`);
  }
  if (failed > 0) process.exitCode = 1;
}

/**
 * Helper process of bindings.spec.ts: makes, runs and releases sessions of the C API in rounds, with refused runs and
 * models between them, and prints the resident set after each round.
 */
import type { SessionSettings } from '../../../src-main/engine/runtime/binding.js';
import { capiBinding } from '../../../src-main/engine/runtime/capi/capi-binding.js';
import { randomGraph } from './random-graph.js';

const [file = '', rounds = '', sessions = ''] = process.argv.slice(2);
const settings: SessionSettings = {
  provider: 'cpu',
  deviceId: 0,
  optimize: true,
  logSeverity: 4,
  configEntries: { 'optimization.disable_specified_optimizers': 'ConstantFolding' },
};
const binding = capiBinding(file);
const graphs = Array.from({ length: 10 }, (_, seed) => randomGraph(seed));
const resident: number[] = [];
for (let round = 0; round < Number(rounds); round++) {
  for (let i = 0; i < Number(sessions); i++) {
    const { model, feeds, outputs } = graphs[i % graphs.length] as (typeof graphs)[number];
    const session = await binding.open(model, settings);
    session.hold(feeds);
    await session.run({}, outputs);
    await session.run({ unknown: { data: new Float32Array(1), dims: [1] } }, outputs).catch(() => undefined);
    await session.release();
    await binding.open(model.subarray(0, 40), settings).catch(() => undefined);
    const aborted = AbortSignal.abort();
    await binding.open(model, { ...settings, signal: aborted }).catch(() => undefined);
  }
  globalThis.gc?.();
  resident.push(process.memoryUsage.rss());
}
process.stdout.write(JSON.stringify(resident));
process.exit(0);

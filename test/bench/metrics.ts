/**
 * Seconds for all metrics and the heat map of a 1024 × 1024 pair on one core (`node dist/main/bench-metrics.js`).
 * The first run includes compiling; a worker that stays pays it once.
 */
import { flipMap, summarizeFlip } from '../../src-main/compare/measures/flip.js';
import { magmaPicture } from '../../src-main/compare/measures/magma.js';
import { comparePictures } from '../../src-main/compare/measures/picture-metrics.js';
import type { Picture } from '../../src-main/compare/measures/picture.js';
import { ssimMap } from '../../src-main/compare/measures/ssim.js';

const SIDE = 1024;
const RUNS = 9;

/** A smooth scene and the same with a small pattern of differences everywhere, as quantization makes. */
function scene(difference: number): Picture {
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let i = 0; i < data.length; i += 1) {
    const pixel = Math.floor(i / 3);
    const x = pixel % SIDE;
    const y = Math.floor(pixel / SIDE);
    const wave = Math.sin(x / 37 + (i % 3)) * Math.cos(y / 53);
    data[i] = Math.round(128 + 90 * wave + difference * Math.sin(x * 1.7 + y * 2.3));
  }
  return { width: SIDE, height: SIDE, data };
}

const seconds = (milliseconds: number | undefined): string => `${((milliseconds ?? 0) / 1000).toFixed(3)} s`;

/** CPU time next to wall time: on a shared machine the wall time measures the neighbours too. */
function measure(name: string, work: () => unknown): void {
  const runs = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    const cpu = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(cpu);
    return { wall: performance.now() - start, cpu: (user + system) / 1000 };
  });
  const wall = runs.map((run) => run.wall).toSorted((a, b) => a - b);
  const cpu = runs.map((run) => run.cpu).toSorted((a, b) => a - b);
  process.stdout.write(
    `${name.padEnd(24)} first ${seconds(runs[0]?.wall)}, median ${seconds(wall[RUNS >> 1])}, ` +
      `best ${seconds(wall[0])}; CPU median ${seconds(cpu[RUNS >> 1])}, best ${seconds(cpu[0])}\n`,
  );
}

const a = scene(0);
const b = scene(6);
measure('all metrics and heat map', () => {
  const metrics = comparePictures(a, b, { faceBox: [256, 256, 768, 768] });
  return magmaPicture(metrics.flipMap, SIDE, SIDE);
});
measure('FLIP', () => summarizeFlip(flipMap(a, b)));
measure('SSIM', () => ssimMap(a, b));

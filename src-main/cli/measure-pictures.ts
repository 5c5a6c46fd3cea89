/** From the pictures of a comparison to the numbers and images of its report. */
import { join } from 'node:path';
import { faceCosine, type FaceEmbeddings, type ScoredFace } from '../compare/measures/face-encoders.js';
import { magmaPicture } from '../compare/measures/magma.js';
import { phaseFigures } from '../compare/report/phase-figures.js';
import { comparePictures, type Box } from '../compare/measures/picture-metrics.js';
import type { Picture } from '../compare/measures/picture.js';
import type { ReportPicture, ReportVariant } from '../compare/report/report-data.js';
import { present, summarizeVariants, type MeasuredVariant } from '../compare/report/variant-summary.js';
import { variantName } from '../base/variant-name.js';
import { defined } from '../base/assert.js';
import { readImage } from '../engine/image/read-image.js';
import { makeThumbnail } from '../engine/image/thumbnail.js';
import type { CompareRun, ConfigurationRuns } from './compare-runs.js';
import { median, stepMedian } from '../compare/statistics/medians.js';
import { memoryOfRun } from './run-figures.js';

/** Longest side of the pictures inside the HTML file: sharp on a high-density screen at 12rem, and 40 of them stay a few MB. */
const INLINE_SIDE = 384;

interface MeasureOptions {
  readonly reportDir: string;
  readonly pixelsPerDegree: number;
  /** Face of the reference's picture by seed; null where none was found. */
  readonly faceBoxes: ReadonlyMap<number, Box | null>;
}

async function inline(picture: Picture): Promise<string> {
  const webp = await makeThumbnail(picture, INLINE_SIDE);
  return `data:image/webp;base64,${Buffer.from(webp).toString('base64')}`;
}

function firstOf(runs: readonly CompareRun[], seed: number): CompareRun {
  return defined(
    runs.find((run) => run.seed === seed && run.repeat === 0),
    'the first run of a seed',
  );
}

function embeddingsOf({ result }: CompareRun): FaceEmbeddings {
  const embedded = result.faceScores.flatMap(({ weightHash, embedding }): [string, Float32Array][] =>
    weightHash === null || embedding === null ? [] : [[weightHash, Float32Array.from(embedding)]],
  );
  return new Map(embedded);
}

function facesOf(run: CompareRun, base: CompareRun | null): ScoredFace[] {
  const [own, other] = [embeddingsOf(run), base === null ? null : embeddingsOf(base)];
  return run.result.faceScores.map(({ encoder, weightHash, conditioned, identityScore }) => {
    const cosine = other === null ? null : faceCosine({ weightHash }, own, other);
    return { encoder, weightHash, conditioned, identityScore, faceCosine: cosine };
  });
}

/**
 * Compares every picture with the reference configuration's at its seed, and every repeat with its own first run.
 *
 * @param configurations the first is the reference
 * @throws AppError image.unreadable
 */
export async function measurePictures(
  configurations: readonly ConfigurationRuns[],
  options: MeasureOptions,
): Promise<ReportVariant[]> {
  const reference = defined(configurations[0], 'the reference configuration');
  const read = (run: CompareRun): Promise<Picture> => readImage(join(options.reportDir, run.file));
  const out: (Omit<MeasuredVariant, 'pictures'> & { readonly pictures: readonly ReportPicture[] })[] = [];
  for (const { formats, runs } of configurations) {
    const pictures: ReportPicture[] = [];
    for (const run of runs) {
      const own = await read(run);
      const base =
        run.repeat > 0 ? firstOf(runs, run.seed) : runs === reference.runs ? null : firstOf(reference.runs, run.seed);
      const metrics =
        base === null
          ? null
          : comparePictures(await read(base), own, {
              pixelsPerDegree: options.pixelsPerDegree,
              faceBox: options.faceBoxes.get(run.seed) ?? null,
            });
      pictures.push({
        seed: run.seed,
        prompt: 0,
        repeat: run.repeat,
        file: run.file,
        pictureUrl: run.repeat > 0 ? null : await inline(own),
        heatMapUrl:
          metrics === null || run.repeat > 0
            ? null
            : await inline(magmaPicture(metrics.flipMap, own.width, own.height)),
        difference: metrics,
        faces: facesOf(run, base),
        notes: {
          decode: run.result.decode,
          spill: run.result.spill,
          retry: run.ranOut,
          identityState: run.result.identityState,
          secondEncoder: run.result.secondEncoder,
        },
      });
    }
    const memory = memoryOfRun(defined(runs[0], 'the first run').result);
    out.push({
      name: variantName(formats),
      formats,
      loadBytes: memory.load,
      peakBytes: memory.peak,
      totalSeconds: median(runs.map(({ result }) => result.totalSeconds)) ?? 0,
      stepSeconds: median(present(runs.map(({ result }) => stepMedian(result.stepSeconds)))) ?? 0,
      phases: phaseFigures(runs.map(({ result }) => result.phases)),
      pictures,
    });
  }
  return summarizeVariants(out).map((summary, i) => ({ ...summary, pictures: out[i]?.pictures ?? [] }));
}

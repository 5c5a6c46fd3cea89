/** Fills a store with finished runs as a long-time user would have them. Seeded: the same rows every time. */
import { PROVIDERS } from '../../src-main/contract/formats.js';
import type { RunSettings } from '../../src-main/contract/generation-settings.js';
import type { Store } from '../../src-main/store/store.js';

const SUBJECTS = ['portrait', 'astronaut', 'violinist', 'sailor', 'botanist', 'dancer', 'pilot', 'baker', 'knight'];
const PLACES = ['in a greenhouse', 'on a rainy street', 'under studio light', 'at the harbour', 'in a library'];
const STYLES = ['film grain', 'soft light', 'oil painting', '35mm photo', 'watercolour', 'golden hour', 'neon'];
const TAGS = ['keep', 'print', 'client', 'study', 'reference'];

/** Mulberry32: small, seeded, good enough to spread rows. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Id of the run with a number; 0-based. */
/** InfuseNet's formats in a comparison. */
const VARIED = ['16-bit', 'fp8', 'int8', 'int4', 'nf4'] as const;

export function rowId(index: number): string {
  return `row-${index.toString(36).padStart(12, '0')}`;
}

/**
 * @param count of runs, in comparisons of five: the five InfuseNet formats at one seed and prompt
 * @param startMs time of the first; the others follow every ten minutes
 */
export function fillGallery(store: Store, count: number, startMs = Date.UTC(2026, 0, 1)): void {
  const next = random(2026);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T;
  store.db.transaction(() => {
    for (let first = 0; first < count; first += 5) {
      const comparisonId = `cmp-${first.toString(36).padStart(12, '0')}`;
      const prompt = `${pick(SUBJECTS)} ${pick(PLACES)}, ${pick(STYLES)}, take ${Math.floor(next() * 1000)}`;
      const settings: Omit<RunSettings, 'formats'> = {
        packId: 'demo',
        provider: pick(PROVIDERS),
        modelVariant: next() < 0.7 ? 'aes_stage2' : 'sim_stage1',
        identityId: `face-${Math.floor(next() * 40)}`,
        faceIndex: 0,
        poseId: null,
        steps: pick([10, 20, 30]),
        width: pick([768, 864, 1024]),
        height: pick([1024, 1152]),
        guidance: 3.5,
        conditioningScale: pick([0.9, 1]),
        start: pick([0, 0.1]),
        end: 1,
        loras: [],
        prompt,
        seed: Math.floor(next() * 2 ** 32),
      };
      const size = Math.min(5, count - first);
      const createdAtMs = startMs + (first / 5) * 600_000;
      store.comparisons.create(
        { id: comparisonId, title: prompt.slice(0, 60), createdAtMs, referenceRunId: rowId(first) },
        Array.from({ length: size }, (_, i) => ({
          id: rowId(first + i),
          cellIndex: i,
          runOrder: i,
          repeat: 1,
          settings: {
            ...settings,
            formats: { flux: pick(['16-bit', 'int8'] as const), t5: 'int8', infusenet: VARIED[i] ?? 'nf4' },
          },
        })),
      );
      for (let i = 0; i < size; i += 1) {
        const runId = rowId(first + i);
        const peak = Math.round((12 + next() * 20) * 2 ** 30);
        store.runs.finish(runId, {
          result: {
            phases: [
              {
                phase: 'load',
                seconds: 8,
                devicePeakBytes: peak - 2 ** 30,
                deviceEndBytes: peak - 2 ** 30,
                hostPeakBytes: 2 ** 29,
                hostEndBytes: 2 ** 29,
                weightBytes: peak - 2 ** 31,
                deviceSource: 'generated',
                hostSource: 'generated',
              },
              {
                phase: 'denoise',
                seconds: 30,
                devicePeakBytes: peak,
                deviceEndBytes: peak,
                hostPeakBytes: 2 ** 29,
                hostEndBytes: 2 ** 29,
                weightBytes: peak - 2 ** 31,
                deviceSource: 'generated',
                hostSource: 'generated',
              },
            ],
            stepSeconds: Array.from({ length: settings.steps }, () => 1 + next()),
            computeDtype: 'f16',
            weightHashes: { flux: 'generated' },
            weightTypes: {},
            keepList: [],
            versions: {},
            pixelHash: `generated-${first + i}`,
            previewSteps: [],
            decode: { mode: 'whole', tiles: 1, reason: 'fits', wholeBytes: 2 ** 30, freeBytes: null },
            weightPlaces: null,
            spill: null,
            faceScores: [],
            secondEncoder: null,
          },
          identityScore: next() < 0.05 ? null : 0.5 + next() * 0.45,
          identityState: 'scored',
          faceEmbeddings: [],
          totalSeconds: 30 + next() * 100,
          finishedAtMs: createdAtMs + i * 60_000,
        });
        const stars = Math.floor(next() * 12);
        if (stars >= 1 && stars <= 5) store.gallery.rate([runId], stars);
        if (next() < 0.2) store.gallery.addTag([runId], pick(TAGS));
      }
    }
    store.comparisons.dismissFinished();
  });
}

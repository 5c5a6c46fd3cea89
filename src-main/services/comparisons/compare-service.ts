/** The table of a comparison, and heat maps. Pixels are compared once per pair; the result is kept. */
import { AppError, isAbort } from '../../base/app-error.js';
import { faceBy, faceCosine, type ScoredFace } from '../../compare/measures/face-encoders.js';
import { DEFAULT_PIXELS_PER_DEGREE } from '../../compare/measures/flip.js';
import type { Box } from '../../compare/measures/picture-metrics.js';
import type { CompareRow, CompareTable, CompareVariant, PictureDifference } from '../../contract/compare-data.js';
import { differingFields } from '../../contract/generation-settings.js';
import type { DetectedFaces } from '../../contract/photo.js';
import type { RunDetail } from '../../contract/run.js';
import type { Store } from '../../store/store.js';
import { stepMedian } from '../../compare/statistics/medians.js';
import { pairRuns, type PairedRun, type PairedVariant } from './pair-runs.js';
import type { PictureLab } from '../pictures/picture-lab.js';
import { summaries, type MeasuredRuns } from './report-input.js';
import type { Measuring } from '../runs/measuring.js';
import type { TrajectoryPair, Trajectories } from '../runs/trajectories.js';

/** Up to 2 MB each: enough for the panes on screen and a few before. */
const KEPT_HEAT_MAPS = 24;

const minus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a - b);
const sameSize = (a: RunDetail, b: RunDetail): boolean => a.width === b.width && a.height === b.height;

export class CompareService {
  readonly #store: Store;
  readonly #lab: PictureLab;
  readonly #trajectories: Pick<Trajectories, 'drifts'>;
  readonly #facesOf: (runId: string) => Promise<DetectedFaces>;
  readonly #measuring: Measuring | null;
  readonly #heatMaps = new Map<string, Uint8Array>();

  /** @param facesOf faces in a finished picture, largest first; throws where they cannot be detected */
  constructor(
    store: Store,
    lab: PictureLab,
    trajectories: Pick<Trajectories, 'drifts'>,
    facesOf: (runId: string) => Promise<DetectedFaces>,
    measuring: Measuring | null,
  ) {
    this.#store = store;
    this.#lab = lab;
    this.#trajectories = trajectories;
    this.#facesOf = facesOf;
    this.#measuring = measuring;
  }

  get #pixelsPerDegree(): number {
    return this.#measuring?.pixelsPerDegree ?? DEFAULT_PIXELS_PER_DEGREE;
  }

  /** One row per run, in their order, and the variants. @throws AppError run.not-found */
  async table(referenceRunId: string, runIds: readonly string[]): Promise<CompareTable> {
    const measured = await this.measure(referenceRunId, runIds);
    const rows = new Map(
      measured.variants.flatMap(({ runs }) => runs.map((paired) => [paired.run.id, rowOf(paired, measured)])),
    );
    return {
      referenceRunId,
      rows: runIds.flatMap((runId) => rows.get(runId) ?? []),
      variants: variantsOf(measured),
      memorySources: [...measured.memorySources],
      pixelsPerDegree: measured.pixelsPerDegree,
      faceNote: measured.faceNote,
    };
  }

  /** Which run is compared with which. @throws AppError run.not-found */
  pair(referenceRunId: string, runIds: readonly string[]): PairedVariant[] {
    return pairRuns(
      this.#finished(referenceRunId),
      runIds.map((runId) => this.#finished(runId)),
    );
  }

  /** Compares every run with its counterpart. @throws AppError run.not-found */
  async measure(referenceRunId: string, runIds: readonly string[]): Promise<MeasuredRuns> {
    const reference = this.#finished(referenceRunId);
    const variants = this.pair(referenceRunId, runIds);
    const differences = new Map<string, PictureDifference>();
    const pairs: TrajectoryPair[] = [];
    const scored = new Map<string, readonly ScoredFace[]>();
    const sources = new Set<string>();
    const faces = new Faces(this.#facesOf);
    for (const { run, base } of variants.flatMap(({ runs }) => runs)) {
      for (const phase of run.result?.phases ?? []) sources.add(phase.deviceSource ?? phase.hostSource);
      scored.set(run.id, this.#facesOfPair(run, base));
      if (base === null || !sameSize(run, base)) continue;
      pairs.push({ runId: run.id, baseRunId: base.id });
      const difference = await this.#difference(base, run, faces);
      if (difference !== null) differences.set(run.id, difference);
    }
    const drifts = await this.#trajectories.drifts(pairs);
    return {
      reference,
      variants,
      differences,
      drifts,
      faces: scored,
      memorySources: [...sources],
      faceNote: faces.note,
      pixelsPerDegree: this.#pixelsPerDegree,
      freshEngines: this.#measuring !== null,
    };
  }

  /** PNG of a run's FLIP from another. @throws AppError run.not-found, image.unreadable */
  async heatMap(baseRunId: string, runId: string): Promise<Uint8Array> {
    const key = `${baseRunId}.${runId}`;
    const kept = this.#heatMaps.get(key);
    if (kept !== undefined) return kept;
    const { files } = this.#store;
    const png = await this.#lab.run<'heat-map'>({
      kind: 'heat-map',
      reference: files.picture(this.#finished(baseRunId).id),
      path: files.picture(this.#finished(runId).id),
      pixelsPerDegree: this.#pixelsPerDegree,
    });
    if (png === null) {
      throw new AppError('compare.different-sizes', 'The two pictures have different sizes.', {
        remedy: 'Choose a reference of the same size.',
      });
    }
    this.#heatMaps.set(key, png);
    const [oldest] = this.#heatMaps.keys();
    if (this.#heatMaps.size > KEPT_HEAT_MAPS && oldest !== undefined) this.#heatMaps.delete(oldest);
    return png;
  }

  /** A run's scores, with the cosine of its face with that of its base. */
  #facesOfPair(run: RunDetail, base: RunDetail | null): ScoredFace[] {
    const { runs } = this.#store;
    const [own, other] = [runs.faceEmbeddings(run.id), base === null ? null : runs.faceEmbeddings(base.id)];
    return (run.result?.faceScores ?? []).map((face) => ({
      ...face,
      faceCosine: other === null ? null : faceCosine(face, own, other),
    }));
  }

  async #difference(base: RunDetail, run: RunDetail, faces: Faces): Promise<PictureDifference | null> {
    const { differences, files } = this.#store;
    const faceBox = await faces.box(base);
    const kept = differences.get(base.id, run.id);
    // Measured again if faces could not be detected the first time.
    if (kept !== null && (kept.face !== null || faceBox === null)) return kept;
    const difference = await this.#lab.run<'difference'>({
      kind: 'difference',
      reference: files.picture(base.id),
      path: files.picture(run.id),
      faceBox,
      pixelsPerDegree: this.#pixelsPerDegree,
    });
    if (difference !== null) differences.save(base.id, run.id, difference);
    return difference;
  }

  #finished(runId: string): RunDetail {
    const run = this.#store.runs.get(runId);
    if (run?.status !== 'done') {
      throw new AppError('run.not-found', 'A picture of this comparison is missing or not finished.', {
        remedy: 'Choose finished pictures.',
        details: { runId },
      });
    }
    return run;
  }
}

/** Face boxes for one table; after a failure (such as a missing pack) detection is not tried again. */
class Faces {
  readonly #facesOf: (runId: string) => Promise<DetectedFaces>;
  note: string | null = null;

  constructor(facesOf: (runId: string) => Promise<DetectedFaces>) {
    this.#facesOf = facesOf;
  }

  async box(run: RunDetail): Promise<Box | null> {
    if (this.note !== null) return null;
    try {
      const [face] = (await this.#facesOf(run.id)).faces;
      return face?.box ?? null;
    } catch (error) {
      if (isAbort(error) || !(error instanceof AppError)) throw error;
      this.note = `Face and surroundings are not measured separately: ${error.message}`;
      return null;
    }
  }
}

function rowOf({ run, role, base }: PairedRun, { reference, differences, drifts, faces }: MeasuredRuns): CompareRow {
  const difference = differences.get(run.id) ?? null;
  const drift = drifts.get(run.id);
  return {
    runId: run.id,
    role,
    baseRunId: base?.id ?? null,
    difference,
    note:
      base === null || sameSize(base, run)
        ? null
        : `The reference is ${base.width}×${base.height}, this picture ${run.width}×${run.height}: pixels cannot be compared.`,
    drift: drift === undefined ? null : [...drift],
    differingFields: differingFields(reference.settings, run.settings),
    loadBytes: run.loadBytes,
    loadDelta: minus(run.loadBytes, base?.loadBytes ?? null),
    peakBytes: run.peakBytes,
    peakDelta: minus(run.peakBytes, base?.peakBytes ?? null),
    totalSeconds: run.totalSeconds,
    secondsDelta: minus(run.totalSeconds, base?.totalSeconds ?? null),
    stepSeconds: stepMedian(run.result?.stepSeconds ?? []),
    faces: (faces.get(run.id) ?? []).map((face) => ({
      ...face,
      delta: minus(face.identityScore, faceBy(face, base?.result?.faceScores ?? [])?.identityScore ?? null),
    })),
  };
}

/** Mean by step; null without a measured run. */
function meanDrift(drifts: readonly (readonly number[])[]): number[] | null {
  const measured = drifts.filter(({ length }) => length > 0);
  const steps = Math.min(...measured.map(({ length }) => length));
  if (measured.length === 0) return null;
  return Array.from({ length: steps }, (_, step) =>
    measured.reduce((sum, drift) => sum + (drift[step] ?? 0) / measured.length, 0),
  );
}

/** The summaries with their runs and mean drift. */
function variantsOf(measured: MeasuredRuns): CompareVariant[] {
  return summaries(measured).map((summary, i) => {
    const runIds = (measured.variants[i]?.runs ?? []).map(({ run }) => run.id);
    return { ...summary, runIds, drift: meanDrift(runIds.flatMap((runId) => [measured.drifts.get(runId) ?? []])) };
  });
}

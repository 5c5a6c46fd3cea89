/** Kept output errors of a component's current weights, which can decide a mix. */
import { readdir } from 'node:fs/promises';
import { fingerprint } from '../../convert/fingerprint.js';
import type { KeptMeasurementsRequest, KeptMeasurementsResult, OutputErrors } from '../../protocol.js';
import { keptJson } from '../networks/kept-json.js';
import { outputErrorsFile } from './output-errors-file.js';
import { withRunComponent } from './run-component.js';

/** Enough for a person to choose from; others stay on disk. */
const MOST = 50;
/** Ids are 8 hex digits; see `output-errors.ts`. */
const ID = /\.([0-9a-f]{8})\.v\d+\.json$/;

/** @throws AppError of opening the pack and the LoRAs; AbortError */
export async function keptMeasurements(
  request: KeptMeasurementsRequest,
  signal?: AbortSignal,
): Promise<KeptMeasurementsResult> {
  const { cachePath, component } = request;
  return withRunComponent(request, component, signal, async (network) => {
    const weights = await fingerprint(network.source, network.include);
    const names = await readdir(cachePath).catch(() => []);
    const found: KeptMeasurementsResult['measurements'][number][] = [];
    for (const name of names) {
      const id = ID.exec(name)?.[1];
      if (id === undefined || found.length === MOST) continue;
      const file = outputErrorsFile(cachePath, component, weights, id);
      if (!file.endsWith(name)) continue;
      const kept = await keptJson<OutputErrors>(file);
      if (kept !== null) found.push({ id, about: kept.about });
    }
    return { kind: 'kept-measurements', measurements: found };
  });
}

/** Verifies all parts of a reference folder: networks, formats and face geometry. */
import { join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import type { ComputeProfile } from '../graph/compute-profile.js';
import type { PrepareContext } from '../pipeline/networks/prepared.js';
import type { DeviceChoice } from '../protocol.js';
import { computeProfile, profileWithDtype } from '../runtime/providers.js';
import { openTensorFile } from '../weights/open-tensor-file.js';
import type { TensorSource } from '../weights/tensor-source.js';
import type { Check } from './checks.js';
import { verifyFace } from './verify-face.js';
import { hasFile } from './verify-context.js';
import { verifyNetworks } from './verify-networks.js';
import { verifyQuant } from './verify-quant.js';

export interface VerifyRequest extends DeviceChoice {
  /** Laid out like test/fixtures/reference-tiny. */
  readonly folder: string;
  /** Dtype on the provider's device; default its own choice. */
  readonly compute?: ComputeProfile['dtype'];
  readonly cacheDir: string;
  readonly signal?: AbortSignal;
  readonly report: (check: Check) => void;
}

/** @throws AppError pack.incomplete when the folder has no reference file; errors of the readers */
export async function verifyFolder(request: VerifyRequest): Promise<void> {
  const { folder, provider, deviceId = 0, compute, report } = request;
  const prepare: PrepareContext = {
    provider,
    deviceId,
    profile: await (compute === undefined
      ? computeProfile(provider, deviceId)
      : profileWithDtype({ provider, deviceId }, compute)),
    cacheDir: request.cacheDir,
    exact: true,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
  let parts = 0;
  const withFile = async (name: string, work: (source: TensorSource) => Promise<void>): Promise<void> => {
    if (!(await hasFile(folder, name))) return;
    parts++;
    const source = await openTensorFile(join(folder, name));
    try {
      await work(source);
    } finally {
      await source.close();
    }
  };
  await withFile('expected.safetensors', (expected) => verifyNetworks({ folder, expected, prepare, report }));
  await withFile('quant.safetensors', (source) => verifyQuant({ source, prepare, report }));
  await withFile('face.safetensors', (source) => verifyFace(folder, source, report));
  if (parts > 0) return;
  throw new AppError(
    'pack.incomplete',
    `${folder} contains none of expected.safetensors, quant.safetensors and face.safetensors.`,
    { remedy: 'Choose a reference folder laid out like test/fixtures/reference-tiny.' },
  );
}

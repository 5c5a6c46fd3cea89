/** From prepared weights to a session: builds the graph, checks that every tensor is used, loads it. */
import { parse } from 'node:path';
import { AppError } from '../../../base/app-error.js';
import { invariant } from '../../../base/assert.js';
import { driveOf } from '../../../disk/paths.js';
import { GraphBuilder } from '../../graph/graph-builder.js';
import type { InputTap } from '../../graph/input-tap.js';
import type { ComputeProfile } from '../../graph/compute-profile.js';
import { Network } from '../../graph/network.js';
import { partsOf, WeightBook, type StoredTensor } from '../../graph/stored-tensor.js';
import type { DeviceChoice } from '../../protocol.js';
import { locateFromRoot, openSession, type Session, type SessionOptions } from '../../runtime/session.js';

export interface NetworkWeights {
  /** Named in errors, such as "FLUX". */
  readonly label: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Creates networks for one graph. */
export interface NetworkBuilder {
  readonly g: GraphBuilder;
  /** @param tap receives the inputs of the linears */
  network(weights: NetworkWeights, profile: ComputeProfile, prefix: string, tap?: InputTap | null): Network;
}

export interface NetworkRequest {
  readonly label: string;
  /** Its signal ends loading and runs, where the provider's binding can. */
  readonly device: DeviceChoice & { readonly signal?: AbortSignal };
  readonly build: (builder: NetworkBuilder) => void;
  readonly profilePrefix?: string;
  /** As in `SessionOptions`. */
  readonly repeated?: boolean;
  /** The graph is a part of its network and does not use all tensors. */
  readonly partOfNetwork?: boolean;
}

/** A session and the bytes of its weights. */
export type LoadedNetwork = Session & { readonly weightBytes: number };

/** @throws AppError weights.missing-tensor, weights.wrong-shape, weights.unexpected-tensor; errors of `openSession` */
export async function openNetwork(request: NetworkRequest): Promise<LoadedNetwork> {
  const g = new GraphBuilder(request.label);
  const used: { weights: NetworkWeights; book: WeightBook }[] = [];
  request.build({
    g,
    network: (weights, profile, prefix, tap) => {
      const book = new WeightBook(weights.label, weights.tensors);
      used.push({ weights, book });
      return new Network(g, profile, book, prefix, locateFromRoot, tap);
    },
  });
  for (const { weights, book } of used) {
    const unused = book.unused();
    if (unused.length > 0 && request.partOfNetwork !== true) {
      throw new AppError(
        'weights.unexpected-tensor',
        `${weights.label} has ${unused.length} tensors that its config does not explain, such as "${unused[0] ?? ''}".`,
        { remedy: 'The checkpoint is of another model or version than its config.json. Download both again.' },
      );
    }
  }
  const options: SessionOptions = {
    label: request.label,
    provider: request.device.provider,
    ...(request.device.deviceId === undefined ? {} : { deviceId: request.device.deviceId }),
    ...(request.profilePrefix === undefined ? {} : { profilePrefix: request.profilePrefix }),
    ...(request.repeated === true ? { repeated: true } : {}),
    ...(request.device.signal === undefined ? {} : { signal: request.device.signal }),
  };
  const session = await openSession(g.finish(), externalRoot(used.map(({ weights }) => weights)), options);
  return Object.assign(session, { weightBytes: g.externalBytes });
}

/** The file system root of all weight files; files on another drive than the cache folder were copied there. */
function externalRoot(weights: readonly NetworkWeights[]): string {
  const files = weights.flatMap(({ tensors }) =>
    [...tensors.values()].flatMap(({ storage }) => partsOf(storage).map(({ file }) => file)),
  );
  invariant(new Set(files.map((file) => driveOf(file))).size <= 1, 'all weights of a session are on one drive');
  return parse(files[0] ?? '/').root;
}

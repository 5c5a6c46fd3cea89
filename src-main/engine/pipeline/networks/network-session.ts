/** From prepared weights to a session: builds the graph, checks that every tensor is used, loads it. */
import { parse } from 'node:path';
import { AppError } from '../../../base/app-error.js';
import { invariant } from '../../../base/assert.js';
import { driveOf } from '../../../disk/paths.js';
import type { BlockProgram } from '../../graph/block-program.js';
import { GraphBuilder } from '../../graph/graph-builder.js';
import type { InputTap } from '../../graph/input-tap.js';
import type { ComputeProfile } from '../../graph/compute-profile.js';
import { Network } from '../../graph/network.js';
import { partsOf, WeightBook, type StoredTensor } from '../../graph/stored-tensor.js';
import type { DeviceChoice } from '../../protocol.js';
import {
  locateFromRoot,
  openBlocks,
  openSession,
  type BlockRunner,
  type Session,
  type SessionOptions,
  type WeightMemory,
} from '../../runtime/session.js';

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
  if (request.partOfNetwork !== true) for (const { weights, book } of used) requireAllUsed(weights, book);
  const root = externalRoot(used.map(({ weights }) => weights));
  const session = await openSession(g.finish(), root, optionsOf(request));
  return Object.assign(session, { weightBytes: g.externalBytes });
}

function requireAllUsed(weights: NetworkWeights, book: WeightBook): void {
  const unused = book.unused();
  if (unused.length === 0) return;
  throw new AppError(
    'weights.unexpected-tensor',
    `${weights.label} has ${unused.length} tensors that its config does not explain, such as "${unused[0] ?? ''}".`,
    { remedy: 'The checkpoint is of another model or version than its config.json. Download both again.' },
  );
}

function optionsOf({ label, device, profilePrefix }: Omit<NetworkRequest, 'build'>): SessionOptions {
  return {
    label,
    provider: device.provider,
    ...(device.deviceId === undefined ? {} : { deviceId: device.deviceId }),
    ...(profilePrefix === undefined ? {} : { profilePrefix }),
    ...(device.signal === undefined ? {} : { signal: device.signal }),
  };
}

export interface ProgramRequest extends Omit<NetworkRequest, 'build' | 'partOfNetwork'> {
  readonly memory: WeightMemory;
  /** @param book gives a network's weights to the graphs */
  readonly build: (book: (weights: NetworkWeights) => WeightBook) => BlockProgram;
}

/** A program's runner and the bytes of its weights. */
export type LoadedProgram = BlockRunner & { readonly weightBytes: number };

/**
 * Networks as a sequence of blocks, on a provider that runs them.
 * @throws AppError as `openNetwork`; errors of `openBlocks`
 */
export async function openProgram(request: ProgramRequest): Promise<LoadedProgram> {
  const used: { weights: NetworkWeights; book: WeightBook }[] = [];
  const program = request.build((weights) => {
    const book = new WeightBook(weights.label, weights.tensors);
    used.push({ weights, book });
    return book;
  });
  for (const { weights, book } of used) requireAllUsed(weights, book);
  const blocks = [...program.once, ...program.step];
  const weightBytes = blocks
    .flatMap(({ weights }) => weights.map(({ place }) => place.length))
    .reduce((sum, bytes) => sum + bytes, 0);
  return Object.assign(await openBlocks(program, request.memory, optionsOf(request)), { weightBytes });
}

/** The file system root of all weight files; files on another drive than the cache folder were copied there. */
function externalRoot(weights: readonly NetworkWeights[]): string {
  const files = weights.flatMap(({ tensors }) =>
    [...tensors.values()].flatMap(({ storage }) => partsOf(storage).map(({ file }) => file)),
  );
  invariant(new Set(files.map((file) => driveOf(file))).size <= 1, 'all weights of a session are on one drive');
  return parse(files[0] ?? '/').root;
}

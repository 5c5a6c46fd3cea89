/**
 * Runs a network block by block. Weights are inputs of the blocks' graphs: resident, or streamed
 * into a ring while other blocks run. All graphs share one arena and one queue of the device, and nothing waits for a block
 * before the last.
 */
import { abortError, throwIfAborted } from '../../../../base/app-error.js';
import { defined, invariant } from '../../../../base/assert.js';
import { viewBytes, type Block, type BlockProgram, type BoundView } from '../../../graph/block-program.js';
import { ONNX_TYPE, ONNX_TYPE_BYTES, type OnnxType } from '../../../graph/onnx-schema.js';
import type { WeightPlaces } from '../../../protocol.js';
import type { BlockSession, SessionSettings, WeightMemory } from '../../binding.js';
import {
  leastPlan,
  planResidency,
  residencyBytes,
  SmallBudgetError,
  streamAll,
  type Residency,
} from '../../blocks/residency.js';
import { ImageReader, imageOf, type WeightImage } from '../../blocks/weight-image.js';
import { sessionOptions } from '../capi-session.js';
import { NativeScope, withScope, type Pointer } from '../native-memory.js';
import type { OrtLibrary } from '../ort-library.js';
import { callOnRuntimeThread, type NativeCall, type NativeResult } from '../runtime-thread.js';
import type { BlockDevice, HostMemory, Mark } from './block-device.js';
import { Staging, WeightStream, type Arrival, type StreamedBlock } from './weight-stream.js';

/** Blocks that the thread may be ahead of the device; so a cancelled run ends soon. */
const AHEAD = 4;
/** Of the runtime's own copies of constants: in the arena, which all graphs share. */
const BLOCK_ENTRIES = {
  'session.use_env_allocators': '1',
  'session.use_device_allocator_for_initializers': '0',
} as const;

/** @source OrtArenaAllocator, OrtMemTypeDefault */
const ARENA = { type: 1, memory: 0 } as const;
/** @source ArenaExtendStrategy::kSameAsRequested */
const SAME_AS_REQUESTED = 1;

/**
 * @throws OrtError, AbortError, AppError of the files; Error with the least bytes where the budget is too small, or with
 * the device's text
 */
export async function openBlockSession(
  ort: OrtLibrary,
  program: BlockProgram,
  memory: WeightMemory,
  settings: SessionSettings,
  device: BlockDevice,
): Promise<BlockSession> {
  throwIfAborted(settings.signal);
  const session = new CapiBlockSession(ort, program, memory, settings, device);
  try {
    await session.load();
    return session;
  } catch (error) {
    // What failed is told; on a lost card releasing fails, too.
    await session.release().catch(() => undefined);
    throw error;
  }
}

/** A block that is ready to run. */
interface LoadedBlock {
  readonly label: string;
  readonly session: Pointer;
  readonly binding: Pointer;
  /** Its place among the streamed blocks; null for a resident one. */
  readonly streamed: number | null;
}

class CapiBlockSession implements BlockSession {
  readonly #ort: OrtLibrary;
  readonly #program: BlockProgram;
  readonly #memory: WeightMemory;
  readonly #settings: SessionSettings;
  readonly #device: BlockDevice;
  readonly #scope = new NativeScope();
  readonly #reader = new ImageReader();
  readonly #buffers = new Map<string, { readonly at: Pointer; readonly bytes: number }>();
  readonly #sessions = new Map<string, Pointer>();
  readonly #bindings: Pointer[] = [];
  readonly #host: HostMemory[] = [];
  readonly #marks: Mark[] = [];
  /** By graph, a block that was run and not waited for. */
  readonly #unfinished = new Map<Pointer, LoadedBlock>();
  #staging: Staging | null = null;
  #stream: WeightStream | null = null;
  #once: readonly LoadedBlock[] = [];
  #step: readonly LoadedBlock[] = [];
  #places: WeightPlaces = { residentBytes: 0, streamedBytes: 0, fromDiskBytes: 0 };
  #released = false;
  #failed = false;

  constructor(
    ort: OrtLibrary,
    program: BlockProgram,
    memory: WeightMemory,
    settings: SessionSettings,
    device: BlockDevice,
  ) {
    this.#ort = ort;
    this.#program = program;
    this.#memory = memory;
    this.#settings = settings;
    this.#device = device;
  }

  get places(): WeightPlaces {
    return this.#places;
  }

  async load(): Promise<void> {
    const { once, step, buffers } = this.#program;
    const images = step.map(({ weights }) => imageOf(weights));
    const plan = this.#plan(images);
    this.#shareArena();
    for (const { name, type, dims, zeros } of buffers) {
      const bytes = viewBytes({ type, dims });
      const at = this.#allocate(bytes);
      if (zeros === true) this.#device.zero(at, bytes);
      this.#buffers.set(name, { at, bytes });
    }
    for (let i = 0; i < AHEAD; i++) this.#marks.push(this.#own(this.#device.makeMark()));
    for (const block of [...once, ...step]) await this.#openGraph(block);
    this.#staging = new Staging(this.#device, this.#reader);
    // Blocks that run once have small weights, which stay.
    this.#once = await this.#loadAll(
      once,
      once.map(({ weights }) => imageOf(weights)),
    );
    this.#step = await this.#loadStep(plan, images);
    await this.#copiesDone();
  }

  write(data: Readonly<Record<string, Float32Array>>): void {
    for (const [name, values] of Object.entries(data)) {
      const { at, bytes } = this.#buffer(name);
      invariant(values.byteLength === bytes, `${name} takes ${bytes} bytes, not ${values.byteLength}`);
      this.#device.upload(at, values);
    }
  }

  read(name: string): Float32Array {
    const { at, bytes } = this.#buffer(name);
    const values = new Float32Array(bytes / Float32Array.BYTES_PER_ELEMENT);
    this.#device.download(at, new Uint8Array(values.buffer));
    return values;
  }

  runOnce(): Promise<void> {
    return this.#run(this.#once);
  }

  runStep(): Promise<void> {
    return this.#run(this.#step);
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#stream?.release();
    await this.#endRuns();
    this.#device.idle();
    this.#staging?.release();
    for (const memory of this.#host) memory.free();
    for (const binding of this.#bindings) this.#ort.raw('ReleaseIoBinding', binding);
    for (const session of this.#sessions.values()) await this.#ort.releaseAsync('ReleaseSession', session);
    this.#scope.release();
    this.#device.release();
    await this.#reader.close();
  }

  /** Runs blocks in order; the thread gives the device up to `AHEAD` of them before it waits for the first. */
  async #run(blocks: readonly LoadedBlock[]): Promise<void> {
    const { signal } = this.#settings;
    throwIfAborted(signal);
    invariant(!this.#failed, 'nothing runs after a run that failed');
    const scope = new NativeScope();
    const [ahead, waiting] = [this.#runOptions(scope, false), this.#runOptions(scope, true)];
    const stop = () => [ahead, waiting].forEach((options) => this.#ort.call('RunOptionsSetTerminate', options));
    signal?.addEventListener('abort', stop, { once: true });
    const last = new Map(blocks.map(({ session }, index) => [session, index]));
    const given: Promise<void>[] = [];
    // A block that fails frees no place of the ring, so the weights of a later one never arrive.
    let fail: (error: unknown) => void = () => undefined;
    const failure = new Promise<never>((_, reject) => (fail = reject));
    failure.catch(() => undefined);
    try {
      for (const [index, block] of blocks.entries()) {
        const arrival =
          block.streamed === null || this.#stream === null
            ? null
            : await Promise.race([this.#stream.arrival(block.streamed), failure]);
        if (index >= AHEAD) await given[index - AHEAD];
        throwIfAborted(signal);
        const ends = last.get(block.session) === index;
        this.#unfinished.set(block.session, block);
        const run = this.#give(block, arrival, ends ? waiting : ahead, index).then(() => {
          if (ends) this.#unfinished.delete(block.session);
          if (block.streamed !== null) this.#stream?.used(block.streamed);
        });
        run.catch(fail);
        given.push(run);
      }
      await Promise.all(given);
      await this.#call([...this.#device.prepare(), ...this.#device.finish()]);
      throwIfAborted(signal);
    } catch (error) {
      this.#failed = true;
      await Promise.allSettled(given);
      throw signal?.aborted === true ? abortError() : error;
    } finally {
      signal?.removeEventListener('abort', stop);
      scope.release();
    }
  }

  /** Gives a block to the device. @param arrival of its weights, if they are streamed */
  async #give(block: LoadedBlock, arrival: Arrival | null, options: Pointer, index: number): Promise<void> {
    const mark = defined(this.#marks[index % AHEAD], 'a mark');
    try {
      await this.#call([
        ...this.#device.prepare(),
        ...(index < AHEAD ? [] : this.#device.waitFor(mark)),
        ...(arrival === null ? [] : this.#device.computeAfter(arrival.arrived)),
        this.#ort.native('RunWithBinding', block.session, options, block.binding),
        ...this.#device.markCompute(mark),
        ...(arrival === null ? [] : this.#device.markCompute(arrival.done)),
      ]);
    } catch (error) {
      throw inBlock(error, block.label);
    }
  }

  /**
   * @param waits the runtime waits for the run's end. Without that it keeps what its kernels read from the host until the
   * graph's next run that waits: the last of each graph in a step. A graph must not be released before one: its destructor
   * would leave the freeing of that memory to a callback on the device, from which the runtime cannot free it, and it ends
   * the process (seen with 1.30).
   */
  #runOptions(scope: NativeScope, waits: boolean): Pointer {
    const ort = this.#ort;
    const options = ort.owned(scope, 'ReleaseRunOptions', 'CreateRunOptions');
    ort.call('RunOptionsSetRunLogSeverityLevel', options, this.#settings.logSeverity);
    if (!waits && this.#device.cuda !== null) {
      const entry = [scope.text('disable_synchronize_execution_providers'), scope.text('1')] as const;
      ort.call('AddRunConfigEntry', options, ...entry);
    }
    return options;
  }

  /** Runs each graph that has not waited yet once more, whatever its numbers are. */
  async #endRuns(): Promise<void> {
    const scope = new NativeScope();
    const options = this.#runOptions(scope, true);
    for (const block of this.#unfinished.values()) await this.#give(block, null, options, 0).catch(() => undefined);
    this.#unfinished.clear();
    scope.release();
  }

  /** @throws OrtError, or Error with the device's text */
  async #call(calls: readonly NativeCall[]): Promise<void> {
    if (calls.length === 0) return;
    const { result } = await callOnRuntimeThread(...calls);
    this.#check(result);
  }

  #check(result: NativeResult): void {
    if (typeof result === 'number') this.#device.check(result);
    else this.#ort.check(result);
  }

  #plan(images: readonly WeightImage[]): Residency {
    const sizes = images.map(({ bytes }) => bytes);
    const { onePass, deviceBytes } = this.#memory;
    if (onePass) return streamAll(sizes);
    const plan = planResidency(sizes, deviceBytes);
    if (plan !== null) return plan;
    throw new SmallBudgetError(deviceBytes, residencyBytes(sizes, leastPlan(sizes)));
  }

  /** Memory of all graphs' results in one arena, instead of one each. */
  #shareArena(): void {
    const { cuda, name, id } = this.#device;
    if (cuda === null) return;
    const ort = this.#ort;
    const info = withScope((scope) => ort.out('CreateMemoryInfo', scope.text(name), ARENA.type, id, ARENA.memory));
    this.#scope.own(info, (handle) => ort.raw('ReleaseMemoryInfo', handle));
    withScope((scope) => {
      const keys = scope.pointers([scope.text('arena_extend_strategy')]);
      const arena = ort.owned(
        scope,
        'ReleaseArenaCfg',
        'CreateArenaCfgV2',
        keys,
        scope.pointers([BigInt(SAME_AS_REQUESTED)]),
        1,
      );
      const options = [scope.pointers([scope.text('device_id')]), scope.pointers([scope.text(String(id))])] as const;
      const provider = scope.text('CUDAExecutionProvider');
      ort.call('CreateAndRegisterAllocatorV2', ort.env, provider, info, arena, ...options, 1);
    });
    this.#scope.own(info, (handle) => ort.call('UnregisterAllocator', ort.env, handle));
  }

  async #openGraph({ model, label }: Block): Promise<void> {
    const key = kindOf(model);
    if (this.#sessions.has(key)) return;
    const ort = this.#ort;
    throwIfAborted(this.#settings.signal);
    const scope = new NativeScope();
    try {
      const configEntries = {
        ...this.#settings.configEntries,
        ...(this.#device.cuda === null ? {} : BLOCK_ENTRIES),
      };
      const options = sessionOptions(ort, scope, { ...this.#settings, configEntries }, this.#device.cuda);
      const cell = new BigUint64Array(1);
      await ort.callAsync(
        'CreateSessionFromArray',
        ort.env,
        scope.address(model),
        model.length,
        options,
        scope.address(cell),
      );
      this.#sessions.set(key, cell[0] ?? 0n);
    } catch (error) {
      throw inBlock(error, label);
    } finally {
      scope.release();
    }
  }

  async #loadStep(plan: Residency, images: readonly WeightImage[]): Promise<LoadedBlock[]> {
    const staging = defined(this.#staging ?? undefined, 'staging memory');
    const { step } = this.#program;
    const { onePass, hostBytes } = this.#memory;
    const ring = plan.ringBytes === 0 ? 0n : this.#allocate(plan.ringBytes);
    const placed = new Map(plan.streamed.map(({ index, at }) => [index, ring + BigInt(at)]));
    const streamed: StreamedBlock[] = [];
    const places = { residentBytes: 0, streamedBytes: 0, fromDiskBytes: 0 };
    const loaded: LoadedBlock[] = [];
    let host = onePass ? 0 : hostBytes;
    for (const [index, block] of step.entries()) {
      throwIfAborted(this.#settings.signal);
      const image = defined(images[index], block.label);
      const at = placed.get(index);
      if (at === undefined) {
        places.residentBytes += image.bytes;
        loaded.push(await this.#loadResident(block, image, staging));
        continue;
      }
      places.streamedBytes += image.bytes;
      const memory = image.bytes <= host ? await this.#hostImage(image, staging) : null;
      if (memory === null) places.fromDiskBytes += image.bytes;
      else host -= image.bytes;
      loaded.push({ label: block.label, ...this.#bind(block, image, at), streamed: streamed.length });
      streamed.push({ label: block.label, image, host: memory, at });
    }
    this.#places = places;
    this.#stream = new WeightStream(this.#device, staging, this.#reader, streamed, !onePass);
    return loaded;
  }

  async #loadAll(blocks: readonly Block[], images: readonly WeightImage[]): Promise<LoadedBlock[]> {
    const staging = defined(this.#staging ?? undefined, 'staging memory');
    const loaded: LoadedBlock[] = [];
    for (const [index, block] of blocks.entries()) {
      loaded.push(await this.#loadResident(block, defined(images[index], block.label), staging));
    }
    return loaded;
  }

  async #loadResident(block: Block, image: WeightImage, staging: Staging): Promise<LoadedBlock> {
    const at = this.#allocate(image.bytes);
    await staging.load(image, at, this.#settings.signal);
    return { label: block.label, ...this.#bind(block, image, at), streamed: null };
  }

  /** An image in host memory that the device copies fast; null where the system refuses it. */
  async #hostImage(image: WeightImage, staging: Staging): Promise<HostMemory | null> {
    const memory = this.#device.allocateHost(image.bytes);
    if (memory === null) return null;
    this.#host.push(memory);
    await staging.keep(image, memory, this.#settings.signal);
    return memory;
  }

  /** Binds a block's inputs and outputs, with its weights at an address. */
  #bind(block: Block, image: WeightImage, weights: Pointer): { readonly session: Pointer; readonly binding: Pointer } {
    const ort = this.#ort;
    const session = defined(this.#sessions.get(kindOf(block.model)), block.label);
    const binding = ort.out('CreateIoBinding', session);
    this.#bindings.push(binding);
    const bind = (
      side: 'BindInput' | 'BindOutput',
      name: string,
      at: Pointer,
      bytes: number,
      type: OnnxType,
      dims: readonly number[],
    ) =>
      withScope((scope) => {
        const value = ort.owned(
          scope,
          'ReleaseValue',
          'CreateTensorWithDataAsOrtValue',
          this.#memoryInfo(),
          at,
          bytes,
          scope.dims(dims),
          dims.length,
          ONNX_TYPE[type],
        );
        ort.call(side, binding, scope.text(name), value);
      });
    const bindView = (side: 'BindInput' | 'BindOutput') => (bound: BoundView) => {
      const { name, view } = bound;
      const offset = BigInt(view.offset * ONNX_TYPE_BYTES[view.type]);
      bind(side, name, this.#buffer(view.buffer).at + offset, viewBytes(view), view.type, view.dims);
    };
    block.inputs.forEach(bindView('BindInput'));
    block.outputs.forEach(bindView('BindOutput'));
    for (const { weight, at } of image.parts) {
      bind('BindInput', weight.name, weights + BigInt(at), weight.place.length, weight.type, weight.dims);
    }
    return { session, binding };
  }

  #info: Pointer | null = null;

  #memoryInfo(): Pointer {
    if (this.#device.cuda === null) return this.#ort.hostMemory;
    const { name, id } = this.#device;
    this.#info ??= this.#scope.own(
      withScope((scope) => this.#ort.out('CreateMemoryInfo', scope.text(name), 0, id, 0)),
      (handle) => this.#ort.raw('ReleaseMemoryInfo', handle),
    );
    return this.#info;
  }

  #allocate(bytes: number): Pointer {
    return this.#scope.own(this.#device.allocate(bytes), (at) => this.#device.free(at));
  }

  #own(mark: Mark): Mark {
    return this.#scope.own(mark, (handle) => this.#device.dropMark(handle));
  }

  #buffer(name: string): { readonly at: Pointer; readonly bytes: number } {
    return defined(this.#buffers.get(name), `the buffer ${name}`);
  }

  /** Waits for the resident weights' copies. */
  async #copiesDone(): Promise<void> {
    const mark = this.#device.makeMark();
    try {
      this.#device.markCopy(mark);
      await this.#device.reached(mark);
    } finally {
      this.#device.dropMark(mark);
    }
  }
}

/** Equal for blocks that share a graph. */
function kindOf(model: Uint8Array): string {
  return Buffer.from(model.buffer, model.byteOffset, model.byteLength).toString('latin1');
}

/** An error with the block that it happened in, which messages name. */
function inBlock(error: unknown, block: string): Error {
  return Object.assign(error instanceof Error ? error : new Error(String(error)), { block });
}

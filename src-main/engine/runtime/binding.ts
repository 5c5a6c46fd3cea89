/** What a binding to ONNX Runtime offers. Two exist: onnxruntime-node and the runtime's C API. */
import type { BlockProgram } from '../graph/block-program.js';
import type { DeviceChoice, WeightPlaces } from '../protocol.js';

/** An f32 input tensor. The data is read during `run` and not kept. */
export interface Feed {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export type Feeds = Readonly<Record<string, Feed>>;

/** How a session is loaded. */
export interface SessionSettings extends DeviceChoice {
  /** False: the graph as it is written. */
  readonly optimize: boolean;
  /** OrtLoggingLevel: 3 is errors, 4 fatal ones. */
  readonly logSeverity: number;
  /** Of the session's configuration, with their full keys. @source onnxruntime_session_options_config_keys.h */
  readonly configEntries: Readonly<Record<string, string>>;
  /** Path prefix of a per-node profile. */
  readonly profilePrefix?: string;
  /** Ends loading and runs, where the binding can. */
  readonly signal?: AbortSignal;
}

/** A loaded model. Errors are the runtime's or plain ones; `session.ts` wraps them. */
export interface BoundSession {
  readonly inputNames: readonly string[];
  /** In the graph's order. */
  readonly outputNames: readonly string[];
  /** Inputs of every following run, kept on the device where the binding can. */
  hold(feeds: Feeds): void;
  /** @throws AbortError when the signal ended it */
  run(feeds: Feeds, outputs: readonly string[]): Promise<Record<string, Float32Array>>;
  release(): Promise<void>;
  /** Ends profiling and writes the profile's file. */
  endProfiling(): void;
}

/** How a program's weights are kept. */
export interface WeightMemory {
  /** Bytes on the device for weights; what exceeds them is streamed. */
  readonly deviceBytes: number;
  /** Bytes of host memory for streamed weights; what exceeds them is read from its files in every pass. */
  readonly hostBytes: number;
  /** The program runs once: each block's weights are read from their files when their turn comes. */
  readonly onePass: boolean;
  /** What a step needs beside weights, for the error of a budget that is too small. */
  readonly otherBytes?: number;
}

/** A loaded program. Buffers are named by it; errors are as `BoundSession`'s. */
export interface BlockSession {
  readonly places: WeightPlaces;
  /** Copies f32 data into buffers. */
  write(data: Readonly<Record<string, Float32Array>>): void;
  /** The blocks that run once for the inputs written before. */
  runOnce(): Promise<void>;
  /** One step. @throws AbortError when the signal ended it */
  runStep(): Promise<void>;
  /** A copy of an f32 buffer. */
  read(name: string): Float32Array;
  release(): Promise<void>;
}

export interface Binding {
  /** Of the runtime, such as "1.30.0". */
  readonly version: string;
  /** @param model its bytes, or a path, from which the runtime reads the file itself */
  open(model: Uint8Array | string, settings: SessionSettings): Promise<BoundSession>;
  /** Where the binding can run blocks. @throws Error naming the least bytes when the budget is too small */
  openBlocks?(program: BlockProgram, memory: WeightMemory, settings: SessionSettings): Promise<BlockSession>;
}

/** What a binding to ONNX Runtime offers. Two exist: onnxruntime-node and the runtime's C API. */
import type { DeviceChoice } from '../protocol.js';

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
  /** Every run has the same shapes and outputs, so that a GPU can replay the first. */
  readonly repeated?: boolean;
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

export interface Binding {
  /** Of the runtime, such as "1.30.0". */
  readonly version: string;
  /** @param model its bytes, or a path, from which the runtime reads the file itself */
  open(model: Uint8Array | string, settings: SessionSettings): Promise<BoundSession>;
}

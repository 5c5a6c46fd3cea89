/**
 * The functions of ONNX Runtime's C API that this app calls: place in the `OrtApi` table, the version that added each, and
 * arguments. A place never changes once its version is released.
 * @source onnxruntime_c_api.h (`struct OrtApi`), onnxruntime_c_api.cc (the number of functions of each version)
 */

/** `pointer`: an address; `size`: size_t; `int`: int or an enumeration. */
export type ArgumentKind = 'pointer' | 'size' | 'int' | 'bool';
/** `status`: a pointer to an error, null for none; `text`: a C string that the runtime keeps. */
type ResultKind = 'status' | 'void' | 'text' | 'int';

export interface OrtFunction {
  readonly index: number;
  /** API version: 30 came with runtime 1.30. */
  readonly since: number;
  readonly arguments: readonly ArgumentKind[];
  readonly returns: ResultKind;
}

/** The version of the table that is asked for, in every runtime from 1.30 on. */
export const API_VERSION = 30;

const p = 'pointer' as const;

const status = <const A extends readonly ArgumentKind[]>(index: number, since: number, ...args: A) => ({
  index,
  since,
  arguments: args,
  returns: 'status' as const,
});
const release = (index: number, since: number) => ({ index, since, arguments: [p], returns: 'void' }) as const;

export const ORT_FUNCTIONS = {
  GetErrorCode: { index: 1, since: 1, arguments: [p], returns: 'int' },
  GetErrorMessage: { index: 2, since: 1, arguments: [p], returns: 'text' },
  /** severity, id, out env */
  CreateEnv: status(3, 1, 'int', p, p),
  DisableTelemetryEvents: status(6, 1, p),
  /** env, path in the system's characters, options, out session */
  CreateSession: status(7, 1, p, p, p, p),
  /** env, bytes, length, options, out session */
  CreateSessionFromArray: status(8, 1, p, p, 'size', p, p),
  CreateSessionOptions: status(10, 1, p),
  /** options, path prefix in the system's characters */
  EnableProfiling: status(14, 1, p, p),
  DisableMemPattern: status(17, 1, p),
  DisableCpuMemArena: status(19, 1, p),
  SetSessionLogSeverityLevel: status(22, 1, p, 'int'),
  SetSessionGraphOptimizationLevel: status(23, 1, p, 'int'),
  SessionGetInputCount: status(30, 1, p, p),
  SessionGetOutputCount: status(31, 1, p, p),
  /** session, index, out type */
  SessionGetInputTypeInfo: status(33, 1, p, 'size', p),
  SessionGetOutputTypeInfo: status(34, 1, p, 'size', p),
  /** session, index, allocator, out name */
  SessionGetInputName: status(36, 1, p, 'size', p, p),
  SessionGetOutputName: status(37, 1, p, 'size', p, p),
  CreateRunOptions: status(39, 1, p),
  RunOptionsSetRunLogSeverityLevel: status(41, 1, p, 'int'),
  RunOptionsSetTerminate: status(46, 1, p),
  /** allocator, dims, rank, element type, out value */
  CreateTensorAsOrtValue: status(48, 1, p, p, 'size', 'int', p),
  /** memory, data, bytes, dims, rank, element type, out value */
  CreateTensorWithDataAsOrtValue: status(49, 1, p, p, 'size', p, 'size', 'int', p),
  GetTensorMutableData: status(51, 1, p, p),
  CastTypeInfoToTensorInfo: status(55, 1, p, p),
  GetTensorElementType: status(60, 1, p, p),
  GetDimensionsCount: status(61, 1, p, p),
  /** info, out dims, rank */
  GetDimensions: status(62, 1, p, p, 'size'),
  GetTensorTypeAndShape: status(65, 1, p, p),
  /** device name, allocator type, device, memory type, out memory */
  CreateMemoryInfo: status(68, 1, p, 'int', 'int', 'int', p),
  /** allocator type, memory type, out memory */
  CreateCpuMemoryInfo: status(69, 1, 'int', 'int', p),
  AllocatorFree: status(76, 1, p, p),
  GetAllocatorWithDefaultOptions: status(78, 1, p),
  ReleaseStatus: release(93, 1),
  ReleaseMemoryInfo: release(94, 1),
  ReleaseSession: release(95, 1),
  ReleaseValue: release(96, 1),
  ReleaseRunOptions: release(97, 1),
  ReleaseTypeInfo: release(98, 1),
  ReleaseTensorTypeAndShapeInfo: release(99, 1),
  ReleaseSessionOptions: release(100, 1),
  /** session, allocator, out file name */
  SessionEndProfiling: status(110, 2, p, p, p),
  /** options, key, value */
  AddSessionConfigEntry: status(130, 5, p, p, p),
  /** session, memory, out allocator */
  CreateAllocator: status(131, 5, p, p, p),
  ReleaseAllocator: release(132, 5),
  /** session, run options, binding */
  RunWithBinding: status(133, 5, p, p, p),
  CreateIoBinding: status(134, 5, p, p),
  ReleaseIoBinding: release(135, 5),
  /** binding, name, value */
  BindInput: status(136, 5, p, p, p),
  BindOutput: status(137, 5, p, p, p),
  /** binding, name, memory */
  BindOutputToDevice: status(138, 5, p, p, p),
  /** binding, allocator, out values, out count */
  GetBoundOutputValues: status(140, 5, p, p, p, p),
  ClearBoundInputs: { index: 141, since: 5, arguments: [p], returns: 'void' },
  ClearBoundOutputs: { index: 142, since: 5, arguments: [p], returns: 'void' },
  ReleaseArenaCfg: release(157, 8),
  /** keys, values as size_t, count, out configuration */
  CreateArenaCfgV2: status(164, 8, p, p, 'size', p),
  /** run options, key, value */
  AddRunConfigEntry: status(165, 8, p, p, p),
  /** env, memory */
  UnregisterAllocator: status(177, 9, p, p),
  SynchronizeBoundOutputs: status(203, 10, p),
  SessionOptionsAppendExecutionProvider_CUDA_V2: status(204, 11, p, p),
  CreateCUDAProviderOptions: status(205, 11, p),
  /** provider options, keys, values, count */
  UpdateCUDAProviderOptions: status(206, 11, p, p, p, 'size'),
  ReleaseCUDAProviderOptions: release(208, 11),
  /** env, provider, memory, arena configuration, keys, values, count */
  CreateAndRegisterAllocatorV2: status(259, 16, p, p, p, p, p, p, 'size'),
  SessionOptionsSetLoadCancellationFlag: status(293, 22, p, 'bool'),
} as const satisfies Readonly<Record<string, OrtFunction>>;

export type OrtFunctionName = keyof typeof ORT_FUNCTIONS;

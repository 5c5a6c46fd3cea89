/**
 * The libraries that the `cuda` provider consists of, on both systems that have it: file names, the Python packages that
 * bring them, and the versions that were run. Pure data; finding and setting up derive from it.
 * @source the wheels on pypi.org (onnxruntime-gpu and NVIDIA's for CUDA 13), read 30 November 2026
 */

export const CUDA_SYSTEMS = ['linux-x64', 'win32-x64'] as const;
export type CudaSystem = (typeof CUDA_SYSTEMS)[number];

/** Null where there is no CUDA, or no build of the runtime with it. */
export function cudaSystem({
  platform,
  arch,
}: {
  readonly platform: string;
  readonly arch: string;
}): CudaSystem | null {
  return CUDA_SYSTEMS.find((system) => system === `${platform}-${arch}`) ?? null;
}

/** The first driver for CUDA 13. @source CUDA 13.0 release notes, minimum driver of the major version */
export const CUDA_DRIVER = '580';
/** The first runtime whose C API is used; a newer one serves, too. */
export const CUDA_RUNTIME_MINIMUM = '1.30';

/** A Python package and the version that was run with the others. */
export const CUDA_PACKAGES = {
  'onnxruntime-gpu': '1.30.0',
  'nvidia-cuda-runtime': '13.5.37',
  'nvidia-cuda-nvrtc': '13.5.37',
  'nvidia-cublas': '13.10.0.20',
  'nvidia-curand': '10.4.5.25',
  'nvidia-cudnn-cu13': '9.28.1.4',
} as const;
export type CudaPackage = keyof typeof CUDA_PACKAGES;

/** Where a person downloads a package's wheels. */
export function wheelPage(name: CudaPackage): string {
  return `https://pypi.org/project/${name}/${CUDA_PACKAGES[name]}/#files`;
}

export interface CudaPart {
  /** Named in reports. */
  readonly name: string;
  readonly package: CudaPackage;
  /** The library's file; its first group, where it has one, is the version. */
  readonly files: Readonly<Record<CudaSystem, RegExp>>;
  /** Files that must lie beside it, which it loads by their names. */
  readonly beside: Readonly<Record<CudaSystem, readonly string[]>>;
}

const NOTHING = { 'linux-x64': [], 'win32-x64': [] } as const;
const CUDNN_PARTS = [
  'graph',
  'ops',
  'adv',
  'cnn',
  'heuristic',
  'engines_precompiled',
  'engines_runtime_compiled',
] as const;

/**
 * In the order of loading: each before those that need it. The provider asks for the NVIDIA libraries by the names of
 * CUDA 13; with other major versions it does not load.
 */
export const CUDA_PARTS = {
  cudart: {
    name: 'CUDA runtime',
    package: 'nvidia-cuda-runtime',
    files: { 'linux-x64': /^libcudart\.so\.13$/, 'win32-x64': /^cudart64_13\.dll$/i },
    beside: NOTHING,
  },
  nvrtc: {
    name: 'NVRTC',
    package: 'nvidia-cuda-nvrtc',
    files: { 'linux-x64': /^libnvrtc\.so\.13$/, 'win32-x64': /^nvrtc64_130_0\.dll$/i },
    beside: NOTHING,
  },
  cublasLt: {
    name: 'cuBLASLt',
    package: 'nvidia-cublas',
    files: { 'linux-x64': /^libcublasLt\.so\.13$/, 'win32-x64': /^cublasLt64_13\.dll$/i },
    beside: NOTHING,
  },
  cublas: {
    name: 'cuBLAS',
    package: 'nvidia-cublas',
    files: { 'linux-x64': /^libcublas\.so\.13$/, 'win32-x64': /^cublas64_13\.dll$/i },
    beside: NOTHING,
  },
  curand: {
    name: 'cuRAND',
    package: 'nvidia-curand',
    files: { 'linux-x64': /^libcurand\.so\.10$/, 'win32-x64': /^curand64_10\.dll$/i },
    beside: NOTHING,
  },
  cudnn: {
    name: 'cuDNN',
    package: 'nvidia-cudnn-cu13',
    files: { 'linux-x64': /^libcudnn\.so\.9$/, 'win32-x64': /^cudnn64_9\.dll$/i },
    beside: {
      'linux-x64': CUDNN_PARTS.map((part) => `libcudnn_${part}.so.9`),
      'win32-x64': CUDNN_PARTS.map((part) => `cudnn_${part}64_9.dll`),
    },
  },
  core: {
    name: 'ONNX Runtime',
    package: 'onnxruntime-gpu',
    files: { 'linux-x64': /^libonnxruntime\.so\.(\d+\.\d+\.\d+)$/, 'win32-x64': /^onnxruntime\.dll$/i },
    beside: NOTHING,
  },
  shared: {
    name: 'ONNX Runtime’s provider bridge',
    package: 'onnxruntime-gpu',
    files: {
      'linux-x64': /^libonnxruntime_providers_shared\.so$/,
      'win32-x64': /^onnxruntime_providers_shared\.dll$/i,
    },
    beside: NOTHING,
  },
  provider: {
    name: 'ONNX Runtime’s CUDA provider',
    package: 'onnxruntime-gpu',
    files: { 'linux-x64': /^libonnxruntime_providers_cuda\.so$/, 'win32-x64': /^onnxruntime_providers_cuda\.dll$/i },
    beside: NOTHING,
  },
} as const satisfies Readonly<Record<string, CudaPart>>;

export type CudaPartId = keyof typeof CUDA_PARTS;
export const CUDA_PART_IDS = Object.keys(CUDA_PARTS) as CudaPartId[];
/** The three that only work together, from one folder. */
export const RUNTIME_PARTS: readonly CudaPartId[] = ['core', 'shared', 'provider'];

/** Folders of a Python environment's packages that hold libraries. `*` is any folder. */
export const LIBRARY_FOLDERS = ['', 'onnxruntime/capi', 'nvidia/*/lib', 'nvidia/*/bin', 'nvidia/*/bin/x86_64'] as const;

/**
 * The requirements table of `cuda`: every wheel that may be unpacked, with its hash. onnxruntime-gpu has one for each
 * Python; their libraries serve alike. Other files are refused, whatever their names.
 * @source pypi.org/pypi/NAME/json, read 30 November 2026; unpacked sizes from the wheels' directories
 */
import { CUDA_PACKAGES, type CudaPackage, type CudaSystem } from '../base/cuda-parts.js';

export interface Wheel {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface PackageWheels {
  /** Of the libraries that are unpacked. */
  readonly unpackedBytes: number;
  readonly wheels: readonly Wheel[];
}

/** By package; the versions are `CUDA_PACKAGES`'. */
export type WheelTable = Readonly<Partial<Record<CudaPackage, Readonly<Record<CudaSystem, PackageWheels>>>>>;

const wheel = (name: string, bytes: number, sha256: string): Wheel => ({ name, bytes, sha256 });

export const CUDA_WHEELS: WheelTable = {
  'nvidia-cuda-runtime': {
    'linux-x64': {
      unpackedBytes: 806_720,
      wheels: [
        wheel(
          'nvidia_cuda_runtime-13.5.37-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
          2_504_024,
          'df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d',
        ),
      ],
    },
    'win32-x64': {
      unpackedBytes: 551_024,
      wheels: [
        wheel(
          'nvidia_cuda_runtime-13.5.37-py3-none-win_amd64.whl',
          2_780_254,
          'f225d3fa5ea6bfbb58fc4979ef72375cbe661d9107f0d8a4ff22cc151525e4a9',
        ),
      ],
    },
  },
  'nvidia-cuda-nvrtc': {
    'linux-x64': {
      unpackedBytes: 148_431_960,
      wheels: [
        wheel(
          'nvidia_cuda_nvrtc-13.5.37-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl',
          58_185_930,
          '86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc',
        ),
      ],
    },
    'win32-x64': {
      unpackedBytes: 119_174_368,
      wheels: [
        wheel(
          'nvidia_cuda_nvrtc-13.5.37-py3-none-win_amd64.whl',
          49_248_991,
          'e8e6c10b251385707ae3abd7b4ee118de6736fd7678d0f0f4eab4d759f679c21',
        ),
      ],
    },
  },
  'nvidia-cublas': {
    'linux-x64': {
      unpackedBytes: 608_935_360,
      wheels: [
        wheel(
          'nvidia_cublas-13.10.0.20-py3-none-manylinux1_x86_64.manylinux_2_5_x86_64.whl',
          444_289_903,
          'dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84',
        ),
      ],
    },
    'win32-x64': {
      unpackedBytes: 554_315_488,
      wheels: [
        wheel(
          'nvidia_cublas-13.10.0.20-py3-none-win_amd64.whl',
          427_284_863,
          'c310b749eea855b88fafb906de08d6819b87216c6711640771764fea5dcd8546',
        ),
      ],
    },
  },
  'nvidia-curand': {
    'linux-x64': {
      unpackedBytes: 104_860_296,
      wheels: [
        wheel(
          'nvidia_curand-10.4.5.25-py3-none-manylinux_2_27_x86_64.whl',
          77_113_015,
          '22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529',
        ),
      ],
    },
    'win32-x64': {
      unpackedBytes: 105_042_032,
      wheels: [
        wheel(
          'nvidia_curand-10.4.5.25-py3-none-win_amd64.whl',
          77_330_709,
          'f6a02a70f5b9715235df31a164a4bf3237a45be1600a5f435f5e4a0d8682eb22',
        ),
      ],
    },
  },
  'nvidia-cudnn-cu13': {
    'linux-x64': {
      unpackedBytes: 940_113_128,
      wheels: [
        wheel(
          'nvidia_cudnn_cu13-9.28.1.4-py3-none-manylinux_2_27_x86_64.whl',
          516_817_937,
          'a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec',
        ),
      ],
    },
    'win32-x64': {
      unpackedBytes: 602_833_504,
      wheels: [
        wheel(
          'nvidia_cudnn_cu13-9.28.1.4-py3-none-win_amd64.whl',
          407_065_099,
          '73d874c6bd8a1c75ca040228f77c4e163efe9bab3b65bd85914e2b7334ac68ee',
        ),
      ],
    },
  },
  'onnxruntime-gpu': {
    'linux-x64': {
      unpackedBytes: 301_127_512,
      wheels: [
        wheel(
          'onnxruntime_gpu-1.30.0-cp311-cp311-manylinux_2_28_x86_64.whl',
          246_658_419,
          '4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa',
        ),
        wheel(
          'onnxruntime_gpu-1.30.0-cp312-cp312-manylinux_2_28_x86_64.whl',
          246_685_715,
          '6acc0f4b3d5ac5f2984432faa59dd8fcce6775f8b43a7140afa0f322c7a703b1',
        ),
        wheel(
          'onnxruntime_gpu-1.30.0-cp313-cp313-manylinux_2_28_x86_64.whl',
          246_688_669,
          '9aba23f903f434cc55d851aeb801afee19e287c202f4ab8f59d02f04caa90aed',
        ),
        wheel(
          'onnxruntime_gpu-1.30.0-cp313-cp313t-manylinux_2_28_x86_64.whl',
          246_684_982,
          '675d519cab613bc42685ecb998f8e8e8c6d73143496681650d30ef14fedeade7',
        ),
        wheel(
          'onnxruntime_gpu-1.30.0-cp314-cp314-manylinux_2_28_x86_64.whl',
          246_693_192,
          '5aacc98f394a13f4891c0a07e60479d8fb0b1ea6f3328b6b38cfc88f9dfb05ea',
        ),
        wheel(
          'onnxruntime_gpu-1.30.0-cp314-cp314t-manylinux_2_28_x86_64.whl',
          246_687_044,
          'a4dfbe80d4167ff5bc269f266778ee6d0eb771fd9f3c0c4d83757e7ae42fe3c8',
        ),
      ],
    },
    'win32-x64': {
      unpackedBytes: 202_822_608,
      wheels: [
        wheel(
          'onnxruntime_gpu-1.30.0-cp311-cp311-win_amd64.whl',
          160_469_661,
          'fea66ebd743717de6f254955293b5f978825be7867c87a99c4a0ac1fe6f1d763',
        ),
        wheel(
          'onnxruntime_gpu-1.30.0-cp312-cp312-win_amd64.whl',
          160_478_594,
          '882da66f936e1f560b155118c5953dc45268cd92893abb8d31a940f4d1effb36',
        ),
        wheel(
          'onnxruntime_gpu-1.30.0-cp313-cp313-win_amd64.whl',
          160_479_611,
          'cf494da233f3fc02bbeb2a3178e3ace7361b6b4fef7031b19c1e5aed5e9328ce',
        ),
        wheel(
          'onnxruntime_gpu-1.30.0-cp314-cp314-win_amd64.whl',
          161_124_661,
          '794fc118cdbf340ed02b44c7527e557ea51746002d48105d493ea41f0c9a60d0',
        ),
      ],
    },
  },
};

/** What pip calls the systems of these wheels. */
const PLATFORMS: Readonly<Record<CudaSystem, readonly string[]>> = {
  'linux-x64': [
    'manylinux_2_28_x86_64',
    'manylinux_2_27_x86_64',
    'manylinux_2_17_x86_64',
    'manylinux2014_x86_64',
    'manylinux_2_12_x86_64',
    'manylinux2010_x86_64',
    'manylinux_2_5_x86_64',
    'manylinux1_x86_64',
  ],
  'win32-x64': ['win_amd64'],
};
/** The Python whose wheels are asked for, whichever runs pip. */
const PYTHON = '3.12';
const ABI = 'cp312';

/** A requirement line with the hashes of the package's wheels. @source pip's requirements file format */
export function requirementOf(name: CudaPackage, { wheels }: PackageWheels): string {
  return [`${name}==${CUDA_PACKAGES[name]}`, ...wheels.map(({ sha256 }) => `--hash=sha256:${sha256}`)].join(' ');
}

/** Arguments of pip and uv that choose these wheels on any Python. */
export function pipArguments(system: CudaSystem): string[] {
  const platforms = PLATFORMS[system].flatMap((platform) => ['--platform', platform]);
  return [
    '--no-deps',
    '--only-binary=:all:',
    ...platforms,
    '--python-version',
    PYTHON,
    '--implementation',
    'cp',
    '--abi',
    ABI,
  ];
}

export function uvArguments(system: CudaSystem): string[] {
  const platform = system === 'win32-x64' ? 'x86_64-pc-windows-msvc' : 'x86_64-manylinux_2_28';
  return ['--no-deps', '--only-binary=:all:', '--python-platform', platform, '--python-version', PYTHON];
}

/** One line for a shell that fetches all packages into a folder. */
export function pipLine(system: CudaSystem, folder: string): string {
  const packages = Object.entries(CUDA_PACKAGES).map(([name, version]) => `${name}==${version}`);
  const python = system === 'win32-x64' ? 'py -m pip' : 'python3 -m pip';
  return `${python} install ${pipArguments(system).join(' ')} --target "${folder}" ${packages.join(' ')}`;
}

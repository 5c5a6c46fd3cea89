/** What an engine says of a computer with one H200, for the scripted engine. */
import { CUDA_PACKAGES, CUDA_PART_IDS, CUDA_PARTS } from '../../../src-main/base/cuda-parts.js';

/** The pictures show a home that is nobody's. */
export const ADA = '/home/ada';

/** What `cli providers --json` says on one H200, with the folders of a person called Ada. */
export function h200(state: 'ready' | 'missing' | 'no-driver'): unknown {
  const packages = `${ADA}/.config/Likeness Lab/cuda`;
  const place = (id: (typeof CUDA_PART_IDS)[number]): string => {
    const { package: name, files } = CUDA_PARTS[id];
    const file = files['linux-x64'].source.replaceAll(/[\\^$]/g, '').replace(/\(.*\)/, CUDA_PACKAGES[name]);
    const folder = { 'onnxruntime-gpu': 'onnxruntime/capi', 'nvidia-cudnn-cu13': 'nvidia/cudnn/lib' }[name as string];
    return `${packages}/${folder ?? 'nvidia/cu13/lib'}/${file}`;
  };
  const parts = CUDA_PART_IDS.map((id, index) => {
    const { name, package: from } = CUDA_PARTS[id];
    const lacks = state === 'missing' && index > 4;
    const file = place(id);
    return {
      part: id,
      name,
      state: lacks ? 'missing' : 'present',
      expected: CUDA_PACKAGES[from],
      found: lacks ? null : CUDA_PACKAGES[from],
      file: lacks ? null : file,
      problem: lacks ? `${file.slice(file.lastIndexOf('/') + 1)} was not found.` : null,
    };
  });
  const driver = state !== 'no-driver';
  return {
    providers: [
      { provider: 'cpu', available: true, detail: 'AMD EPYC 9474F 48-Core Processor, 16 threads' },
      { provider: 'webgpu', available: true, detail: 'available' },
      {
        provider: 'cuda',
        available: state === 'ready',
        detail: state === 'ready' ? 'available' : 'It lacks something.',
      },
      { provider: 'dml', available: false, detail: 'onnxruntime-node 1.30.0 for linux-x64 has no dml provider.' },
    ],
    cuda: {
      complete: state === 'ready',
      driver: {
        state: driver ? 'present' : 'missing',
        expected: '580',
        found: driver ? '580.159.04' : null,
        cards: driver ? [{ name: 'NVIDIA H200', memoryBytes: 143_771 * 2 ** 20 }] : [],
      },
      parts,
      searched: [packages, '/usr/local/cuda-13.0/lib64', '/usr/lib/x86_64-linux-gnu', '/usr/lib'],
    },
  };
}

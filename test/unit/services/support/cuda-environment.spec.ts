import { delimiter } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cudaEnvironment } from '../../../../src-main/services/support/data-dir.js';

const folders = (...args: Parameters<typeof cudaEnvironment>): string[] =>
  (cudaEnvironment(...args)['LIKENESS_LAB_CUDA'] ?? '').split(delimiter);

describe('where the engine looks for CUDA', () => {
  it('is the choice of the settings, then what the command line names, then the app’s folder, each once', () => {
    expect(folders('/own', null, {})).toEqual(['/own']);
    expect(folders('/own', '/mine', { LIKENESS_LAB_CUDA: '' })).toEqual(['/mine', '/own']);
    const env = { LIKENESS_LAB_CUDA: ['/a', '/b', '/own'].join(delimiter) };
    expect(folders('/own', '/mine', env)).toEqual(['/mine', '/a', '/b', '/own']);
    expect(folders('/own', '/b', env)).toEqual(['/b', '/a', '/own']);
  });
});

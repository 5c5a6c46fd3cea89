import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/base/app-error.js';
import { readOnnxOutline, type OnnxOutline } from '../../../src-main/engine/weights/onnx-outline.js';
import { requireRecognitionModel } from '../../../src-main/engine/pack/recognition-model.js';
import { describePlace } from '../../../src-main/engine/pack/describe-place.js';
import { recognitionModel } from '../../support/recognition-model.js';
import { onnxBytes } from '../../integration/support/onnx-bytes.js';

const folder = mkdtempSync(join(tmpdir(), 'likeness-lab-onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'model.onnx');
const MODEL = onnxBytes({ inputs: ['a'], outputs: ['b', 'c'], initializers: ['layer1.0.bn1.weight', 'fc.weight'] });

const FORMED = recognitionModel();

async function outline(bytes: Uint8Array): Promise<unknown> {
  writeFileSync(file, bytes);
  return readOnnxOutline(file).catch((error: unknown) => {
    expect(error).toBeInstanceOf(AppError);
    return null;
  });
}

describe('readOnnxOutline', () => {
  it('reads names past the weights', async () => {
    expect(await outline(MODEL)).toMatchObject({
      inputs: [{ name: 'a', elemType: null, dims: null }],
      outputs: [{ name: 'b' }, { name: 'c' }],
      initializers: ['layer1.0.bn1.weight', 'fc.weight'],
    });
  });

  it('reads the form of inputs and outputs, without the weights among them', async () => {
    expect(await outline(FORMED)).toEqual({
      inputs: [{ name: 'face', elemType: 1, dims: [null, 3, 112, 112] }],
      outputs: [{ name: 'embedding', elemType: 1, dims: [1, 512] }],
      initializers: ['weights', 'zero'],
      firstOperators: ['AveragePool', 'Flatten', 'MatMul'],
      sizeBytes: FORMED.byteLength,
    });
  });

  it('throws nothing but AppError on damaged forms', async () => {
    // They lie behind the weights.
    const last = 250;
    await fc.assert(
      fc.asyncProperty(fc.nat(last - 1), fc.nat(255), async (fromEnd, value) => {
        const bytes = Uint8Array.from(FORMED);
        bytes[bytes.byteLength - 1 - fromEnd] = value;
        const read = await outline(bytes);
        if (read === null) return;
        try {
          requireRecognitionModel(read as OnnxOutline, file);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
      { seed: 11, numRuns: 100 },
    );
  });

  it('throws nothing but AppError on any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        await outline(bytes);
        await describePlace(file);
      }),
      { seed: 9, numRuns: 100 },
    );
  });

  it('throws nothing but AppError on a damaged model', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(MODEL.byteLength - 1),
        fc.nat(255),
        fc.nat(MODEL.byteLength),
        async (at, value, length) => {
          const bytes = Uint8Array.from(MODEL);
          bytes[at] = value;
          await outline(bytes.subarray(0, length));
        },
      ),
      { seed: 10, numRuns: 120 },
    );
  });
});

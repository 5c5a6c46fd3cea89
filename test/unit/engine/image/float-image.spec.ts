import { describe, expect, it } from 'vitest';
import { bgrCropToFloat, floatToImage, imageToFloat } from '../../../../src-main/engine/image/float-image.js';
import { readFixture, readFixtureF32 } from '../../support/read-fixture.js';

describe('imageToFloat', () => {
  it('splits the channels into planes and maps 0..255 to -1..1', () => {
    const image = { width: 2, height: 1, data: Uint8Array.from([0, 51, 255, 255, 0, 102]) };
    const expected = [-1, 1, 2 * Math.fround(51 / 255) - 1, -1, 1, 2 * Math.fround(102 / 255) - 1];
    expect(Array.from(imageToFloat(image))).toEqual(expected.map(Math.fround));
  });
});

describe('bgrCropToFloat', () => {
  it('keeps blue first', () => {
    expect(Array.from(bgrCropToFloat(Uint8Array.from([0, 0, 255]), 1, 1))).toEqual([-1, -1, 1]);
  });
});

describe('floatToImage', () => {
  it('is the inverse of imageToFloat for every level', () => {
    const data = Uint8Array.from({ length: 256 * 3 }, (_, i) => i % 256);
    const image = { width: 256, height: 1, data };
    expect(floatToImage(imageToFloat(image), 256, 1).data).toEqual(data);
  });

  it('holds values outside -1..1 and rounds ties to even', () => {
    const half = Math.fround((2 * 2.5) / 255 - 1);
    const image = floatToImage(Float32Array.from([-9, 9, half]), 1, 1);
    expect([image.data[0], image.data[1]]).toEqual([0, 255]);
    expect([2, 3]).toContain(image.data[2]);
  });

  it('gives the reference picture for the reference decoder output', () => {
    const path = 'reference-tiny/expected.safetensors';
    const planes = readFixture(path)('image_u8').data as Uint8Array;
    const { data } = floatToImage(readFixtureF32(path)('decoded'), 96, 64);
    const pixels = 96 * 64;
    for (let i = 0; i < pixels * 3; i++) expect(data[(i % pixels) * 3 + Math.floor(i / pixels)]).toBe(planes[i]);
  });

  it('refuses planes of another size', () => {
    expect(() => floatToImage(new Float32Array(5), 1, 2)).toThrow(/1 x 2/);
  });
});

import { describe, expect, it } from 'vitest';
import {
  encodersOf,
  faceBy,
  faceCosine,
  type FaceEncoder,
} from '../../../../src-main/compare/measures/face-encoders.js';

const by = (encoder: string, weightHash: string | null, conditioned: boolean): FaceEncoder => ({
  encoder,
  weightHash,
  conditioned,
});
const arcface = by('arcface', 'a1', true);
const second = by('glintr100', 'b2', false);

describe('encodersOf', () => {
  it('names each once, those that conditioned first', () => {
    expect(encodersOf([[second, arcface], [arcface, second], [arcface]])).toEqual([arcface, second]);
    expect(encodersOf([[], []])).toEqual([]);
  });

  it('takes a picture without a face for one by the encoder of its name', () => {
    expect(encodersOf([[by('arcface', null, true), second], [arcface]])).toEqual([arcface, second]);
    expect(encodersOf([[by('arcface', null, true)]])).toEqual([by('arcface', null, true)]);
  });

  it('keeps networks of one name apart by their weights', () => {
    const other = by('arcface', 'c3', true);
    expect(encodersOf([[arcface], [other]])).toEqual([arcface, other]);
    const faces = [{ ...other, identityScore: 0.5 }];
    expect(faceBy(other, faces)?.identityScore).toBe(0.5);
    expect(faceBy(arcface, faces)).toBeUndefined();
  });
});

describe('faceCosine', () => {
  const own = new Map([['a1', Float32Array.of(1, 0)], ['b2', Float32Array.of(0, 1)]]); // prettier-ignore
  const base = new Map([['a1', Float32Array.of(0.6, 0.8)]]);

  it('is the cosine by the same weights', () => {
    expect(faceCosine(arcface, own, base)).toBeCloseTo(0.6, 6);
  });

  it('is not known where either has no face by them', () => {
    expect(faceCosine(second, own, base)).toBeNull();
    expect(faceCosine(by('arcface', null, true), own, base)).toBeNull();
  });
});

import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../src-main/base/app-error.js';
import { parseClipConfig } from '../../../../src-main/engine/graph/clip-text.js';
import { parseFluxConfig } from '../../../../src-main/engine/graph/flux-config.js';
import { parseT5Config } from '../../../../src-main/engine/graph/t5-encoder.js';
import { parseVaeConfig } from '../../../../src-main/engine/graph/vae.js';
import { parsePackManifest } from '../../../../src-main/engine/pack/pack-manifest.js';

const SEED = 20261124;
const real = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(`test/fixtures/reference-tiny/flux/${path}/config.json`, 'utf8')) as Record<string, unknown>;

const PARSERS = [
  ['FLUX', (json: unknown) => parseFluxConfig(json, 'config.json'), real('transformer')],
  ['T5', (json: unknown) => parseT5Config(json, 'config.json'), real('text_encoder_2')],
  ['CLIP', (json: unknown) => parseClipConfig(json, 'config.json'), real('text_encoder')],
  ['VAE', (json: unknown) => parseVaeConfig(json, 'config.json'), real('vae')],
  ['pack.json', (json: unknown) => parsePackManifest(JSON.stringify(json) ?? '', 'pack.json'), { formatVersion: 1 }],
] as const;

/** Runs the parser; anything but a value or an AppError is a failure. */
function survives(parse: (json: unknown) => unknown, json: unknown): void {
  try {
    parse(json);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
  }
}

describe.each(PARSERS)('the %s parser', (_, parse, valid) => {
  it('answers any JSON with a config or an AppError', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => survives(parse, json)),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('answers a real config with one field replaced likewise', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(valid)), fc.jsonValue(), (key, value) =>
        survives(parse, { ...valid, [key]: value }),
      ),
      { seed: SEED, numRuns: 1000 },
    );
  });
});

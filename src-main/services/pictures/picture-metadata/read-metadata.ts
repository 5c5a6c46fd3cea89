/** Reads a PNG's settings: from our chunk, else from A1111's text. */
import { AppError } from '../../../base/app-error.js';
import { variantDescription } from '../../../contract/formats.js';
import { settingsOf } from '../../../contract/generation-settings.js';
import type { PictureMetadata } from '../../../contract/picture-metadata.js';
import { A1111_KEYWORD, parseParameters } from './a1111.js';
import { OWN_KEYWORD, readOwnChunk, type OwnChunk } from './own-chunk.js';
import { readPngTexts } from './png-text.js';

type ReadMetadata = Omit<PictureMetadata, 'runId'> & {
  /** From our chunk, to find the run in this gallery. */
  readonly pixelHash: string | null;
};

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

function identityFacts({ faceScores }: OwnChunk): PictureMetadata['facts'] {
  return faceScores.flatMap(({ encoder, conditioned, identityScore: score }) => {
    if (score === null) return [];
    const role = conditioned ? 'conditioned the picture' : 'scores only';
    return [{ label: `Identity score, ${encoder}`, value: `${score.toFixed(4)} (${role})` }];
  });
}

function factsOf(chunk: OwnChunk): PictureMetadata['facts'] {
  const fact = (label: string, value: string): { label: string; value: string } => ({ label, value });
  return [
    fact('Variant', variantDescription(chunk.formats)),
    ...(chunk.deviceId === undefined ? [] : [fact('Device', `${chunk.provider}:${chunk.deviceId}`)]),
    fact('Compute type', chunk.computeDtype),
    ...chunk.loras.map(({ name, weight }) => fact('LoRA', `${name} ${weight}`)),
    fact('Identity photo', chunk.identity ? 'used' : 'none'),
    fact('Pose photo', chunk.pose ? 'used' : 'none'),
    ...identityFacts(chunk),
    fact('Seconds', chunk.totalSeconds.toFixed(2)),
    ...chunk.phases.map((phase) =>
      fact(
        `Peak, ${phase.phase}`,
        phase.devicePeakBytes === null
          ? `${gib(phase.hostPeakBytes)} (${phase.hostSource})`
          : `${gib(phase.devicePeakBytes)} (${phase.deviceSource ?? 'unnamed source'})`,
      ),
    ),
    ...chunk.keepList.map((pattern) => fact('Kept in 16-bit', pattern)),
    ...Object.entries(chunk.weightTypes).map(([name, type]) => fact(`File, ${name}`, type)),
    ...Object.entries(chunk.weightHashes).map(([name, hash]) => fact(`Weights, ${name}`, hash)),
    ...Object.entries(chunk.versions).map(([name, version]) => fact(`Version, ${name}`, version)),
    fact('App version', chunk.appVersion),
  ];
}

/**
 * @param png bytes of an untrusted file
 * @throws AppError image.unreadable, metadata.none
 */
export function readMetadata(png: Uint8Array): ReadMetadata {
  const texts = readPngTexts(png);
  const parameters = texts.get(A1111_KEYWORD) ?? null;
  const own = readOwnChunk(texts.get(OWN_KEYWORD) ?? '');
  if (own !== null) {
    return {
      source: 'likeness-lab',
      settings: {
        ...settingsOf(own),
        negativePrompt: null,
        provider: own.provider,
        packName: own.packName,
        formats: own.formats,
        loras: own.loras.map((lora) => ({ ...lora, loraId: null })),
      },
      facts: factsOf(own),
      parameters,
      pixelHash: own.pixelHash,
    };
  }
  const read = parameters === null ? null : parseParameters(parameters);
  if (read === null) {
    throw new AppError('metadata.none', 'This picture contains no readable settings.', {
      remedy: 'Pictures lose their settings when they are edited, shared or converted; use the original PNG.',
    });
  }
  return {
    source: 'a1111',
    settings: read.settings,
    facts: read.pairs.slice(0, 100).map(([label, value]) => ({ label, value })),
    parameters,
    pixelHash: null,
  };
}

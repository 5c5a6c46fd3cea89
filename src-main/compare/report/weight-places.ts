/** Where the denoiser's weights were while pictures were made, as figures and as text. Pure. */
import { median, present } from '../statistics/medians.js';
import { gib } from './plain-numbers.js';

/** Bytes. */
export interface WeightPlaces {
  readonly residentBytes: number;
  /** Brought to the device in each step. */
  readonly streamedBytes: number;
  /** Of the streamed ones, those read from their files in each step. */
  readonly fromDiskBytes: number;
}

/** Medians over the pictures of a variant; null where the provider holds all weights. */
export function placesFigures(runs: readonly (WeightPlaces | null | undefined)[]): WeightPlaces | null {
  const places = present(runs);
  const of = (key: keyof WeightPlaces): number => median(places.map((each) => each[key])) ?? 0;
  if (places.length === 0) return null;
  return {
    residentBytes: of('residentBytes'),
    streamedBytes: of('streamedBytes'),
    fromDiskBytes: of('fromDiskBytes'),
  };
}

/** `resident 7.25 GiB, streamed 14.90 GiB in each step (3.10 GiB from disk)`; null where nothing was streamed. */
export function streamingPhrase(places: WeightPlaces | null): string | null {
  if (places === null || places.streamedBytes === 0) return null;
  const { residentBytes, streamedBytes, fromDiskBytes } = places;
  const disk = fromDiskBytes === 0 ? '' : ` (${gib(fromDiskBytes)} GiB from disk)`;
  return `resident ${gib(residentBytes)} GiB, streamed ${gib(streamedBytes)} GiB in each step${disk}`;
}

interface Placed {
  readonly name: string;
  readonly weightPlaces: WeightPlaces | null;
}

/** A line for each variant that streams, such as `All 16-bit: resident 7.25 GiB, streamed 14.90 GiB in each step`. */
export function streamingLines(variants: readonly Placed[]): string[] {
  return variants.flatMap(({ name, weightPlaces }) => {
    const phrase = streamingPhrase(weightPlaces);
    return phrase === null ? [] : [`${name}: ${phrase}`];
  });
}

/** The same as one sentence; none where nothing was streamed. */
export function streamingSentences(variants: readonly Placed[]): string[] {
  const lines = streamingLines(variants);
  if (lines.length === 0) return [];
  return [
    `Weights that did not stay on the card: ${lines.join('; ')}. The picture is the same; steps may take longer.`,
  ];
}

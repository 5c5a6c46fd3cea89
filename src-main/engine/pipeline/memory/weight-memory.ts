/** How much memory a denoiser's weights may take where a provider streams those that do not fit. */
import type { DeviceChoice, Provider } from '../../protocol.js';
import { readDeviceMemory } from '../../runtime/device-memory.js';
import type { WeightMemory } from '../../runtime/session.js';
import { contextBytes, stepBytes } from './denoise-memory.js';

/** Of the free memory left to others without a limit: what a desktop draws with grows, and a full card spills. */
const RESERVE = 0.05;
/** Of a limit left for what the estimate of a step does not know. */
const MARGIN = 0.02;
/** Of the free host memory for streamed weights, which no other program can have meanwhile. */
const HOST_SHARE = 0.5;

/** What a step needs beside resident weights. */
export interface StepNeeds {
  /** Of picture and text. */
  readonly tokens: number;
  /** Width of the stream. */
  readonly hidden: number;
  /** Bytes of weights that are expanded at a time. */
  readonly expandedBytes: number;
}

/** Bytes of the device that weights may take. @param limitBytes of the whole run; undefined: what is free, less a reserve */
export function weightBudget(
  provider: Provider,
  limitBytes: number | undefined,
  freeBytes: number | null,
  needs: StepNeeds,
): number {
  const free = freeBytes === null ? Infinity : freeBytes * (1 - RESERVE);
  const allowed = limitBytes === undefined ? free : Math.min(limitBytes * (1 - MARGIN), freeBytes ?? Infinity);
  return allowed - besideWeights(provider, needs);
}

/** Bytes on the device at a step's peak, without resident and streamed weights. */
function besideWeights(provider: Provider, { tokens, hidden, expandedBytes }: StepNeeds): number {
  return contextBytes(provider) + stepBytes(tokens, hidden, provider) + expandedBytes;
}

export async function weightMemory(
  device: DeviceChoice,
  limitBytes: number | undefined,
  needs: StepNeeds,
): Promise<WeightMemory> {
  const free = (await readDeviceMemory(device))?.freeBytes ?? null;
  return {
    deviceBytes: weightBudget(device.provider, limitBytes, free, needs),
    hostBytes: process.availableMemory() * HOST_SHARE,
    onePass: false,
    otherBytes: besideWeights(device.provider, needs),
  };
}

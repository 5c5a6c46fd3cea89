/** Memory estimates before a run: what each variant needs, whether it fits, and an alternative that does. */
import { streamsWeights } from '../../base/vocabulary.js';
import { VARIANT_LADDER, variantKey, WEIGHT_FORMATS, type FormatChoice } from '../../contract/formats.js';
import { memoryLimitBytes } from '../../contract/generation-settings.js';
import type { Estimate, EstimateInput, VariantEstimate } from '../../contract/pack.js';
import type { EstimateResult } from '../../engine/protocol.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { PackService } from '../packs/pack-service.js';
import type { SettingsService } from '../support/settings-service.js';

/** Above this share of the free memory it is tight: drivers, fragmentation and other windows need some, too. */
const COMFORTABLE = 0.9;
/** What is streamed follows from the free memory: after a change by this share of it, kept answers are wrong. */
const MOVED = 0.01;

type Asked = Omit<EstimateInput, 'variants'>;

/** The engine estimates from headers alone; answers are kept by pack, variant, size, limit and formats. */
export class EstimateService {
  readonly #packs: Pick<PackService, 'folder'>;
  readonly #helper: Pick<EngineClient, 'request'>;
  readonly #settings: Pick<SettingsService, 'device'>;
  readonly #kept = new Map<string, EstimateResult>();
  /** With which answers about streaming were kept. */
  #freeBytes: number | null = null;

  constructor(
    packs: Pick<PackService, 'folder'>,
    helper: Pick<EngineClient, 'request'>,
    settings: Pick<SettingsService, 'device'>,
  ) {
    this.#packs = packs;
    this.#helper = helper;
    this.#settings = settings;
  }

  async estimate(input: EstimateInput): Promise<Estimate> {
    const [first] = input.variants;
    // Free memory changes, so one answer is always new.
    const fresh = await this.#ask(input, first ?? (VARIANT_LADDER[0] as FormatChoice), true);
    const { freeBytes, freeSource } = fresh;
    const variants: VariantEstimate[] = [];
    for (const formats of input.variants) {
      const result = await this.#ask(input, formats, false);
      const fit = fitOf(result, freeBytes, input);
      const alternative = fit === 'too-big' && freeBytes !== null ? await this.alternative(input, freeBytes) : null;
      variants.push({
        formats,
        parts: { ...result.parts },
        loadBytes: result.loadBytes,
        peakBytes: result.peakBytes,
        streamedBytes: result.weightPlaces?.streamedBytes ?? 0,
        fit,
        alternative,
      });
    }
    return { freeBytes, freeSource, limitBytes: limitOf(input), variants };
  }

  /** The engine's estimate for one variant. @param fresh reads the free memory again */
  details(settings: Asked & { readonly formats: FormatChoice }, { fresh = false } = {}): Promise<EstimateResult> {
    return this.#ask(settings, settings.formats, fresh);
  }

  /** The most precise formats whose peak fits comfortably into the free memory; null where none do. */
  async alternative(input: Asked, freeBytes: number): Promise<FormatChoice | null> {
    for (const formats of VARIANT_LADDER) {
      if (fitOf(await this.#ask(input, formats, false), freeBytes, input) === 'fits') return formats;
    }
    return null;
  }

  async #ask(input: Asked, formats: FormatChoice, fresh: boolean): Promise<EstimateResult> {
    const { packId, provider, modelVariant, width, height, decode, memoryLimit } = input;
    const device = this.#settings.device(provider);
    const asked = [packId, provider, device.deviceId, modelVariant, width, height, decode, memoryLimit];
    const key = [...asked, variantKey(formats)].join('|');
    const kept = this.#kept.get(key);
    if (kept !== undefined && !fresh) return kept;
    const result = await this.#helper.request<'estimate'>({
      kind: 'estimate',
      params: {
        packPath: this.#packs.folder(packId),
        provider,
        ...device,
        formats,
        modelVariant,
        width,
        height,
        ...(decode === undefined ? {} : { decode }),
        ...memoryLimitBytes({ memoryLimit }),
      },
    });
    // Every combination of formats for a few sizes.
    if (this.#kept.size > WEIGHT_FORMATS.length ** 3 * 8) this.#kept.clear();
    if (streamsWeights(provider) && moved(this.#freeBytes, result.freeBytes)) {
      this.#kept.clear();
      this.#freeBytes = result.freeBytes;
    }
    this.#kept.set(key, result);
    return result;
  }
}

function moved(before: number | null, now: number | null): boolean {
  return before === null || now === null ? before !== now : Math.abs(now - before) > before * MOVED;
}

/** Bytes; null without a limit, and where the provider holds all weights. */
function limitOf({ provider, memoryLimit }: Pick<Asked, 'provider' | 'memoryLimit'>): number | null {
  return streamsWeights(provider) ? (memoryLimitBytes({ memoryLimit }).memoryLimitBytes ?? null) : null;
}

/** Whether an estimate fits what is free, and the limit. What is streamed leaves the reserve free, so it is never tight. */
export function fitOf(
  { peakBytes, weightPlaces }: Pick<EstimateResult, 'peakBytes' | 'weightPlaces'>,
  freeBytes: number | null,
  asked: Pick<Asked, 'provider' | 'memoryLimit'>,
): VariantEstimate['fit'] {
  const limit = limitOf(asked);
  if (limit !== null && peakBytes > limit) return 'too-big';
  if (freeBytes === null) return 'unknown';
  if (peakBytes > freeBytes) return 'too-big';
  const streams = weightPlaces !== null && weightPlaces.streamedBytes > 0;
  return streams || peakBytes <= freeBytes * COMFORTABLE ? 'fits' : 'tight';
}

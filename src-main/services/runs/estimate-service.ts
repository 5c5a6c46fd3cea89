/** Memory estimates before a run: what each variant needs, whether it fits, and an alternative that does. */
import { VARIANT_LADDER, variantKey, WEIGHT_FORMATS, type FormatChoice } from '../../contract/formats.js';
import type { Estimate, EstimateInput, VariantEstimate } from '../../contract/pack.js';
import type { EstimateResult } from '../../engine/protocol.js';
import type { EngineClient } from '../engine/engine-client.js';
import type { PackService } from '../packs/pack-service.js';
import type { SettingsService } from '../support/settings-service.js';

/** Above this share of the free memory it is tight: drivers, fragmentation and other windows need some, too. */
const COMFORTABLE = 0.9;

type Asked = Omit<EstimateInput, 'variants'>;

/** The engine estimates from headers alone; answers are kept by pack, variant, size and formats. */
export class EstimateService {
  readonly #packs: PackService;
  readonly #helper: EngineClient;
  readonly #settings: Pick<SettingsService, 'device'>;
  readonly #kept = new Map<string, EstimateResult>();

  constructor(packs: PackService, helper: EngineClient, settings: Pick<SettingsService, 'device'>) {
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
      const fit = fitOf(result.peakBytes, freeBytes);
      const alternative = fit === 'too-big' && freeBytes !== null ? await this.alternative(input, freeBytes) : null;
      variants.push({
        formats,
        parts: { ...result.parts },
        loadBytes: result.loadBytes,
        peakBytes: result.peakBytes,
        fit,
        alternative,
      });
    }
    return { freeBytes, freeSource, variants };
  }

  /** The engine's estimate for one variant. @param fresh reads the free memory again */
  details(settings: Asked & { readonly formats: FormatChoice }, { fresh = false } = {}): Promise<EstimateResult> {
    return this.#ask(settings, settings.formats, fresh);
  }

  /** The most precise formats whose peak fits comfortably into the free memory; null where none do. */
  async alternative(input: Asked, freeBytes: number): Promise<FormatChoice | null> {
    for (const formats of VARIANT_LADDER) {
      const { peakBytes } = await this.#ask(input, formats, false);
      if (peakBytes <= freeBytes * COMFORTABLE) return formats;
    }
    return null;
  }

  async #ask(input: Asked, formats: FormatChoice, fresh: boolean): Promise<EstimateResult> {
    const { packId, provider, modelVariant, width, height, decode } = input;
    const device = this.#settings.device(provider);
    const key = [packId, provider, device.deviceId, modelVariant, width, height, decode, variantKey(formats)].join('|');
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
      },
    });
    // Every combination of formats for a few sizes.
    if (this.#kept.size > WEIGHT_FORMATS.length ** 3 * 8) this.#kept.clear();
    this.#kept.set(key, result);
    return result;
  }
}

export function fitOf(peakBytes: number, freeBytes: number | null): VariantEstimate['fit'] {
  if (freeBytes === null) return 'unknown';
  if (peakBytes <= freeBytes * COMFORTABLE) return 'fits';
  return peakBytes <= freeBytes ? 'tight' : 'too-big';
}

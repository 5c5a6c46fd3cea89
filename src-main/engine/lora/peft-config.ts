/**
 * The scale of a LoRA whose tensors do not say it: from the configuration that diffusers writes into the header, or that
 * PEFT writes beside the file.
 *
 * @source huggingface/diffusers loaders/lora_base.py (`lora_adapter_metadata`); peft 0.21.2 tuners/lora/{config,model,
 * layer}.py, tuners/lycoris_utils.py
 */
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';
import { malformed, quoted } from '../weights/weights-error.js';
import { NamePatterns, PatternError } from './name-pattern.js';

const KEY = 'lora_adapter_metadata';
/** Component of the pipeline in that metadata. */
const ROOT = 'transformer.';
/** PEFT's file of the configuration. */
export const CONFIG_FILE = 'adapter_config.json';

export type PeftKind = 'LORA' | 'LOHA' | 'LOKR';
const KINDS: readonly string[] = ['LORA', 'LOHA', 'LOKR'] satisfies readonly PeftKind[];

const number = z.number().nullish();
const numbers = z.record(z.string(), z.number()).nullish();
const schema = z.object({
  peft_type: z.string().nullish(),
  r: number,
  lora_alpha: number,
  alpha: number,
  use_rslora: z.boolean().nullish(),
  alpha_pattern: numbers,
  rank_pattern: numbers,
  init_lora_weights: z.unknown().optional(),
});

/** How many steps of training begin at a changed base: what they store belongs to that base. */
const CHANGED_BASE = /^(?:pissa|olora|corda|loftq|lora_ga)/i;

export class PeftConfig {
  readonly kind: PeftKind;
  readonly #file: string;
  readonly #config: z.infer<typeof schema>;
  readonly #alphas: NamePatterns<number>;
  readonly #ranks: NamePatterns<number>;

  private constructor(json: unknown, place: string, file: string) {
    const parsed = schema.safeParse(json);
    if (!parsed.success) throw malformed(file, `has ${place} of an unknown form.`, parsed.error);
    const config = parsed.data;
    const kind = config.peft_type ?? 'LORA';
    if (!KINDS.includes(kind)) throw unread(file, `${kind} of PEFT`);
    if (typeof config.init_lora_weights === 'string' && CHANGED_BASE.test(config.init_lora_weights)) {
      throw unread(
        file,
        `a LoRA that starts from ${quoted(config.init_lora_weights)}, which changes FLUX's own weights,`,
      );
    }
    this.kind = kind as PeftKind;
    this.#file = file;
    this.#config = config;
    this.#alphas = new NamePatterns(config.alpha_pattern ?? {});
    this.#ranks = new NamePatterns(config.rank_pattern ?? {});
  }

  /** In the header; null when there is none. @param file for messages @throws AppError weights.malformed */
  static inHeader(metadata: Readonly<Record<string, string>>, file: string): PeftConfig | null {
    const text = metadata[KEY];
    if (text === undefined) return null;
    const json = parsedJson(text, `a "${KEY}"`, file);
    const own = Object.entries(json).flatMap(([key, value]) =>
      key.startsWith(ROOT) ? [[key.slice(ROOT.length), value] as const] : [],
    );
    return new PeftConfig(Object.fromEntries(own), `a "${KEY}"`, file);
  }

  /** Of the file beside the LoRA. @param text its contents @throws AppError weights.malformed, weights.unexpected-tensor */
  static beside(text: string, file: string): PeftConfig {
    return new PeftConfig(
      parsedJson(text.replace(/^\ufeff/, ''), `an ${CONFIG_FILE}`, file),
      `an ${CONFIG_FILE}`,
      file,
    );
  }

  /**
   * alpha / r, or alpha / √r if the configuration says so. An alpha that is not configured is r.
   *
   * @param module name with dots
   * @param rank of the module's tensors; null where they do not show it
   * @throws AppError weights.malformed
   */
  scaleOf(module: string, rank: number | null): number {
    const { lora_alpha, alpha, r, use_rslora } = this.#config;
    try {
      const configured = rank ?? this.#ranks.valueFor(module) ?? r ?? 1;
      const numerator = this.#alphas.valueFor(module) ?? (this.kind === 'LORA' ? lora_alpha : alpha) ?? configured;
      return numerator / (use_rslora === true && this.kind === 'LORA' ? Math.sqrt(configured) : configured);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw malformed(this.#file, `has a pattern of module names that ${error.message}.`, error);
    }
  }
}

function parsedJson(text: string, place: string, file: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(file, `has ${place} that is not JSON.`, cause);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw malformed(file, `has ${place} that is not a JSON object.`);
  }
  return json as Record<string, unknown>;
}

function unread(file: string, kind: string): AppError {
  return new AppError('weights.unexpected-tensor', `The LoRA ${file} is ${kind}, which is not read.`, {
    remedy: 'Use a LoRA, LoHa, LoKr or DoRA for FLUX.1, or convert it with the tool that trained it.',
    details: { file },
  });
}

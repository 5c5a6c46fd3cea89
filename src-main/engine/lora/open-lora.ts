/** Opens a LoRA file, and the configuration beside it. Reads headers only. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../base/app-error.js';
import { readText } from '../../disk/text-file.js';
import type { LoraChoice } from '../protocol.js';
import { openTensorFile } from '../weights/open-tensor-file.js';
import { storedDtype, type TensorSource } from '../weights/tensor-source.js';
import { malformed, unreadable, unsupportedDtype } from '../weights/weights-error.js';
import type { LoraTargets } from './lora-targets.js';
import { isPeftLayout, parseLora, type ParsedLora } from './parse-lora.js';
import { CONFIG_FILE, PeftConfig } from './peft-config.js';

/** PEFT's own have a few kB. */
const MAX_CONFIG_BYTES = 2 ** 20;

export interface OpenLora extends ParsedLora {
  readonly source: TensorSource;
  readonly weight: number;
  /** Contents of the configuration beside the file; null when there is none or it is not needed. */
  readonly config: string | null;
}

/** Close its source after use. @throws AppError engine.request-invalid, weights.* */
export async function openLora({ path, weight }: LoraChoice, targets: LoraTargets): Promise<OpenLora> {
  if (!Number.isFinite(weight)) {
    throw new AppError('engine.request-invalid', `The weight of the LoRA ${path} is ${weight}, expected a number.`, {
      remedy: 'Change the setting and run again.',
    });
  }
  const source = await openTensorFile(path);
  try {
    const packed = [...source.entries.values()].find(({ origin }) => origin !== undefined);
    if (packed !== undefined) throw unsupportedDtype(path, packed.name, `${storedDtype(packed)} in a LoRA`);
    const inHeader = PeftConfig.inHeader(source.metadata, path);
    const isPeft = isPeftLayout(source.entries) || basename(path).startsWith('adapter_model.');
    const config = inHeader === null && isPeft ? await readConfig(path) : null;
    const peft = config === null ? inHeader : PeftConfig.beside(config, path);
    return { source, weight, config, ...parseLora(source.entries, targets, peft, path) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** @throws AppError weights.malformed, weights.unreadable */
async function readConfig(path: string): Promise<string | null> {
  const file = join(dirname(path), CONFIG_FILE);
  const size = (await stat(file).catch(() => null))?.size;
  if (size === undefined) return null;
  if (size > MAX_CONFIG_BYTES) {
    throw malformed(path, `has an ${CONFIG_FILE} of ${size} bytes beside it; at most ${MAX_CONFIG_BYTES} are read.`);
  }
  try {
    return await readText(file);
  } catch (cause) {
    throw unreadable(path, `has an ${CONFIG_FILE} beside it that could not be read.`, cause);
  }
}

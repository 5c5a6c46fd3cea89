/** Options that several commands share. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { MAX_DEVICE_ID } from '../contract/formats.js';
import { MEMORY_LIMIT } from '../contract/generation-settings.js';
import { PROVIDERS, WEIGHT_FORMATS } from '../engine/protocol.js';
import { integer, number } from './options.js';

export function addOptions(command: Command, ...options: readonly Option[]): Command {
  for (const option of options) command.addOption(option);
  return command;
}

/** The identity: a photo or an embedding. @param photo help of `--identity` */
export function identityOptions(command: Command, photo: string): Command {
  const embedding = 'embedding instead of a photo: JSON array, raw little-endian f32, or safetensors';
  return command
    .option('--identity <image>', photo)
    .option('--identity-embedding <file>', embedding)
    .option('--face <index>', 'which face of the photo, largest first', integer('--face', 0, 1000), 0);
}

export function formatOption(flag: string, what: string): Option {
  return new Option(`--${flag} <format>`, `weight format of ${what}`).choices(WEIGHT_FORMATS).default('16-bit');
}

export function providerOption(): Option {
  return new Option('--provider <name>', 'execution provider').choices(PROVIDERS).default('cpu');
}

export function deviceOption(): Option {
  return new Option('--device-id <n>', 'index of the GPU, for cuda and dml')
    .argParser(integer('--device-id', 0, MAX_DEVICE_ID))
    .default(0);
}

/** For another computer's device, or to check one dtype. */
export function computeOption(): Option {
  return new Option('--compute <dtype>', 'dtype that the device computes in (default: found by a trial)').choices([
    'f32',
    'f16',
  ]);
}

function decodeOption(): Option {
  return new Option('--decode <how>', 'latents to pixels: in tiles takes less memory and gives the same picture')
    .choices(['auto', 'whole', 'tiles'])
    .default('auto');
}

function memoryOption(): Option {
  return new Option(
    '--memory-limit <GiB>',
    'of the card, on cuda: weights beyond it are streamed in every step (default: what is free)',
  ).argParser(number('--memory-limit', MEMORY_LIMIT.min, MEMORY_LIMIT.max));
}

export function pictureOptions(): Option[] {
  return [providerOption(), deviceOption(), decodeOption(), memoryOption(), cacheOption()];
}

export function cacheOption(): Option {
  return new Option('--cache <folder>', 'folder of converted weights').default(join(tmpdir(), 'likeness-lab-cache'));
}

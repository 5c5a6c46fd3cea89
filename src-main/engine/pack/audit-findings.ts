/** Findings about networks: for each kind of problem what was found, what was expected, and what to do. Pure. */
import { basename } from 'node:path';
import type { AuditFinding } from '../protocol/audit-report.js';
import { IDENTITY_TEXT, type Identity } from './audit-identify.js';

type State = AuditFinding['state'];

export function finding(state: State, kind: string, file: string, sentence: string, remedy: string): AuditFinding {
  return { state, kind, file, sentence, remedy };
}

/** The file's name, after what it should be where that is told. */
export function named(label: string, file: string): string {
  const name = basename(file);
  return label === name ? name : `${label}: ${name}`;
}

export function otherClass(label: string, file: string, found: string, expected: string): AuditFinding {
  return finding(
    'other-model',
    'config-of-other-class',
    file,
    `${label}: config.json is of ${found}, expected ${expected}.`,
    'The folder contains another model. Choose the folder of the model that belongs here.',
  );
}

export function schnell(label: string, file: string): AuditFinding {
  return finding(
    'other-model',
    'schnell',
    file,
    `${label}: this is FLUX.1-schnell, which has no guidance embedder; expected FLUX.1-dev.`,
    'InfiniteYou was trained with FLUX.1-dev. Get black-forest-labs/FLUX.1-dev.',
  );
}

export function fluxTools(label: string, file: string, channels: number): AuditFinding {
  return finding(
    'other-model',
    'flux-tools',
    file,
    `${label}: this FLUX reads ${channels} channels, expected 64: it is ${TOOLS[channels] ?? 'another model'}.`,
    'Get black-forest-labs/FLUX.1-dev itself.',
  );
}

/** FLUX.1's relatives by what they read beside the latents. */
const TOOLS: Readonly<Record<number, string>> = { 128: 'FLUX.1 Canny or Depth', 384: 'FLUX.1 Fill' };

export function reshapedInput(label: string, file: string, shape: readonly number[], rows: number): AuditFinding {
  return finding(
    'other-model',
    'reshaped-input',
    file,
    `${label}: the first layer has shape [${shape.join(', ')}], expected ${rows} rows as its bias has: the program that wrote the file reshaped it and does not say from what.`,
    'Get this model as a file of another maker.',
  );
}

export function otherVae(label: string, file: string, channels: number): AuditFinding {
  return finding(
    'other-model',
    'other-vae',
    file,
    `${label} has ${channels} latent channels, expected 16: it is ${VAES[channels] ?? 'another model’s'}.`,
    'Get ae.safetensors, FLUX.1’s own VAE.',
  );
}

/** Whose autoencoder it is, by its latent channels. */
const VAES: Readonly<Record<number, string>> = { 4: 'Stable Diffusion’s or SDXL’s', 32: 'FLUX.2’s' };

export function reducedModel(label: string, file: string, found: number, expected: number): AuditFinding {
  return finding(
    'other-model',
    'other-size',
    file,
    `${label}: this network has ${found} tensors, expected ${expected}: it is a reduced or extended model.`,
    'Get the original model from its own repository.',
  );
}

export function wrongVariant(label: string, file: string, expected: string): AuditFinding {
  return finding(
    'other-model',
    'wrong-variant',
    file,
    `${named(label, file)} is of another variant, expected ${expected}.`,
    'Move it to the folder of its own variant, and get the file that belongs here.',
  );
}

export function otherModel(label: string, file: string, identity: Identity): AuditFinding {
  const { what, remedy } = IDENTITY_TEXT[identity];
  return finding('other-model', `is-${identity}`, file, `${named(label, file)} contains ${what}.`, remedy);
}

/** @param identity of one of the parts, of which some tensors are there */
export function incompletePart(label: string, file: string, identity: Identity): AuditFinding {
  return finding(
    'damaged',
    'part-incomplete',
    file,
    `${named(label, file)} contains some tensors of ${IDENTITY_TEXT[identity].what}, not all.`,
    'The file is incomplete or was edited. Get the whole one from the model’s own repository.',
  );
}

export function unknownNetwork(label: string, file: string): AuditFinding {
  return finding(
    'other-model',
    'unknown-network',
    file,
    `${named(label, file)} contains no network that this app knows.`,
    'Choose the file of this part.',
  );
}

const LISTED = 3;
function some(names: readonly string[]): string {
  const listed = names.slice(0, LISTED).join(', ');
  return names.length > LISTED ? `${listed} and ${names.length - LISTED} more` : listed;
}

export function missingTensors(label: string, file: string, names: readonly string[], expected: number): AuditFinding {
  return finding(
    'damaged',
    'tensors-missing',
    file,
    `${label}: ${names.length} of ${expected} tensors are missing: ${some(names)}.`,
    'The weights are incomplete or were edited. Download them again.',
  );
}

export function unexpectedTensors(label: string, file: string, names: readonly string[]): AuditFinding {
  return finding(
    'other-model',
    'tensors-unexpected',
    file,
    `${label}: ${names.length} tensors do not belong to this network: ${some(names)}.`,
    'The weights are of a modified model. Get the original ones.',
  );
}

export function wrongShape(
  label: string,
  file: string,
  name: string,
  found: readonly number[],
  expected: readonly (number | null)[],
): AuditFinding {
  return finding(
    'other-model',
    'wrong-shape',
    file,
    `${label}: "${name}" has shape [${found.join(', ')}], expected [${expected.map((dim) => dim ?? 'any').join(', ')}] by config.json.`,
    'Weights and config.json are of different models. Download both from one repository.',
  );
}

export function wrongDtype(label: string, file: string, name: string, dtype: string): AuditFinding {
  return finding(
    'other-model',
    'wrong-dtype',
    file,
    `${label}: "${name}" is stored as ${dtype}, expected a float type.`,
    'Get the 16-bit weights; the app quantizes them itself.',
  );
}

export function otherVocabulary(label: string, place: string, found: number, expected: number): AuditFinding {
  return finding(
    'other-model',
    'other-vocabulary',
    place,
    `${label}: ${basename(place)} has ${found} tokens, expected ${expected}: it is another model’s.`,
    'Choose the tokenizer of FLUX.1-dev, or download it here.',
  );
}

export function otherTokenizer(label: string, place: string): AuditFinding {
  return finding(
    'other-model',
    'other-tokenizer',
    place,
    `${label} contains another model’s tokenizer.`,
    'It is not needed here; FLUX.1-dev has its own two.',
  );
}

export function disagree(label: string, file: string, what: string, found: number, expected: number): AuditFinding {
  return finding(
    'other-model',
    'parts-disagree',
    file,
    `${label}: ${what} is ${found}, the rest of the pack needs ${expected}.`,
    'The parts are of different models. Get all of them from the repositories that the pack names.',
  );
}

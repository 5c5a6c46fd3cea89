/**
 * The hub's address, token and cache folder, by the conventions of Hugging Face's own tools.
 *
 * @source huggingface/huggingface_hub src/huggingface_hub/constants.py; docs "Environment variables"
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../base/app-error.js';
import { readText } from '../disk/text-file.js';
import { downloadError } from './download-error.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface HubSettings {
  /** Without a trailing slash. */
  readonly endpoint: string;
  /** Folder with `models--owner--name` folders. */
  readonly cacheDir: string;
  /** File in which Hugging Face's tools keep their token. */
  readonly tokenFile: string;
  readonly offline: boolean;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';
/** A real token has 37 characters; this limits reading of other files. */
const MAX_TOKEN_BYTES = 4096;

/** @throws AppError download.failed (insecure) when HF_ENDPOINT is not a URL of http or https */
export function hubSettings(env: Environment = process.env, home: string = homedir()): HubSettings {
  const endpoint = (filled(env['HF_ENDPOINT']) ?? DEFAULT_ENDPOINT).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]/.test(endpoint) || !URL.canParse(endpoint)) {
    throw downloadError('insecure', `HF_ENDPOINT is "${endpoint}", expected a URL of http or https.`, {
      remedy: 'Correct HF_ENDPOINT, or unset it to use huggingface.co.',
    });
  }
  const cacheHome = filled(env['XDG_CACHE_HOME']) ?? join(home, '.cache');
  const hfHome = expand(filled(env['HF_HOME']) ?? join(cacheHome, 'huggingface'), home);
  const cacheDir = filled(env['HF_HUB_CACHE']) ?? filled(env['HUGGINGFACE_HUB_CACHE']) ?? join(hfHome, 'hub');
  return {
    endpoint,
    cacheDir: expand(cacheDir, home),
    tokenFile: expand(filled(env['HF_TOKEN_PATH']) ?? join(hfHome, 'token'), home),
    offline: isTrue(env['HF_HUB_OFFLINE']) || isTrue(env['TRANSFORMERS_OFFLINE']),
  };
}

/**
 * The token to use: HF_TOKEN, then the app's own, then the one of Hugging Face's tools.
 * @param stored reads the app's own token
 */
export async function findToken(
  settings: HubSettings,
  stored: () => Promise<string | null>,
  env: Environment = process.env,
): Promise<string | null> {
  const named = cleanToken(env['HF_TOKEN'] ?? env['HUGGING_FACE_HUB_TOKEN'] ?? '');
  if (named !== null) return named;
  const own = await stored();
  if (own !== null) return own;
  if (isTrue(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return null;
  const text = await readText(settings.tokenFile).catch(() => '');
  return cleanToken(text.slice(0, MAX_TOKEN_BYTES));
}

/** A token that is valid in a header; null when there is none. */
export function cleanToken(text: string): string | null {
  const token = text.trim();
  return /^[\x21-\x7e]+$/.test(token) ? token : null;
}

/** The token that a person entered. @throws AppError engine.request-invalid */
export function requireToken(text: string): string {
  const token = cleanToken(text);
  if (token !== null) return token;
  throw new AppError('engine.request-invalid', 'This is not a token: it is empty or contains spaces.', {
    remedy: 'Copy the token from the account’s settings; it begins with hf_.',
  });
}

/** Whether a token may be sent to this address: encrypted, or this computer. */
export function mayCarryToken(url: URL): boolean {
  return url.protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

function filled(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

function expand(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? join(home, path.slice(1)) : path;
}

function isTrue(value: string | undefined): boolean {
  return ['1', 'on', 'yes', 'true'].includes((value ?? '').trim().toLowerCase());
}

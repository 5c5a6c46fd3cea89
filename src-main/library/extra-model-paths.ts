/**
 * Reads ComfyUI's `extra_model_paths.yaml` (`extra_models_config.yaml` of its desktop app): sections with a `base_path` and
 * folders by kind. Only this form of YAML is read: two levels of keys with texts, which may be quoted or blocks of lines.
 *
 * @source comfyanonymous/ComfyUI utils/extra_config.py, extra_model_paths.yaml.example
 */
import { dirname, isAbsolute, join, normalize, resolve } from 'node:path';

export interface ExtraModelPaths {
  /** Absolute, each once. */
  readonly folders: readonly string[];
  /** Lines that are of no known form, from 1. */
  readonly unread: readonly number[];
}

/** Values that are no folders. */
const FLAGS = ['base_path', 'is_default'];
const KEY = /^( *)([\w.-]+|"[^"]*"|'[^']*')\s*:(?:\s+(.*))?$/;
const BLOCK = /^[|>][+-]?\s*(#.*)?$/;

type Section = Map<string, string[]>;

/**
 * @param file absolute path, to which relative paths without an absolute `base_path` are relative
 * @param home for `~`
 * @param env for `$NAME`, `${NAME}` and `%NAME%`
 */
export function readExtraModelPaths(
  text: string,
  file: string,
  home: string,
  env: Readonly<Record<string, string | undefined>>,
): ExtraModelPaths {
  const { sections, unread } = parse(text);
  const folders: string[] = [];
  for (const section of sections) {
    const [base] = section.get('base_path') ?? [];
    const root = base === undefined ? dirname(file) : resolve(dirname(file), expanded(base, home, env));
    for (const [key, values] of section) {
      if (FLAGS.includes(key)) continue;
      for (const value of values) {
        const path = expanded(value, home, env);
        folders.push(normalize(isAbsolute(path) ? path : join(root, path)).replace(/(?<=.)[\\/]$/, ''));
      }
    }
  }
  return { folders: [...new Set(folders)], unread };
}

/** Keys and values of each section, and the lines between that are neither. */
function parse(text: string): { readonly sections: readonly Section[]; readonly unread: readonly number[] } {
  const sections: Section[] = [];
  const unread: number[] = [];
  let section: Section | null = null;
  let block: { readonly indent: number; readonly lines: string[] } | null = null;
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const indent = /^ */.exec(line)?.[0].length ?? 0;
    if (block !== null && (line.trim() === '' || indent > block.indent)) {
      // In YAML a comment here is text, but ComfyUI's own example has one, and means it.
      const value = withoutComment(line);
      if (value !== '') block.lines.push(value);
      continue;
    }
    block = null;
    if (/^\s*(#.*)?$/.test(line) || /^(---|\.\.\.)\s*$/.test(line)) continue;
    const [, spaces = '', key = '', rest = ''] = KEY.exec(line) ?? [];
    const name = unquoted(key);
    if (name === '') unread.push(index + 1);
    else if (spaces === '') {
      section = new Map();
      sections.push(section);
      if (withoutComment(rest) !== '') unread.push(index + 1);
    } else if (section === null) unread.push(index + 1);
    else if (BLOCK.test(rest)) {
      block = { indent, lines: [] };
      section.set(name, block.lines);
    } else {
      const value = unquoted(withoutComment(rest));
      if (/^[[{&*!-]/.test(withoutComment(rest))) unread.push(index + 1);
      else if (value !== '') section.set(name, [value]);
    }
  }
  return { sections, unread };
}

/** A comment begins with a `#` after a space, outside quotes. */
function withoutComment(text: string): string {
  const quoted = /^(?:"[^"]*"|'[^']*')/.exec(text.trim())?.[0];
  return quoted ?? text.replace(/(^|\s)#.*$/, '').trim();
}

function unquoted(text: string): string {
  const inner = /^"([^"]*)"$|^'([^']*)'$/.exec(text);
  return inner === null ? text : (inner[1] ?? inner[2] ?? '');
}

function expanded(path: string, home: string, env: Readonly<Record<string, string | undefined>>): string {
  const named = path.replace(/\$(\w+)|\$\{(\w+)\}|%(\w+)%/g, (whole, a?: string, b?: string, c?: string) => {
    return env[a ?? b ?? c ?? ''] ?? whole;
  });
  return /^~(?=[\\/]|$)/.test(named) ? join(home, named.slice(1)) : named;
}

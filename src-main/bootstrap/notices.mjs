/**
 * Writes `assets/NOTICES.txt`: authors and licences of everything that ships. `npm run notices`.
 *
 * Reads from the lockfile the packages of a packed app (see `electron-builder.yml`) and those compiled into its page.
 * Licence texts come from `node_modules`; equal texts are printed once.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const NOTICES_FILE = join(ROOT, 'assets', 'NOTICES.txt');

/** Dependencies that are not packaged: the command line's, the browser host's, and SQLite for Node 20. */
const LEFT_OUT = new Set(['commander', 'ws', 'better-sqlite3']);
/** Dependencies of dependencies that only serve their installation. */
const FOR_INSTALLING = new Set(['node-addon-api', 'adm-zip', 'global-agent']);
/** Compiled into the page, directly or through each other. */
export const IN_THE_PAGE = ['svelte', 'clsx', 'esm-env', '@lucide/svelte'];

/** Packages without a licence file. @source the repositories that their package.json names */
const mit = (/** @type {string} */ holder) => `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;
/** @type {Readonly<Record<string, string>>} */
const MISSING_TEXTS = {
  'lazy-val': mit('Vladimir Krivosheev'),
  'onnxruntime-node': mit('Microsoft Corporation'),
  'onnxruntime-common': mit('Microsoft Corporation'),
};

const HEADER = `Likeness Lab
Copyright (c) 2026 The Likeness Lab maintainers. MIT License.

ART AND MODELS

Sample portraits and the demo pack
  Derived from "Avatar Illustration System" by Micah Lanier, licensed under CC BY 4.0
  (https://creativecommons.org/licenses/by/4.0/), as rendered by DiceBear's Micah style and recombined.
  https://www.figma.com/community/file/829741575478342595

FLUX.1-dev, InfiniteYou, InsightFace's SCRFD and facexlib's ArcFace are not part of this program. If you use them, their
own licences apply: FLUX.1-dev Non-Commercial License; InfiniteYou weights CC BY-NC 4.0; InsightFace models for
non-commercial research.

Formats and formulas follow the published work of bitsandbytes, optimum-quanto, diffusers, transformers, InfiniteYou,
insightface and facexlib, and NVIDIA's FLIP; none of their code is included.

SOFTWARE

Electron brings notices of its own, for Chromium, Node.js and itself (LICENSES.chromium.html beside the program). ONNX
Runtime is built from other projects too, whose notices Microsoft keeps in ThirdPartyNotices.txt of
https://github.com/microsoft/onnxruntime. SQLite is in the public domain. libvips, which sharp brings as a shared
library of its own that may be replaced, is built from the libraries listed at the end; it is under the LGPL, version 3
or later (https://www.gnu.org/licenses/lgpl-3.0.html).
`;

/** @param {string} name */
const folderOf = (name) => join(ROOT, 'node_modules', name);

/**
 * Every package that ships, sorted. Platform packages of sharp are named for all systems.
 * @returns {{ name: string, version: string, licence: string }[]}
 */
export function shippedPackages() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const found = new Map();
  const visit = (/** @type {string} */ name) => {
    const entry = packages[`node_modules/${name}`];
    if (found.has(name) || LEFT_OUT.has(name) || FOR_INSTALLING.has(name)) return;
    if (entry === undefined) throw new Error(`The lockfile has no ${name}. Run npm install.`);
    found.set(name, { name, version: entry.version, licence: entry.license });
    for (const dependency of Object.keys(entry.dependencies ?? {})) visit(dependency);
    for (const dependency of Object.keys(entry.optionalDependencies ?? {})) {
      if (/-(win32|darwin|linux)-(x64|arm64)$/.test(dependency)) visit(dependency);
    }
  };
  for (const name of Object.keys(packages[''].dependencies)) visit(name);
  for (const name of IN_THE_PAGE) {
    const entry = packages[`node_modules/${name}`];
    found.set(name, { name, version: entry.version, licence: entry.license });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * @param {string} name
 * @returns {string | null} the package's licence text; null for binaries of other systems, which are not installed here:
 * sharp's are covered by the header, koffi's by koffi
 */
function licenceText(name) {
  if (/^@(img\/sharp|koromix\/koffi)-/.test(name)) return null;
  const file = readdirSync(folderOf(name)).find((entry) => /^(licen[cs]e|copying)(\.|$)/i.test(entry));
  const text = file === undefined ? MISSING_TEXTS[name] : readFileSync(join(folderOf(name), file), 'utf8');
  if (text === undefined) throw new Error(`${name} has no licence file.`);
  return text.replaceAll('\r\n', '\n').trim();
}

/** The libraries inside libvips, from the package of this system. They are the same on all. */
function libvipsLibraries() {
  const folder = readdirSync(folderOf('@img')).find((name) => name.startsWith('sharp-libvips-'));
  if (folder === undefined) return null;
  const readme = readFileSync(join(folderOf('@img'), folder, 'README.md'), 'utf8');
  const rows = readme.split('\n').filter((line) => /^\| [a-z]/.test(line));
  return rows.map((row) => {
    const [name = '', terms = ''] = row.split('|').slice(1);
    return `  ${name.trim().padEnd(16)}${terms.trim().replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')}`;
  });
}

export function notices() {
  const shipped = shippedPackages();
  const table = shipped.map(({ name, version, licence }) => `${name.padEnd(36)}${version.padEnd(10)}${licence}`);
  /** @type {Map<string, string[]>} */
  const texts = new Map();
  for (const { name } of shipped) {
    const text = licenceText(name);
    if (text !== null) texts.set(text, [...(texts.get(text) ?? []), name]);
  }
  const rule = '-'.repeat(80);
  const licences = [...texts].map(([text, names]) => `${rule}\n${names.join(', ')}\n\n${text}\n`);
  const libvips = libvipsLibraries() ?? [];
  return `${HEADER}\n${table.join('\n')}\n\n${licences.join('\n')}\n${rule}\nInside libvips\n\n${libvips.join('\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(NOTICES_FILE, notices());

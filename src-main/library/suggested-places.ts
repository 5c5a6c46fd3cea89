/** Programs with models in the usual places of this computer, offered so that nobody must look for their folders. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hubSettings } from './hub-settings.js';
import { HERE, knownPrograms, PROGRAMS, rootsOf, type Program, type Surroundings } from './known-places.js';
import { existing, isFolder, smallText, subfolders } from './on-disk.js';

/** Folders in a home and on a drive in which programs are put. */
const PARENTS = ['', 'Documents', 'Desktop', 'Downloads', 'AI', 'ai', 'apps'];
const DRIVE_PARENTS = ['', 'AI', 'ai', 'apps', 'Programs', 'Tools'];

export interface SuggestedPlace {
  readonly program: Program;
  readonly folder: string;
}

/** Programs in the usual places of this computer. */
export async function suggestedPlaces(here: Surroundings = HERE): Promise<SuggestedPlace[]> {
  const { home, env } = here;
  const parents = PARENTS.map((name) => join(home, name));
  for (const drive of await drives(here)) parents.push(...DRIVE_PARENTS.map((name) => join(drive, name)));
  const candidates = [
    ...(await namedElsewhere(here)),
    ...knownPrograms().flatMap(([, { names }]) => parents.flatMap((parent) => names.map((name) => join(parent, name)))),
    hubSettings(env, home).cacheDir,
  ];
  const found = new Map<string, SuggestedPlace>();
  for (const folder of await existing([...new Set(candidates)])) {
    const { program } = await rootsOf(folder, here);
    const { ino, dev } = await stat(folder);
    // On drives that do not distinguish upper and lower case, names that differ so are the same folder.
    const key = ino === 0 ? folder.toLowerCase() : `${dev}:${ino}`;
    if (program !== null && !found.has(key)) found.set(key, { program, folder });
  }
  const order = (place: SuggestedPlace): number => PROGRAMS.indexOf(place.program);
  return [...found.values()].sort((a, b) => order(a) - order(b) || a.folder.localeCompare(b.folder));
}

/** Folders that environment variables and the programs' own settings name. */
async function namedElsewhere({ home, env, platform }: Surroundings): Promise<string[]> {
  const data =
    platform === 'win32'
      ? (env['APPDATA'] ?? join(home, 'AppData', 'Roaming'))
      : platform === 'darwin'
        ? join(home, 'Library', 'Application Support')
        : (env['XDG_CONFIG_HOME'] ?? join(home, '.config'));
  const invoke = env['INVOKEAI_ROOT'];
  const library = await smallText(join(data, 'StabilityMatrix', 'library.json'));
  const matrix = library === null ? undefined : /"LibraryPath"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(library)?.[1];
  const desktop = await smallText(join(data, 'ComfyUI', 'extra_models_config.yaml'));
  const base = desktop === null ? undefined : /^\s+base_path:\s*["']?([^"'#\n]+?)["']?\s*$/m.exec(desktop)?.[1];
  return [invoke, matrix === undefined ? undefined : textIn(matrix), base].filter((path) => path !== undefined);
}

function textIn(json: string): string | undefined {
  try {
    return String(JSON.parse(json));
  } catch {
    // Another form than the program's own.
    return undefined;
  }
}

/** Longest wait for a drive, which may be a sleeping disk or another computer. */
const DRIVE_MS = 500;

/** Roots of drives besides the home's, asked one after the other; after one that does not answer no other is asked. */
async function drives({ platform }: Surroundings): Promise<string[]> {
  const candidates =
    platform === 'win32'
      ? [...'CDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter) => `${letter}:\\`)
      : [...(platform === 'darwin' ? await subfolders('/Volumes') : await subfolders('/mnt')), '/opt', '/workspace'];
  const found: string[] = [];
  for (const drive of candidates) {
    const there = await answered(isFolder(drive));
    if (there === null) break;
    if (there) found.push(drive);
  }
  return found;
}

async function answered(question: Promise<boolean>): Promise<boolean | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((done) => {
    timer = setTimeout(() => done(null), DRIVE_MS);
  });
  const answer = await Promise.race([question, late]);
  clearTimeout(timer);
  return answer;
}

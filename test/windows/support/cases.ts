/** Runs the cases of `file-cases.ts` by Windows' Node and writes what became of each: null, or the failure. */
import { writeFileSync } from 'node:fs';
import { ALONE_CASES, FILE_CASES } from './file-cases.js';

const [, , resultFile = ''] = process.argv;
const results: Record<string, string | null> = {};

async function tried(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    results[name] = null;
  } catch (error) {
    results[name] = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

await Promise.all(Object.entries(FILE_CASES).map(([name, run]) => tried(name, run)));
for (const [name, run] of Object.entries(ALONE_CASES)) await tried(name, run);
writeFileSync(resultFile, JSON.stringify(results));

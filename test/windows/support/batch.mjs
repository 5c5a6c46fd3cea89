/**
 * Runs the built command line for each list of arguments of a file, one after another in one process, and writes what each
 * said and its exit code: a start of Node takes two seconds under Wine.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, , app, listFile, resultFile] = process.argv;
const cli = pathToFileURL(join(app, 'cli.js'));
const { exit } = process;
const results = [];
const said = { stdout: '', stderr: '' };
// Each command listens, and is the only one elsewhere.
for (const emitter of [process, process.stdout, process.stderr]) emitter.setMaxListeners(0);
for (const name of ['stdout', 'stderr']) {
  process[name].write = (text, ...rest) => {
    said[name] += text;
    rest.at(-1)?.();
    return true;
  };
}
for (const [index, args] of JSON.parse(readFileSync(listFile, 'utf8')).entries()) {
  said.stdout = said.stderr = '';
  process.argv = [process.argv[0], 'cli.js', ...args];
  process.exitCode = undefined;
  let code = null;
  process.exit = (given) => {
    code = given;
  };
  // Evaluated anew for each name; what it imports is not.
  const atMs = Date.now();
  await import(`${cli}?${index}`);
  results.push({ code, ...said, atMs });
}
process.exitCode = 0;
writeFileSync(resultFile, JSON.stringify(results));
exit(0);

/** Runs commands side by side and prefixes their lines. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ROOT } from './install.mjs';

/**
 * @typedef {object} Job
 * @property {string} name prefix of its lines
 * @property {string} command
 * @property {readonly string[]} args
 * @property {Readonly<Record<string, string>>} [env]
 */

/**
 * @param {Job} job
 * @returns {Promise<boolean>} whether it ended with 0
 */
export async function runJob({ name, command, args, env = {} }) {
  const started = Date.now();
  const say = (/** @type {string} */ line) => console.log(`${name.padEnd(12)} | ${line}`);
  say(`${command} ${args.join(' ')}`);
  const child = spawn(command, [...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
    env: { ...process.env, ...env },
  });
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', say);
  const ok = await new Promise((resolve) => {
    child.once('error', (error) => {
      say(error.message);
      resolve(false);
    });
    child.once('close', (code) => resolve(code === 0));
  });
  say(`${ok ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return ok;
}

/**
 * Runs jobs in order, as many at a time as there are lanes.
 * @param {readonly Job[]} jobs
 * @param {number} lanes
 * @param {(job: Job, ok: boolean) => void} onEnd
 */
export async function runJobs(jobs, lanes, onEnd) {
  const waiting = [...jobs];
  const lane = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) onEnd(job, await runJob(job));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Entry of the command line. Results go to stdout, progress and errors to stderr. */
import { Command, CommanderError } from 'commander';
import { AppError, isAbort } from '../base/app-error.js';
import { benchCommand } from './bench-command.js';
import { compareCommand } from './compare-command.js';
import { convertCommand } from './convert-command.js';
import { generateCommand } from './generate-command.js';
import { inspectCommand } from './inspect-command.js';
import { layersCommand } from './layers-command.js';
import { cudaEnvironment } from '../services/support/data-dir.js';
import { packsCommand } from './packs-command.js';
import { providersCommand } from './providers-command.js';
import { printError } from './terminal.js';
import { verifyCommand } from './verify-command.js';

/** Exit code of a cancelled command. @source POSIX shells, 128 + SIGINT */
const CANCELLED = 130;

async function main(): Promise<number> {
  Object.assign(process.env, cudaEnvironment());
  const program = new Command('cli')
    .description('Likeness Lab without a window: make and compare pictures, and manage packs.')
    .showHelpAfterError()
    .exitOverride();
  for (const command of [
    inspectCommand(),
    convertCommand(),
    generateCommand(),
    compareCommand(),
    layersCommand(),
    verifyCommand(),
    benchCommand(),
    packsCommand(),
    providersCommand(),
  ]) {
    program.addCommand(command.exitOverride());
  }
  try {
    await program.parseAsync(process.argv);
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (isAbort(error)) return CANCELLED;
    printError(error);
    return error instanceof AppError ? 1 : 2;
  }
}

/** Windows writes to pipes and terminals later, and an exit would cut that off. */
const written = (stream: NodeJS.WriteStream): Promise<void> => new Promise((done) => stream.write('', () => done()));

// A reader that has what it wanted, such as `head`.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
const code = await main();
await Promise.all([written(process.stdout), written(process.stderr)]);
process.exit(code);

/** The log file: one JSON object a line, in a folder the person can open. Holds no prompts and no photo names. */
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, bugRemedy, toErrorDto, type ErrorDto } from '../../base/app-error.js';

/** Past this the file is set aside once; two files hold weeks. */
const MAX_BYTES = 4 * 1024 * 1024;

export type LogLevel = 'info' | 'warn' | 'error';

export class Log {
  readonly #file: string;
  readonly #echo: ((line: string) => void) | null;

  /** @param echo also gets every warning and error, such as a terminal */
  constructor(folder: string, echo: ((line: string) => void) | null = null) {
    mkdirSync(folder, { recursive: true });
    this.#file = join(folder, 'likeness-lab.log');
    this.#echo = echo;
    const { size } = statSync(this.#file, { throwIfNoEntry: false }) ?? { size: 0 };
    if (size > MAX_BYTES) renameSync(this.#file, `${this.#file}.1`);
  }

  write(level: LogLevel, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    const line = JSON.stringify({ time: new Date().toISOString(), level, message, ...facts });
    try {
      appendFileSync(this.#file, `${line}\n`);
    } catch (error) {
      // A full disk must not take the app down with its log; the terminal still hears of it.
      this.#echo?.(`The log cannot be written: ${String(error)}`);
    }
    if (level !== 'info') this.#echo?.(line);
  }

  /** Writes a failure down. @returns it for people, who find a bug's stack in the file that it names */
  failure(message: string, error: unknown): ErrorDto {
    this.error(message, error);
    const dto = toErrorDto(error);
    return dto.code === 'internal' ? { ...dto, remedy: bugRemedy(this.#file), details: { log: this.#file } } : dto;
  }

  /** A failure with its stack and causes. */
  error(message: string, error: unknown): void {
    const stacks: string[] = [];
    for (let at: unknown = error; at instanceof Error && stacks.length < 5; at = at.cause) {
      stacks.push(at.stack ?? String(at));
    }
    this.write('error', message, {
      ...(error instanceof AppError ? { code: error.code, details: error.details } : {}),
      stacks: stacks.length === 0 ? [String(error)] : stacks,
    });
  }
}

/** The log file: one JSON object per line, without prompts and photo names. */
import { appendFileSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isHeld, renameFileSync } from '../../disk/patience.js';
import { AppError, bugRemedy, toErrorDto, type ErrorDto } from '../../base/app-error.js';

/** A larger file is renamed at start; two files hold weeks. */
const MAX_BYTES = 4 * 1024 * 1024;

export type LogLevel = 'info' | 'warn' | 'error';

export class Log {
  readonly #file: string;
  readonly #echo: ((line: string) => void) | null;

  /** @param echo also gets warnings and errors, such as for a terminal */
  constructor(folder: string, echo: ((line: string) => void) | null = null) {
    mkdirSync(folder, { recursive: true });
    this.#file = join(folder, 'likeness-lab.log');
    this.#echo = echo;
    const { size } = statSync(this.#file, { throwIfNoEntry: false }) ?? { size: 0 };
    if (size > MAX_BYTES) this.#rotate();
  }

  #rotate(): void {
    try {
      renameFileSync(this.#file, `${this.#file}.1`);
    } catch (error) {
      // Somebody reads it: it grows until a later start.
      if (!isHeld(error)) throw error;
    }
  }

  write(level: LogLevel, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    const line = JSON.stringify({ time: new Date().toISOString(), level, message, ...facts });
    try {
      appendFileSync(this.#file, `${line}\n`);
    } catch (error) {
      // A full disk must not stop the app.
      this.#echo?.(`The log cannot be written: ${String(error)}`);
    }
    if (level !== 'info') this.#echo?.(line);
  }

  /** Logs a failure. @returns it for people; a bug's remedy names the log file */
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

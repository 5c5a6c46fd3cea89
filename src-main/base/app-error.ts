/**
 * The one error class that reaches people, and its wire form. Three kinds of failure exist: expected
 * (`AppError`, shown), cancelled (`AbortError`, never shown) and bugs (`invariant`, logged with their stack).
 */

/** Stable, dotted codes. The part before the dot is the folder that raises it. */
export type ErrorCode =
  // engine: weights and formats
  | 'weights.unreadable' // the file could not be opened or read
  | 'weights.malformed' // the bytes break the format's own rules
  | 'weights.unsupported-dtype' // a dtype this reader does not know
  | 'weights.missing-tensor' // a tensor the network needs is not in the checkpoint
  | 'weights.unexpected-tensor' // a tensor the network does not use
  | 'weights.wrong-shape' // a tensor's shape contradicts the network's config
  | 'weights.forbidden-pickle' // a pickle asks for a class or function outside the allow-list
  | 'quant.invalid-input' // a weight that the format cannot hold (NaN, wrong size)
  | 'config.invalid' // a network's config.json lacks or contradicts something
  // engine: run time
  | 'engine.provider-unavailable' // the chosen execution provider cannot be used here
  | 'engine.session-failed' // the runtime refused a graph or failed while running it
  | 'engine.out-of-memory' // device or host memory ran out
  | 'engine.device-lost' // the card failed or was reset; the engine that used it cannot use it again
  | 'engine.not-finite' // a network produced NaN or infinity
  | 'engine.crashed' // the engine process ended during a request
  | 'engine.protocol' // a message that breaks the engine protocol
  | 'engine.request-invalid' // a setting outside its range
  // engine: inputs
  | 'image.unreadable' // not a picture, damaged, or too large
  | 'face.none-found' // no face in the named picture
  | 'text.tokenizer-invalid' // tokenizer files are damaged or of another kind
  // packs
  | 'pack.not-found' // the folder does not exist or holds no pack
  | 'pack.invalid' // pack.json breaks its schema, or a path leaves the folder
  | 'pack.incomplete' // files the pack needs are missing
  // store and services
  | 'store.newer-schema' // the database was written by a newer version
  | 'store.unreleased' // the database was written by a version from before the first release
  | 'store.corrupt' // the database file is damaged
  | 'store.busy' // another process holds the database
  | 'store.failed' // any other database failure
  | 'disk.full' // no space left
  | 'disk.failed' // any other file-system failure
  | 'cache.busy' // converted weights are being written or read
  | 'run.not-found'
  | 'run.not-resumable'
  | 'compare.different-sizes' // pictures whose pixels cannot be compared
  | 'blind.not-possible' // a blind test that cannot be started, answered or taken back
  | 'metadata.none' // a picture without our settings in it
  | 'contract.invalid-input' // a request that breaks its schema
  | 'contract.unknown-method'
  | 'contract.refused-sender' // the message came from a page that is not ours
  | 'download.failed'
  | 'cancelled' // given up, such as by closing the app; not shown
  | 'host.unreachable' // made by the page: its requests get no answer
  | 'internal'; // a bug; details are in the log

/** JSON-safe facts for the log and the details view. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** An error as it crosses a process boundary. */
export interface ErrorDto {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
}

export interface AppErrorOptions {
  /** What to do next; a plain sentence. */
  readonly remedy: string;
  /** Whether the same action can succeed later without a change. Default false. */
  readonly retryable?: boolean;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** An expected failure: what happened (found and expected), and what to do. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.remedy = options.remedy;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }

  toDto(): ErrorDto {
    return {
      code: this.code,
      message: this.message,
      remedy: this.remedy,
      retryable: this.retryable,
      details: this.details,
    };
  }

  static fromDto(dto: ErrorDto): AppError {
    return new AppError(dto.code, dto.message, { remedy: dto.remedy, retryable: dto.retryable, details: dto.details });
  }
}

/** Whether a failure is a cancellation, which is never reported as an error. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

export function abortError(): Error {
  const error = new Error('The operation was cancelled.');
  error.name = 'AbortError';
  return error;
}

/** @throws AbortError when the signal is aborted. */
export function throwIfAborted(signal: { readonly aborted: boolean } | undefined): void {
  if (signal?.aborted === true) throw abortError();
}

/** Remedy for a bug. @param logFile where its details are */
export function bugRemedy(logFile = ''): string {
  return `Try again; if it happens again, report it with the log file${logFile === '' ? '' : ` ${logFile}`}.`;
}

/** Any thrown value as the wire form. Anything but an `AppError` or a cancellation is a bug and carries its stack. */
export function toErrorDto(error: unknown): ErrorDto {
  if (error instanceof AppError) return error.toDto();
  if (isAbort(error)) {
    return { code: 'cancelled', message: 'It was cancelled.', remedy: 'Start it again.', retryable: true, details: {} };
  }
  return {
    code: 'internal',
    message: `Something went wrong that the app did not expect: ${error instanceof Error ? error.message : String(error)}`,
    remedy: bugRemedy(),
    retryable: true,
    details: { stack: error instanceof Error ? (error.stack ?? null) : null },
  };
}

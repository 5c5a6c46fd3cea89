/** Handles requests of every transport: checks sender and input, calls the handler, wraps the answer or the error. */
import type { z } from 'zod';
import { AppError, toErrorDto } from '../../base/app-error.js';
import { API, isMethod, type Method, type Output, type ParsedInput } from '../../contract/api.js';
import type { Log } from '../support/log.js';
import type { Envelope } from '../../contract/error.js';

/** The sender, as checked by the transport. */
export interface Sender {
  readonly trusted: boolean;
  /** For the log and the refusal, such as an origin. */
  readonly name: string;
}

/** Methods that answer `{}` return nothing. */
type Answer<M extends Method> = Record<string, never> extends Output<M> ? void : Output<M>;

/** One function per method of the table; the compiler reports a missing one. */
export type Handlers = {
  readonly [M in Method]: (input: ParsedInput<M>) => Answer<M> | Promise<Answer<M>>;
};

export type Dispatch = (method: string, input: unknown, sender: Sender) => Promise<Envelope<unknown>>;

function invalidInput(method: string, error: z.ZodError): AppError {
  const [first] = error.issues;
  const where = first === undefined || first.path.length === 0 ? 'the request' : first.path.join('.');
  return new AppError(
    'contract.invalid-input',
    `${method}: ${where}: ${first?.message ?? 'invalid'}.`.replace('..', '.'),
    {
      remedy: 'Change the named setting and try again.',
      details: { method, path: where, issues: error.issues.length },
    },
  );
}

/** @param log gets every failure that is a bug, with its stack */
export function createDispatcher(handlers: Handlers, log: Pick<Log, 'failure'>): Dispatch {
  return async (method, input, sender) => {
    try {
      if (!sender.trusted) {
        throw new AppError('contract.refused-sender', `A request from ${sender.name} was refused.`, {
          remedy: 'Use the window or the address that Likeness Lab opened.',
        });
      }
      if (!isMethod(method)) {
        throw new AppError('contract.unknown-method', `There is no method "${method.slice(0, 60)}".`, {
          remedy: 'Reload the page; it may come from another version.',
        });
      }
      const schemas = API[method];
      const parsed = schemas.input.safeParse(input);
      if (!parsed.success) throw invalidInput(method, parsed.error);
      const handler = handlers[method] as (input: unknown) => unknown;
      const output = (await handler(parsed.data)) as unknown;
      // Strips fields that are not in the schema, so that nothing internal (such as a path) leaks.
      return { ok: true, value: schemas.output.parse(output === undefined ? {} : output) };
    } catch (error) {
      const dto = toErrorDto(error);
      return { ok: false, error: dto.code === 'internal' ? log.failure(`${method} failed.`, error) : dto };
    }
  };
}

import { describe, expect, it } from 'vitest';
import type { ApiClient, Bridge, EventClient } from '../../../../src-main/contract/bridge';
import { clientOf } from '../../../../src-renderer/bridge/client';
import { tokenOfFragment } from '../../../../src-renderer/bridge/http-bridge';

const error = {
  code: 'run.not-found',
  message: 'There is no such run.',
  remedy: 'Choose another.',
  retryable: false,
  details: { runId: 'r-1' },
} as const;

function bridge(answer: unknown): Bridge {
  const api = { 'queue.pause': () => Promise.resolve(answer) } as unknown as ApiClient;
  return { api, on: {} as EventClient };
}
const silent = (): (() => void) => () => undefined;

describe('clientOf', () => {
  it('gives the value of a good answer', async () => {
    await expect(clientOf(bridge({ ok: true, value: {} }), silent).call('queue.pause', {})).resolves.toEqual({});
  });

  it('throws the error of a bad one, whole', async () => {
    const call = clientOf(bridge({ ok: false, error }), silent).call('queue.pause', {});
    await expect(call).rejects.toMatchObject({ ...error, name: 'AppError' });
  });
});

describe('tokenOfFragment', () => {
  it('finds the token and nothing else', () => {
    expect(tokenOfFragment('#token=abc_-1')).toBe('abc_-1');
    expect(tokenOfFragment('#/studio')).toBeNull();
    expect(tokenOfFragment('')).toBeNull();
  });
});

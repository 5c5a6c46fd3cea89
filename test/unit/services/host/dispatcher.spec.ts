import { describe, expect, it } from 'vitest';
import { AppError, abortError, toErrorDto } from '../../../../src-main/base/app-error.js';
import { DEFAULT_APP_SETTINGS } from '../../../../src-main/contract/app-settings.js';
import { createDispatcher, type Handlers, type Sender } from '../../../../src-main/services/host/dispatcher.js';

const page: Sender = { trusted: true, name: 'app://likeness' };

/** Handlers of which only the given ones may be called. */
function handlers(some: Partial<Handlers>): Handlers {
  return some as Handlers;
}

function dispatcher(some: Partial<Handlers>) {
  const reports: string[] = [];
  const dispatch = createDispatcher(handlers(some), {
    failure: (message, error) => {
      reports.push(message);
      return toErrorDto(error);
    },
  });
  return { dispatch, reports };
}

describe('the dispatcher', () => {
  it('judges the sender before anything else', async () => {
    const { dispatch } = dispatcher({ 'settings.get': () => expect.fail('it was called') });
    expect(
      await dispatch('settings.get', 'not even parsed', { trusted: false, name: 'https://evil.example' }),
    ).toMatchObject({
      ok: false,
      error: { code: 'contract.refused-sender', message: 'A request from https://evil.example was refused.' },
    });
  });

  it.each(['settings.drop', 'toString', '__proto__', ''])('does not know the method %j', async (method) => {
    const { dispatch } = dispatcher({});
    expect(await dispatch(method, {}, page)).toMatchObject({ ok: false, error: { code: 'contract.unknown-method' } });
  });

  it('names the first wrong part of an input', async () => {
    const { dispatch, reports } = dispatcher({});
    expect(await dispatch('runs.get', { runId: 'a/b' }, page)).toMatchObject({
      ok: false,
      error: { code: 'contract.invalid-input', message: expect.stringContaining('runs.get: runId:') },
    });
    expect(await dispatch('runs.get', null, page)).toMatchObject({
      ok: false,
      error: { code: 'contract.invalid-input' },
    });
    expect(reports).toEqual([]);
  });

  it('answers with what the handler gives, and nothing the schema does not name', async () => {
    const { dispatch } = dispatcher({
      'samples.list': () => ({
        photos: [{ id: 'a', role: 'identity', name: 'A', credit: 'B', file: '/secret/path.png' } as never],
        prompts: [],
      }),
    });
    expect(await dispatch('samples.list', {}, page)).toEqual({
      ok: true,
      value: { photos: [{ id: 'a', role: 'identity', name: 'A', credit: 'B' }], prompts: [] },
    });
  });

  it('passes expected failures and cancellations on without reporting them', async () => {
    const { dispatch, reports } = dispatcher({
      'settings.get': () => {
        throw new AppError('disk.full', 'The disk is full.', { remedy: 'Free some space.' });
      },
      'queue.get': () => Promise.reject(abortError()),
    });
    expect(await dispatch('settings.get', {}, page)).toMatchObject({
      ok: false,
      error: { code: 'disk.full', remedy: 'Free some space.' },
    });
    expect(await dispatch('queue.get', {}, page)).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(reports).toEqual([]);
  });

  it('reports bugs, in handlers and in what they give', async () => {
    const { dispatch, reports } = dispatcher({
      'settings.get': () => {
        throw new TypeError('x is undefined');
      },
      'settings.set': () => ({ ...DEFAULT_APP_SETTINGS, theme: 'pink' as never }),
    });
    expect(await dispatch('settings.get', {}, page)).toMatchObject({ ok: false, error: { code: 'internal' } });
    expect(await dispatch('settings.set', {}, page)).toMatchObject({ ok: false, error: { code: 'internal' } });
    expect(reports).toEqual(['settings.get failed.', 'settings.set failed.']);
  });
});

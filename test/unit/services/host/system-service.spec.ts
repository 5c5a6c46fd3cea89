/** The provider that a new studio begins with. */
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../../../src-main/base/vocabulary.js';
import type { EngineClient } from '../../../../src-main/services/engine/engine-client.js';
import { SystemService } from '../../../../src-main/services/host/system-service.js';

function defaultOf(...working: readonly Provider[]): Promise<Provider> {
  const all: readonly Provider[] = ['webgpu', 'cpu', 'dml', 'cuda'];
  const providers = all.map((provider) => ({ provider, available: working.includes(provider), detail: '' }));
  const engine = { versions: {}, request: () => Promise.resolve({ kind: 'probe', providers, cuda: null }) };
  const service = new SystemService({
    errands: { run: (work) => work(engine as unknown as EngineClient) },
    appVersion: '0',
    host: 'web',
    gallery: { folder: '', better: null },
    noticesFile: '',
    folders: { logs: '', pictures: '' },
    openFolder: null,
  });
  return service.info().then(({ defaultProvider }) => defaultProvider);
}

describe('the default provider', () => {
  it('is cuda where it works, else what is there', async () => {
    expect(await defaultOf('cpu', 'webgpu', 'cuda')).toBe('cuda');
    expect(await defaultOf('cpu', 'webgpu', 'dml')).toBe('webgpu');
    expect(await defaultOf('cpu', 'dml')).toBe('dml');
    expect(await defaultOf('cpu')).toBe('cpu');
  });
});

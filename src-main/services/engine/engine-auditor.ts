/** Audits a pack's files in the engine process. */
import { AppError } from '../../base/app-error.js';
import type { Auditor } from '../../library/import-check.js';
import type { EngineClient } from './engine-client.js';

export function engineAuditor(engine: EngineClient): Auditor {
  return {
    async pack({ variants, expectedTensors = {}, ...paths }) {
      const { flux, arcface, scrfd, recognition } = paths;
      const files = { flux, arcface, scrfd, recognition };
      const target = { ...files, variants: [...variants], expectedTensors: { ...expectedTensors } };
      const { audit } = await engine.request<'audit'>({ kind: 'audit', params: { target, strays: [] } });
      if (audit !== null) return audit;
      throw new AppError('engine.protocol', 'The engine answered an audit without its result.', {
        remedy: 'Restart the app; if it happens again, report it with the log file.',
      });
    },
    async stray(path) {
      const { strays } = await engine.request<'audit'>({ kind: 'audit', params: { target: null, strays: [path] } });
      return strays[0] ?? null;
    },
  };
}

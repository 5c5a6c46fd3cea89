/** Audits files in the engine process. */
import { AppError } from '../../base/app-error.js';
import type { Auditor } from '../../library/import-check.js';
import type { EngineClient } from './engine-client.js';

export function engineAuditor(engine: EngineClient): Auditor {
  return {
    async pack(target, expectedTensors) {
      const params = { target, places: [], expectedTensors };
      const { audit } = await engine.request<'audit'>({ kind: 'audit', params });
      if (audit !== null) return audit;
      throw new AppError('engine.protocol', 'The engine answered an audit without its result.', {
        remedy: 'Restart the app; if it happens again, report it with the log file.',
      });
    },
    async describe(places, expectedTensors) {
      const params = { target: null, places, expectedTensors };
      return (await engine.request<'audit'>({ kind: 'audit', params })).places;
    },
  };
}

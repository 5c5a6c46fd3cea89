/** Versions recorded with every run. */
import { env } from 'onnxruntime-node';
import './no-telemetry.js';

/** Raised when a change of this code changes pictures. */
const ENGINE_VERSION = '3';

export function engineVersions(): Readonly<Record<string, string>> {
  return {
    engine: ENGINE_VERSION,
    onnxruntime: env.versions.node ?? env.versions.common ?? 'unknown',
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
}

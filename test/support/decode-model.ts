import { modelType, type ModelMessage } from '../../src-main/engine/graph/onnx-schema.js';

/** Parses a serialized model; fields outside our part of the schema are skipped. */
export function decodeModel(bytes: Uint8Array): ModelMessage {
  return modelType.toObject(modelType.decode(bytes), { longs: Number, defaults: true, arrays: true }) as ModelMessage;
}

/** Names, element types and shapes of a session's inputs and outputs. */
import { readText, withScope, type Pointer } from './native-memory.js';
import type { OrtLibrary } from './ort-library.js';

/** @source ONNXTensorElementDataType */
export const FLOAT = 1;

export interface TensorInfo {
  readonly name: string;
  /** ONNXTensorElementDataType; 0 for what is no tensor. */
  readonly elementType: number;
  /** -1 where the graph leaves a dimension open. */
  readonly dims: readonly number[];
}

const SIDES = {
  inputs: { count: 'SessionGetInputCount', name: 'SessionGetInputName', type: 'SessionGetInputTypeInfo' },
  outputs: { count: 'SessionGetOutputCount', name: 'SessionGetOutputName', type: 'SessionGetOutputTypeInfo' },
} as const;

export function describeTensors(ort: OrtLibrary, session: Pointer, side: keyof typeof SIDES): TensorInfo[] {
  const calls = SIDES[side];
  return Array.from({ length: Number(ort.out(calls.count, session)) }, (_, index) =>
    withScope((scope): TensorInfo => {
      const name = scope.own(ort.out(calls.name, session, index, ort.allocator), (text) =>
        ort.call('AllocatorFree', ort.allocator, text),
      );
      const type = ort.owned(scope, 'ReleaseTypeInfo', calls.type, session, index);
      // The type's own, null for sequences and maps.
      const tensor = ort.out('CastTypeInfoToTensorInfo', type);
      return {
        name: readText(name),
        ...(tensor === 0n ? { elementType: 0, dims: [] } : describeShape(ort, tensor)),
      };
    }),
  );
}

/** Shape of a computed value. */
export function shapeOf(ort: OrtLibrary, value: Pointer): readonly number[] {
  return withScope(
    (scope) =>
      describeShape(ort, ort.owned(scope, 'ReleaseTensorTypeAndShapeInfo', 'GetTensorTypeAndShape', value)).dims,
  );
}

function describeShape(ort: OrtLibrary, tensor: Pointer): Pick<TensorInfo, 'elementType' | 'dims'> {
  return withScope((scope) => {
    // An enumeration of 32 bits in a cell of 64 zeros.
    const elementType = Number(ort.out('GetTensorElementType', tensor));
    const dims = new BigInt64Array(Number(ort.out('GetDimensionsCount', tensor)));
    if (dims.length > 0) ort.call('GetDimensions', tensor, scope.address(dims), dims.length);
    return { elementType, dims: Array.from(dims, Number) };
  });
}

export function elementsOf(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

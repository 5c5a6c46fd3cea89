/** Failures of LoRA files. */
import { AppError } from '../../base/app-error.js';
import { quoted } from '../weights/weights-error.js';

/** Tensors listed in a message. */
const NAMED = 5;

/** `problem` completes the sentence "The LoRA FILE …". */
export function broken(
  code: 'weights.malformed' | 'weights.missing-tensor' | 'weights.wrong-shape' | 'weights.unsupported-dtype',
  file: string,
  problem: string,
): AppError {
  return new AppError(code, `The LoRA ${file} ${problem}.`, {
    remedy: 'Use a LoRA that was trained for FLUX.1, or download it again.',
    details: { file },
  });
}

/** A known kind that is not read. @param kind completes the sentence "The LoRA FILE is …" */
export function unreadKindError(file: string, kind: string, tensors: readonly string[], remedy?: string): AppError {
  return new AppError('weights.unexpected-tensor', `The LoRA ${file} is ${kind}, which cannot be merged.`, {
    remedy: remedy ?? 'Use a LoRA, LoHa, LoKr, DoRA, GLoRA or .diff file for FLUX.1, or convert it in its own tool.',
    details: { file, unknown: tensors.join('\n') },
  });
}

/** Tensors that match no layer. */
export function unknownTensors(file: string, unknown: readonly string[], total: number): AppError {
  return new AppError(
    'weights.unexpected-tensor',
    `The LoRA ${file} has ${unknown.length} of ${total} tensors that match no layer of this FLUX: ${listed(unknown)}.`,
    {
      remedy: 'Use a LoRA that was trained for FLUX.1.',
      details: { file, unknown: unknown.join('\n') },
    },
  );
}

/** Nothing but parts of other networks. */
export function nothingForFlux(file: string, tensors: readonly string[]): AppError {
  const found = tensors.length === 0 ? 'no tensors' : `only parts of other networks, such as ${listed(tensors)}`;
  return new AppError('weights.unexpected-tensor', `The LoRA ${file} has ${found}, and nothing for FLUX.`, {
    remedy: 'Use a LoRA that was trained for FLUX.1’s transformer.',
    details: { file, unknown: tensors.join('\n') },
  });
}

function listed(names: readonly string[]): string {
  const named = names.slice(0, NAMED).map(quoted).join(', ');
  return names.length > NAMED ? `${named} and ${names.length - NAMED} more` : named;
}

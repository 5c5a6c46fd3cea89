/**
 * Name of a file that belongs to a step, such as `step-003.png`: the engine writes them, the services read them.
 * @param step 1-based
 */
export function stepFileName(step: number, extension: 'png' | 'f32'): string {
  return `step-${String(step).padStart(3, '0')}.${extension}`;
}

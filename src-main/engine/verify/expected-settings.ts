/** `expected.json` of a reference folder: the settings of the reference tensors. */
import { z } from 'zod';
import { AppError } from '../../base/app-error.js';

const schema = z.looseObject({
  height: z.number().int().multipleOf(16).max(4096),
  width: z.number().int().multipleOf(16).max(4096),
  steps: z.number().int().min(1).max(1000),
  guidance: z.number(),
  scale: z.number(),
  start: z.number().min(0).max(1),
  end: z.number().min(0).max(1),
  prompt_index: z.number().int().min(0),
  prompts: z.array(z.string()).min(1).max(1000),
});

export type ExpectedSettings = z.infer<typeof schema>;

/** @throws AppError config.invalid naming the field */
export function parseExpectedSettings(json: unknown): ExpectedSettings {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError(
    'config.invalid',
    `expected.json: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'does not fit'}.`,
    { remedy: 'Use a reference folder laid out like test/fixtures/reference-tiny.' },
  );
}

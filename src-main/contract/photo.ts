/** Identity and pose photos. Stored upright, without EXIF. */
import { z } from 'zod';
import { idSchema, timeMsSchema } from './ids.js';

export const photoRoleSchema = z.enum(['identity', 'pose']);
export type PhotoRole = z.infer<typeof photoRoleSchema>;

export const photoSchema = z.object({
  id: idSchema,
  role: photoRoleSchema,
  name: z.string(),
  /** Pixels of the upright picture. */
  width: z.number().int(),
  height: z.number().int(),
  source: z.enum(['sample', 'import']),
  createdAtMs: timeMsSchema,
  /** Runs in the gallery that use it. */
  runCount: z.number().int(),
});
export type Photo = z.infer<typeof photoSchema>;

export const faceSchema = z.object({
  /** x0, y0, x1, y1 in pixels of the upright picture. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** Left eye, right eye, nose, left and right mouth corner. */
  landmarks: z.array(z.tuple([z.number(), z.number()])),
  score: z.number(),
});
export type Face = z.infer<typeof faceSchema>;

export const detectedFacesSchema = z.object({
  width: z.number().int(),
  height: z.number().int(),
  /** Largest first; empty when none was found. */
  faces: z.array(faceSchema),
  /** Such as `scrfd 640` or `centred`. */
  detector: z.string(),
});
export type DetectedFaces = z.infer<typeof detectedFacesSchema>;

/** A photo that ships with the app. */
export const samplePhotoSchema = z.object({
  id: idSchema,
  role: photoRoleSchema,
  name: z.string(),
  /** Author and licence. */
  credit: z.string(),
});
export const samplePromptSchema = z.object({ title: z.string(), text: z.string() });
export const samplesSchema = z.object({
  photos: z.array(samplePhotoSchema),
  prompts: z.array(samplePromptSchema),
});
export type Samples = z.infer<typeof samplesSchema>;

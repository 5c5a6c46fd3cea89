/** Windows into the gallery, and the results of its actions. */
import { z } from 'zod';
import { settingFieldSchema } from './generation-settings.js';
import { idSchema } from './ids.js';
import { MAX_QUERY_LENGTH, MAX_SELECTION, MAX_WINDOW } from './limits.js';
import { runSummarySchema } from './run.js';

export const GALLERY_SORTS = ['newest', 'oldest', 'stars', 'identity', 'peak', 'seconds', 'seed'] as const;
export const gallerySortSchema = z.enum(GALLERY_SORTS);
export type GallerySort = z.infer<typeof gallerySortSchema>;

export const galleryInputSchema = z.strictObject({
  /** A search line; see `search-language.ts`. Only finished runs unless it has a `status:` term. */
  query: z.string().max(MAX_QUERY_LENGTH),
  sort: gallerySortSchema,
  trashed: z.boolean(),
  /** One item per comparison (its first matching run in this order). */
  stacked: z.boolean(),
  offset: z.number().int().min(0),
  limit: z.number().int().min(1).max(MAX_WINDOW),
});
export type GalleryInput = z.infer<typeof galleryInputSchema>;

export const galleryItemSchema = z.object({
  run: runSummarySchema,
  /** Matching runs of the same comparison; 1 when not stacked. */
  stackSize: z.number().int(),
});
export type GalleryItem = z.infer<typeof galleryItemSchema>;

export const galleryWindowSchema = z.object({
  /** Of all matches, not only this window's. */
  total: z.number().int(),
  offset: z.number().int(),
  items: z.array(galleryItemSchema),
  /** Changes whenever the gallery does. */
  revision: z.number().int(),
});
export type GalleryWindow = z.infer<typeof galleryWindowSchema>;

export const selectionSchema = z.strictObject({ runIds: z.array(idSchema).min(1).max(MAX_SELECTION) });

/** Result of an action that `gallery.undo` can undo. */
export const undoableSchema = z.object({
  changed: z.number().int(),
  undoId: idSchema,
  action: z.enum(['rate', 'tag', 'trash', 'restore']),
  /** The changed tags, such as `+draft −old`; empty for other actions. */
  words: z.string(),
});
export type Undoable = z.infer<typeof undoableSchema>;

/** Runs that differ from one run in exactly one setting. */
export const identicalExceptSchema = z.object({
  groups: z.array(
    z.object({
      field: settingFieldSchema,
      runs: z.array(z.object({ value: z.union([z.string(), z.number()]), run: runSummarySchema })),
    }),
  ),
});
export type IdenticalExcept = z.infer<typeof identicalExceptSchema>;

/** Opaque ids: letters, digits, `-` and `_`, so that an id can never be a path. */
import { z } from 'zod';

export const idSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
/** Milliseconds since 1970-01-01 UTC. */
export const timeMsSchema = z.number().int().nonnegative();
export const bytesSchema = z.number().nonnegative();

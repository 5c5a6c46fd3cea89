/** Bounds that both sides share. A pack narrows sizes and steps further (`PackSummary.limits`). */

/** Latents are packed 2×2 after an 8× VAE: sizes are multiples of 16 pixels. */
export const SIZE_STEP = 16;
/** Below 64 the face is a few latents wide and nothing can be compared. */
export const MIN_SIZE = 64;
/** FLUX.1 was trained up to about 2 megapixels; 2048 on one side is the published limit. */
export const MAX_SIZE = 2048;
/** More steps than any published FLUX.1-dev setting; keeps the per-step tables small. */
export const MAX_STEPS = 100;
/** Seeds are 32-bit, so that every tool that takes a seed takes ours. */
export const MAX_SEED = 2 ** 32 - 1;
/** Past this, distilled guidance only burns colours. */
export const MAX_GUIDANCE = 20;
/** Residuals scaled past 2 leave the picture noise. */
export const MAX_CONDITIONING_SCALE = 2;
/** Characters. T5 reads 512 tokens; 4000 characters hold them in every script we know. */
export const MAX_PROMPT_LENGTH = 4000;
/** Cells of one comparison (variants × seeds × prompts × repeats): a night of work on a fast card. */
export const MAX_CELLS = 500;
/** Panes of the compare grid. */
export const MAX_PANES = 9;
/** Bytes of an uploaded picture; a 100-megapixel JPEG is below. */
export const MAX_UPLOAD_BYTES = 32 * 1024 * 1024;
/** Items of one gallery window; a 4K screen shows about 150 thumbnails. */
export const MAX_WINDOW = 500;
/** Pictures that one action (rate, tag, trash) may name. */
export const MAX_SELECTION = 25_000;
/** Bytes of one request body: an upload in base64 plus its envelope. */
export const MAX_REQUEST_BYTES = Math.ceil((MAX_UPLOAD_BYTES * 4) / 3) + 64 * 1024;
/** Characters of one search line. */
export const MAX_QUERY_LENGTH = 500;
/** Highest rating. */
export const MAX_STARS = 5;

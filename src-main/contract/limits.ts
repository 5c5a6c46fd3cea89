/** Limits shared by page and host. For those of settings see `base/setting-table.ts`. */

/** Cells of one comparison (variants × seeds × prompts × repeats): a night on a fast card. */
export const MAX_CELLS = 500;
/** Panes of the compare grid. */
export const MAX_PANES = 9;
/** Bytes of an uploaded picture; enough for a 100-megapixel JPEG. */
export const MAX_UPLOAD_BYTES = 32 * 1024 * 1024;
/** Items of one gallery window; a 4K screen shows about 150 thumbnails. */
export const MAX_WINDOW = 500;
/** Pictures per action (rate, tag, trash). */
export const MAX_SELECTION = 25_000;
/** Bytes of one request body: an upload in base64 plus its envelope. */
export const MAX_REQUEST_BYTES = Math.ceil((MAX_UPLOAD_BYTES * 4) / 3) + 64 * 1024;
/** Characters of one search line. */
export const MAX_QUERY_LENGTH = 500;
/** Highest rating. */
export const MAX_STARS = 5;

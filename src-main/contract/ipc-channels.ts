/** The three channels between preload and main process. */

/** Page to main, answered: method and input. */
export const CALL_CHANNEL = 'contract:call';
/** Page to main: "send me events". */
export const LISTEN_CHANNEL = 'contract:listen';
/** Main to page: one `EventMessage`. */
export const EVENT_CHANNEL = 'contract:event';

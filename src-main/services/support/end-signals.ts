/** The signals that end a command or the browser host in order. */

/**
 * By what a person ends a process. On Windows also Ctrl-Break and closing the console, which leaves ten seconds; elsewhere
 * closing the terminal is left to the shell, since `nohup` is there.
 */
export const endSignals = (platform: NodeJS.Platform = process.platform): readonly NodeJS.Signals[] =>
  platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGBREAK', 'SIGHUP'] : ['SIGINT', 'SIGTERM'];

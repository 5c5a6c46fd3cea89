/**
 * Loaded into a process with `--require`: the engine (and only it) lets itself have so many more bytes of address space
 * as LIKENESS_LAB_ENGINE_BYTES says, from the moment it reports the stage `load`; the system then refuses it memory as it
 * would where there is no more. With LIKENESS_LAB_CONFINE_ONCE, the path of a file that is not there yet, only the first
 * engine does.
 */
const { execFileSync } = process.getBuiltinModule('node:child_process');
const { existsSync, readFileSync, writeFileSync } = process.getBuiltinModule('node:fs');
const { basename } = process.getBuiltinModule('node:path');
const { isMainThread } = process.getBuiltinModule('node:worker_threads');

const more = Number(process.env.LIKENESS_LAB_ENGINE_BYTES);
const once = process.env.LIKENESS_LAB_CONFINE_ONCE;

if (isMainThread && process.send !== undefined && basename(process.argv[1] ?? '') === 'engine.js') {
  const { send } = process;
  process.send = function confined(message, ...rest) {
    const loads = message.type === 'progress' && message.progress.stage === 'load';
    if (loads && !(once !== undefined && existsSync(once))) {
      if (once !== undefined) writeFileSync(once, '');
      const kib = Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
      execFileSync('/usr/bin/prlimit', ['--pid', String(process.pid), `--as=${kib * 1024 + more}:`]);
    }
    return send.call(process, message, ...rest);
  };
}

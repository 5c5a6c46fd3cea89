/**
 * Loaded into a process with `--require`: writes fail as on a full or read-only disk while the file named by
 * LIKENESS_LAB_FAILING_DISK holds `<entry>.js <errno>` of that process (`engine`: the engine with its
 * workers). What was written before stays, as on a disk.
 */
const fs = process.getBuiltinModule('node:fs');
const { basename } = process.getBuiltinModule('node:path');
const { syncBuiltinESMExports } = process.getBuiltinModule('node:module');

const flag = process.env.LIKENESS_LAB_FAILING_DISK;
const entry = basename(process.argv[1] ?? '');
const read = fs.readFileSync;

function fail() {
  let text;
  try {
    text = read(flag, 'utf8');
  } catch {
    return; // no such file: the disk works
  }
  const [who, code] = text.trim().split(' ');
  if (who !== entry && !(who === 'engine' && entry !== 'web.js')) return;
  throw Object.assign(new Error(`${code}: injected, write`), { code, syscall: 'write' });
}

const { writeSync } = fs;
fs.writeSync = (fd, ...rest) => {
  if (fd > 2) fail();
  return writeSync(fd, ...rest);
};
const ready = fs.promises.open(__filename, 'r').then(async (handle) => {
  const prototype = Object.getPrototypeOf(handle);
  for (const name of ['write', 'writeFile', 'writev']) {
    const original = prototype[name];
    prototype[name] = async function (...args) {
      fail();
      return original.apply(this, args);
    };
  }
  await handle.close();
});
void ready;
syncBuiltinESMExports();

/** Loaded with `--require`: writes down every name that is looked up and every address that is connected to. */
const fs = process.getBuiltinModule('node:fs');
const net = process.getBuiltinModule('node:net');
const dns = process.getBuiltinModule('node:dns');
const dgram = process.getBuiltinModule('node:dgram');
const { syncBuiltinESMExports } = process.getBuiltinModule('node:module');

const note = (what, detail) => {
  fs.appendFileSync(process.env.LIKENESS_LAB_NETWORK_RECORD, `${what} ${JSON.stringify(detail)}\n`);
};
note('started', process.argv[1] ?? '');

const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  note('connect', args[0]);
  return connect.apply(this, args);
};
for (const target of [dns, dns.promises]) {
  for (const name of Object.keys(target)) {
    if (!/^(lookup|resolve)/.test(name) || typeof target[name] !== 'function') continue;
    const original = target[name];
    target[name] = (...args) => {
      note(name, args[0]);
      return original.apply(target, args);
    };
  }
}
const { send } = dgram.Socket.prototype;
dgram.Socket.prototype.send = function (...args) {
  note('send', args.slice(1, 5));
  return send.apply(this, args);
};
syncBuiltinESMExports();

/** An engine whose heap runs full at the first request, as V8 ends it. */
process.send?.({ type: 'ready', pid: process.pid, versions: {} });
process.on('message', () => {
  const hold = [];
  for (;;) hold.push(Array.from({ length: 1e6 }, (_, i) => ({ i })));
});

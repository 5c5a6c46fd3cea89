/**
 * Keeps ONNX Runtime from telling its makers. The binaries of 1.30 for Linux send usage to
 * mobile.events.data.microsoft.com and keep a device id under `~/.cache/Microsoft`, unless this variable is set when
 * the runtime is used for the first time. Every module that imports the runtime imports this one.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';

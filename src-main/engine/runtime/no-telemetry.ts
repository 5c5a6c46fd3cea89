/**
 * Turns ONNX Runtime's telemetry off. The 1.30 binaries for Linux send usage to mobile.events.data.microsoft.com and keep
 * a device id under `~/.cache/Microsoft`, unless this variable is set before the first use of the runtime. Every module
 * that imports the runtime imports this one.
 */
process.env['ORT_DISABLE_TELEMETRY'] = '1';

/**
 * A small engine that speaks the real protocol and paints flat pictures, so that queue, store and transports can be
 * tested without weights. The prompt scripts it: `crash@N`, `fail@N` (out of memory; with `once` only in the first process
 * that makes the picture, with `heavy` only where FLUX is in 16-bit) and `slow` (100 ms a step).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

/** Of weights, by format. */
const ERRORS = {
  fp8: 0.02, int8: 0.01, q8_0: 0.006, q6_k: 0.02, q5_k: 0.04, q4_k: 0.08, q4_0: 0.1,
  int4: 0.1, nf4: 0.09, mxfp4: 0.12, nvfp4: 0.1, nvfp4_ggml: 0.1,
}; // prettier-ignore

const send = (message) => process.send?.(message);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const cancelled = new Set();
let busy = Promise.resolve();

function colour(params) {
  const format = Object.values(params.formats).join('/');
  let hash = params.seed >>> 0;
  for (const char of `${format}|${params.prompt}`) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
  return { r: hash & 255, g: (hash >>> 8) & 255, b: (hash >>> 16) & 255 };
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** A flat PNG by hand: loading sharp took most of the time of a hundred short-lived engines. */
function picture(params, brightness) {
  const { width, height } = params;
  const { r, g, b } = colour(params);
  const pixel = [r, g, b].map((value) => Math.round(value * brightness));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits, RGB; each row begins with its filter, none.
  header.set([8, 2], 8);
  const row = [0, ...Array.from({ length: width }, () => pixel).flat()];
  const rows = Buffer.concat(Array.from({ length: height }, () => Buffer.from(row)));
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Two encoders; quantized InfuseNets turn the face away, by the second one further. */
function scriptedFaces({ formats }) {
  const turned = formats.infusenet === '16-bit' ? 0 : 0.2;
  const face = (angle) => Array.from({ length: 512 }, (_, i) => [Math.cos(angle), Math.sin(angle)][i] ?? 0);
  return [
    {
      encoder: 'scripted',
      weightHash: 'a'.repeat(16),
      conditioned: true,
      identityScore: 0.75,
      embedding: face(turned),
    },
    {
      encoder: 'other',
      weightHash: 'b'.repeat(16),
      conditioned: false,
      identityScore: 0.5 - turned,
      embedding: face(2 * turned),
    },
  ];
}

function phase(name, seconds, peak) {
  return {
    phase: name,
    seconds,
    devicePeakBytes: null,
    deviceEndBytes: null,
    hostPeakBytes: peak,
    hostEndBytes: peak - 1000,
    weightBytes: 4096,
    deviceSource: null,
    hostSource: 'scripted',
  };
}

/** Whether `fail` is meant for this picture and this process. */
function fails({ prompt, formats, outputPath }) {
  if (/\bheavy\b/.test(prompt) && formats.flux !== '16-bit') return false;
  if (!/\bonce\b/.test(prompt)) return true;
  const mark = `${outputPath}.pid`;
  if (existsSync(mark)) return readFileSync(mark, 'utf8') === String(process.pid);
  writeFileSync(mark, String(process.pid));
  return true;
}

/** Whether the process lost its card. */
let lost = false;

async function generate(id, params) {
  mkdirSync(params.cachePath, { recursive: true });
  const directive = /(crash|fail|lose)@(\d+)/.exec(params.prompt);
  const report = (stage, fraction, step, previewPng) =>
    send({
      type: 'progress',
      id,
      progress: {
        stage,
        fraction,
        step,
        steps: step === null ? null : params.steps,
        message: `Scripted ${stage}`,
        previewPng,
      },
    });
  for (const stage of ['encode-text', 'load']) report(stage, 1, null, null);
  for (let step = 1; step <= params.steps; step += 1) {
    await sleep(/\bslow\b/.test(params.prompt) ? 100 : 1);
    if (cancelled.has(id)) return { type: 'cancelled', id };
    if (directive?.[1] === 'crash' && Number(directive[2]) === step) {
      report('denoise', step / params.steps, step, null);
      await sleep(20);
      process.kill(process.pid, 'SIGKILL');
      await sleep(10_000);
    }
    if (directive?.[1] === 'fail' && Number(directive[2]) === step && fails(params)) {
      return {
        type: 'error',
        id,
        error: {
          code: 'engine.out-of-memory',
          message: 'The device has no memory left.',
          remedy: 'Choose smaller formats.',
          retryable: true,
          details: { step },
        },
      };
    }
    if (directive?.[1] === 'lose' && Number(directive[2]) === step) lost = true;
    // For the life of the process, as CUDA has it.
    if (lost) {
      const error = { code: 'engine.device-lost', message: 'The card was lost.', remedy: 'Make it again.' };
      return { type: 'error', id, error: { ...error, retryable: true, details: { step } } };
    }
    const preview = picture({ ...params, width: 16, height: 16 }, step / params.steps);
    if (params.latentsDir !== undefined) {
      // Quantized runs leave the path of the others by a hundredth of its length with every step.
      const drift = params.formats.infusenet === '16-bit' ? 0 : step / 100;
      mkdirSync(params.latentsDir, { recursive: true });
      const latents = Float32Array.of(3, 4, 12).map((value) => value * (1 + drift));
      writeFileSync(
        join(params.latentsDir, `step-${String(step).padStart(3, '0')}.f32`),
        new Uint8Array(latents.buffer),
      );
    }
    if (params.previewDir !== null) {
      writeFileSync(join(params.previewDir, `step-${String(step).padStart(3, '0')}.png`), preview);
    }
    report('denoise', step / params.steps, step, `data:image/png;base64,${preview.toString('base64')}`);
  }
  mkdirSync(dirname(params.outputPath), { recursive: true });
  writeFileSync(params.outputPath, picture(params, 1));
  const peak = { '16-bit': 4e6, fp8: 2e6, int8: 2e6, int4: 1e6, nf4: 1e6 }[params.formats.infusenet] ?? 15e5;
  return {
    type: 'result',
    id,
    result: {
      kind: 'generate',
      outputPath: params.outputPath,
      width: params.width,
      height: params.height,
      phases: [phase('text', 0.01, 1e6), phase('load', 0.02, peak - 5e5), phase('denoise', 0.1, peak)],
      stepSeconds: Array.from({ length: params.steps }, () => 0.01),
      totalSeconds: 0.13,
      provider: params.provider,
      computeDtype: 'f32',
      weightHashes: { flux: '0123456789abcdef' },
      keepList: ['*.norm*'],
      versions: { scripted: '1' },
      decode: { mode: params.decode ?? 'whole', tiles: 1, reason: 'fits', wholeBytes: 1e6, freeBytes: null },
      weightPlaces:
        params.memoryLimitBytes === undefined
          ? null
          : { residentBytes: params.memoryLimitBytes, streamedBytes: 4 * 2 ** 30, fromDiskBytes: 2 ** 30 },
      spill: null,
      identityScore: params.identity.kind === 'none' ? null : 0.75,
      identityState: params.identity.kind === 'none' ? 'no-identity' : 'scored',
      faceScores: params.identity.kind === 'none' ? [] : scriptedFaces(params),
      secondEncoder: params.identity.kind === 'none' ? null : 'used',
    },
  };
}

const ANSWERS = {
  'detect-faces': async ({ imagePath }) => {
    const { default: sharp } = await import('sharp');
    const { width, height } = await sharp(imagePath).metadata();
    return {
      kind: 'detect-faces',
      imageWidth: width,
      imageHeight: height,
      faces: [
        {
          box: [width / 4, height / 4, (width * 3) / 4, (height * 3) / 4],
          landmarks: [
            [width * 0.4, height * 0.4],
            [width * 0.6, height * 0.4],
            [width * 0.5, height * 0.5],
            [width * 0.42, height * 0.62],
            [width * 0.58, height * 0.62],
          ],
          score: 0.9,
        },
      ],
      detector: 'centred',
    };
  },
  /** On cuda, what exceeds the limit is streamed. */
  estimate: async ({ provider, formats, memoryLimitBytes = Infinity }) => {
    const bits = { '16-bit': 16, fp8: 8, int8: 8, int4: 4, nf4: 4 };
    const parts = {
      flux: bits[formats.flux] * 1e9,
      t5: bits[formats.t5] * 3e8,
      infusenet: bits[formats.infusenet] * 4e8,
      vae: 2e8,
      clip: 2e8,
      activations: 1e9,
      runtime: 0,
    };
    const weights = parts.flux + parts.infusenet;
    const loadBytes = provider === 'cuda' ? Math.min(weights, memoryLimitBytes - parts.activations) : weights;
    parts.flux *= loadBytes / weights;
    parts.infusenet *= loadBytes / weights;
    return {
      kind: 'estimate',
      parts,
      weightPlaces:
        provider === 'cuda' ? { residentBytes: loadBytes, streamedBytes: weights - loadBytes, fromDiskBytes: 0 } : null,
      loadBytes,
      peakBytes: loadBytes + parts.activations,
      stageBytes: { text: parts.t5 + parts.clip, denoise: loadBytes + parts.activations, decode: parts.vae + 2e9 },
      decodeBytes: { whole: parts.vae + 2e9, tiles: parts.vae + 4e8 },
      freeBytes: Number(process.env.SCRIPTED_FREE_BYTES ?? 64e9),
      freeSource: 'scripted',
    };
  },
  'weight-errors': async ({ component }) => ({
    kind: 'weight-errors',
    component,
    layers: [{ name: 'blocks.0.weight', shape: [8, 8], errors: ERRORS, lora: null }],
    overall: ERRORS,
    loraOverall: null,
  }),
  /** A variant named `huge` has more to convert than any disk. */
  'plan-conversion': async ({ items, modelVariant }) => {
    const bytes = modelVariant === 'huge' ? 1e15 : 1000;
    return {
      kind: 'plan-conversion',
      items: items.map((item) => ({ ...item, state: 'missing', bytes, bytesLeft: bytes, secondsLeft: 1 })),
    };
  },
  convert: async ({ items }) => ({
    kind: 'convert',
    items: items.map((item) => ({ ...item, bytes: 1000, seconds: 1 })),
  }),
  inspect: async ({ packPath }) => {
    if (packPath.endsWith('broken')) {
      return Promise.reject(
        Object.assign(new Error(), {
          dto: {
            code: 'pack.invalid',
            message: 'pack.json is not valid JSON.',
            remedy: 'Correct it.',
            retryable: false,
            details: {},
          },
        }),
      );
    }
    return {
      kind: 'inspect',
      name: 'Scripted pack',
      licence: 'MIT',
      note: null,
      faceDetection: 'centred',
      modelVariants: ['aes_stage2'],
      defaults: { width: 64, height: 64, steps: 4, guidance: 3.5 },
      limits: { minSize: 64, maxSize: 512, maxSteps: 50 },
      components: [
        {
          component: 'flux',
          files: 1,
          tensors: 10,
          parameters: 1000,
          bytes: 2000,
          dtypes: ['BF16'],
          missing: [],
          bytesPerFormat: { '16-bit': 2000, nf4: 560 },
          quantized: null,
        },
      ],
      complete: true,
    };
  },
  audit: async ({ target, places }) => ({
    kind: 'audit',
    audit: target === null ? null : { parts: [], complete: false },
    places: places.map((path) => ({ path, config: null, parts: [], finding: null })),
  }),
  'check-lora': async () => ({
    kind: 'check-lora',
    layers: 2,
    leftOut: { textEncoder: 0, embedding: 0 },
    assumesAlpha: false,
  }),
  /**
   * What a file says is found, read anew by every process; without one, a CPU alone. With `crash` in the file, trying cuda
   * ends the process.
   */
  probe: async ({ without = [] }) => {
    const said =
      process.env.SCRIPTED_PROBE === undefined ? {} : JSON.parse(readFileSync(process.env.SCRIPTED_PROBE, 'utf8'));
    if (said.crash === true && !without.includes('cuda')) {
      process.kill(process.pid, 'SIGKILL');
      await sleep(10_000);
    }
    const result = {
      kind: 'probe',
      providers: [
        { provider: 'cpu', available: true, detail: 'scripted' },
        { provider: 'cuda', available: false, detail: 'no libraries' },
      ],
      cuda: null,
      ...said,
    };
    return { ...result, providers: result.providers.filter(({ provider }) => !without.includes(provider)) };
  },
  release: async () => ({ kind: 'release' }),
};

async function answer({ id, request }) {
  if (cancelled.has(id)) return { type: 'cancelled', id };
  if (request.kind === 'generate') return generate(id, request.params);
  try {
    return { type: 'result', id, result: await ANSWERS[request.kind](request.params) };
  } catch (error) {
    return { type: 'error', id, error: error.dto };
  }
}

process.on('message', (message) => {
  if (message.type === 'cancel') cancelled.add(message.id);
  if (message.type === 'shutdown') process.exit(0);
  if (message.type === 'request') busy = busy.then(async () => send(await answer(message)));
});
process.on('disconnect', () => process.exit(0));
send({ type: 'ready', pid: process.pid, versions: { scripted: '1' } });

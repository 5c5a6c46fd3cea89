/** Measures memory during a phase: the device's from the driver's stream of readings, the host's from the process's high-water mark. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { DeviceChoice, PhaseMeasurement } from '../protocol.js';
import { openAmdMemory } from './amd-memory.js';
import { nvidiaId } from './device-memory.js';

/** 20 readings a second. */
const INTERVAL_MS = 50;
const MIB = 1024 * 1024;

interface DeviceReader {
  readonly source: string;
  /** Of the card; null before the first reading. */
  readonly totalBytes: number | null;
  /** Latest reading in bytes; null before the first. */
  latest(): number | null;
  /** Highest reading since the last call; null without a reading. */
  takePeak(): number | null;
  stop(): void;
}

/**
 * Used device memory, streamed from nvidia-smi: the whole card's, including other programs'. Sessions block this thread
 * while they load and run; lines from that time wait in the pipe and all count when they are read.
 */
class NvidiaReader implements DeviceReader {
  readonly source = 'nvidia-smi memory.used';
  readonly #child: ChildProcess;
  #latest: number | null = null;
  #peak: number | null = null;
  totalBytes: number | null = null;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Null where nvidia-smi is missing or ends before its first reading. */
  static async open(id: string): Promise<NvidiaReader | null> {
    const args = [
      '--query-gpu=memory.used,memory.total',
      '--format=csv,noheader,nounits',
      `--id=${id}`,
      `--loop-ms=${INTERVAL_MS}`,
    ];
    const child = spawn('nvidia-smi', args, { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
    const reader = new NvidiaReader(child);
    const started = await new Promise<boolean>((resolve) => {
      child.once('error', () => resolve(false));
      child.once('exit', () => resolve(false));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [used = NaN, total = NaN] = line.split(',').map((mib) => Number.parseInt(mib, 10));
        reader.#take(used, total);
        resolve(true);
      });
    });
    child.unref();
    return started ? reader : null;
  }

  latest(): number | null {
    return this.#latest;
  }

  takePeak(): number | null {
    const peak = this.#peak;
    this.#peak = null;
    return peak;
  }

  stop(): void {
    this.#child.kill();
  }

  #take(mib: number, totalMib: number): void {
    if (!Number.isFinite(mib)) return;
    if (Number.isFinite(totalMib)) this.totalBytes = totalMib * MIB;
    this.#latest = mib * MIB;
    this.#peak = Math.max(this.#peak ?? 0, this.#latest);
  }
}

function openAmd(): DeviceReader | null {
  const memory = openAmdMemory();
  if (memory === null) return null;
  const { used, totalBytes } = memory;
  return { source: 'amdgpu mem_info_vram_used', totalBytes, latest: used, takePeak: used, stop: () => undefined };
}

/** VmHWM of this process in bytes; null without /proc. */
function highWaterMark(): number | null {
  try {
    const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return match?.[1] === undefined ? null : Number(match[1]) * 1024;
  } catch {
    return null;
  }
}

/** Resets VmHWM to the current resident set. @source Linux proc(5), clear_refs value 5 */
function resetHighWaterMark(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

/** Measures phases one after another. Open one per request and close it. */
export class MemoryProbe {
  readonly #device: DeviceReader | null;
  readonly #deviceBase: number | null;
  readonly #phases: PhaseMeasurement[] = [];

  private constructor(device: DeviceReader | null) {
    this.#device = device;
    this.#deviceBase = device?.latest() ?? null;
  }

  /** @param device for the `cpu` provider no reader is opened */
  static async open(device: DeviceChoice): Promise<MemoryProbe> {
    if (device.provider === 'cpu') return new MemoryProbe(null);
    const id = nvidiaId(device);
    return new MemoryProbe((id === null ? null : await NvidiaReader.open(id)) ?? openAmd());
  }

  get phases(): readonly PhaseMeasurement[] {
    return this.#phases;
  }

  /** Latest reading of the whole card; nulls if unreadable. */
  get device(): { readonly usedBytes: number | null; readonly totalBytes: number | null } {
    return { usedBytes: this.#device?.latest() ?? null, totalBytes: this.#device?.totalBytes ?? null };
  }

  /** Runs `work` and records its memory and time; `weightBytes` is read at the end. */
  async phase<T>(phase: PhaseMeasurement['phase'], weightBytes: () => number, work: () => Promise<T>): Promise<T> {
    // Exists only with --expose-gc, which the app sets.
    globalThis.gc?.();
    const exact = resetHighWaterMark();
    let hostPeak = process.memoryUsage.rss();
    // Discards readings from before the phase.
    this.#device?.takePeak();
    let devicePeak = this.#aboveBase(this.#device?.latest() ?? null);
    const sample = () => {
      hostPeak = Math.max(hostPeak, process.memoryUsage.rss());
      const device = this.#aboveBase(this.#device?.takePeak() ?? null);
      if (device !== null) devicePeak = Math.max(devicePeak ?? 0, device);
    };
    const timer = setInterval(sample, INTERVAL_MS);
    const started = performance.now();
    try {
      return await work();
    } finally {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      // The driver's stream lags by one interval.
      if (this.#device !== null) await new Promise((resolve) => setTimeout(resolve, 2 * INTERVAL_MS));
      sample();
      const mark = exact ? highWaterMark() : null;
      this.#phases.push({
        phase,
        seconds,
        devicePeakBytes: devicePeak,
        deviceEndBytes: this.#aboveBase(this.#device?.latest() ?? null),
        hostPeakBytes: Math.max(hostPeak, mark ?? 0),
        hostEndBytes: process.memoryUsage.rss(),
        weightBytes: weightBytes(),
        deviceSource: this.#device?.source ?? null,
        hostSource: mark === null ? 'resident set, sampled' : 'VmHWM',
      });
    }
  }

  close(): void {
    this.#device?.stop();
  }

  #aboveBase(bytes: number | null): number | null {
    return bytes === null ? null : Math.max(0, bytes - (this.#deviceBase ?? 0));
  }
}

/** Engine processes for one task each, so that a task of minutes does not block other requests. */
import { EngineClient, type EngineSpawner } from './engine-client.js';

export class EngineErrands {
  readonly #spawn: EngineSpawner;
  readonly #open = new Set<EngineClient>();

  constructor(spawn: EngineSpawner) {
    this.#spawn = spawn;
  }

  /**
   * @param env added to the process's environment
   * @throws what the work throws; engine.crashed; AbortError at the end
   */
  async run<T>(work: (engine: EngineClient) => Promise<T>, env?: Readonly<Record<string, string>>): Promise<T> {
    const engine = new EngineClient((onStderr) => this.#spawn(onStderr, env));
    this.#open.add(engine);
    try {
      return await work(engine);
    } finally {
      this.#open.delete(engine);
      await engine.close();
    }
  }

  /** Ends the running ones. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((engine) => engine.close()));
  }
}

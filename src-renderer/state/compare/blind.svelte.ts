/** The open blind test. Only the host knows which picture is behind which letter. */
import type { BlindAnswer, BlindKind, BlindQuestion, BlindTest } from '$contract/blind-test';
import type { Client } from '../../bridge/client';
import type { Compare } from './compare.svelte';
import type { Notices } from '../shell/notices.svelte';

export class Blind {
  test = $state.raw<BlindTest | null>(null);
  /** Tests of the comparison's pictures, newest first. */
  earlier = $state.raw<readonly BlindTest[]>([]);
  /** A request is running; answers are ignored meanwhile. */
  busy = $state(false);
  readonly #client: Client;
  readonly #notices: Notices;
  readonly #compare: Compare;

  constructor(client: Client, notices: Notices, compare: Compare) {
    this.#client = client;
    this.#notices = notices;
    this.#compare = compare;
  }

  /** Name of a test's variant; the name stored with the test if the table does not have the variant. */
  nameOf(test: BlindTest): string {
    const variant = this.#compare.measured.table?.variants.find(({ name }) => name === test.variantName);
    return variant === undefined ? test.variantName : this.#compare.measured.variantName(variant);
  }

  async loadEarlier(): Promise<void> {
    const runIds = this.#compare.done.map((run) => run.id);
    if (runIds.length === 0) return;
    this.earlier = (await this.#notices.attempt(this.#client.call('blind.list', { runIds }))) ?? [];
  }

  /** Tests the variant on the right against the reference. */
  async start(kind: BlindKind, question: BlindQuestion, trials: number): Promise<boolean> {
    const { done, chosen } = this.#compare;
    const { reference, candidate } = chosen;
    if (reference === undefined || candidate === undefined) return false;
    const input = {
      referenceRunId: reference.id,
      runIds: done.map((run) => run.id),
      candidateRunId: candidate.id,
      kind,
      question,
      trials,
    };
    return this.#take(this.#client.call('blind.start', input));
  }

  resume(test: BlindTest): void {
    this.test = test;
  }

  async answer(answer: BlindAnswer): Promise<void> {
    const test = this.test;
    if (test === null || test.result !== null || this.busy) return;
    await this.#take(this.#client.call('blind.answer', { testId: test.id, trial: test.answered, answer }));
  }

  async undo(): Promise<void> {
    const test = this.test;
    if (test === null || test.result !== null || test.answered === 0 || this.busy) return;
    await this.#take(this.#client.call('blind.undo', { testId: test.id }));
  }

  /** Closes the test; answers are kept. */
  leave(): void {
    this.test = null;
  }

  async remove(test: BlindTest): Promise<void> {
    await this.#notices.attempt(this.#client.call('blind.delete', { testId: test.id }));
    await this.loadEarlier();
  }

  async #take(call: Promise<BlindTest>): Promise<boolean> {
    this.busy = true;
    const test = await this.#notices.attempt(call);
    this.busy = false;
    if (test !== null) this.test = test;
    return test !== null;
  }
}

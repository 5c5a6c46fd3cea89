/** Updates against a hand-written updater: what is asked, and that nothing happens without a yes. */
import { EventEmitter } from 'node:events';
import type { UpdateCheckResult } from 'electron-updater';
import { describe, expect, it } from 'vitest';
import { LANGUAGES } from '../../../src-main/contract/languages.js';
import { NATIVE_TEXTS } from '../../../src-main/app/native-text.js';
import type { Question } from '../../../src-main/app/question.js';
import { Updates, type Updater } from '../../../src-main/app/updates.js';

const text = NATIVE_TEXTS.en.updates;

class FakeUpdater extends EventEmitter {
  autoDownload = true;
  autoInstallOnAppQuit = true;
  logger: unknown = console;
  readonly calls: string[] = [];
  /** Whether quitting would have installed, at each call. */
  readonly #found: string | null;
  failure: Error | null = null;

  constructor(found: string | null) {
    super();
    this.#found = found;
  }

  checkForUpdates(): Promise<UpdateCheckResult> {
    this.calls.push(this.autoDownload ? 'check and fetch' : 'check');
    const updateInfo = { version: this.#found ?? '0.1.0', files: [{ url: 'app.exe', sha512: '', size: 182_000_000 }] };
    return Promise.resolve({ isUpdateAvailable: this.#found !== null, updateInfo } as unknown as UpdateCheckResult);
  }
  downloadUpdate(): Promise<string[]> {
    this.calls.push('download');
    this.emit('download-progress', { percent: 40 });
    return this.failure === null ? Promise.resolve(['app.exe']) : Promise.reject(this.failure);
  }
  quitAndInstall(): void {
    this.calls.push('install');
  }
}

/** Checks with the given answers, in order, by their labels. */
async function check(
  updater: FakeUpdater,
  answers: readonly string[],
  { hasFeed = true, busy = false }: { hasFeed?: boolean; busy?: boolean } = {},
) {
  const questions: Question[] = [];
  const progress: (number | null)[] = [];
  const logged: unknown[] = [];
  let loaded = 0;
  const updates = new Updates({
    currentVersion: '0.1.0',
    hasFeed,
    load: () => {
      loaded++;
      return Promise.resolve(updater as unknown as Updater);
    },
    isBusy: () => busy,
    ask: (question) => {
      const answer = answers[questions.length] ?? 'OK';
      questions.push(question);
      expect(question.buttons).toContain(answer);
      return Promise.resolve(question.buttons.indexOf(answer));
    },
    showProgress: (fraction) => progress.push(fraction),
    text: () => NATIVE_TEXTS.en,
    locale: () => 'en-GB',
    log: { error: (message, error) => logged.push(message, error) },
  });
  await Promise.all([updates.check(), updates.check()]); // the second click does nothing
  return { questions, progress, logged, loaded };
}

describe('checking for updates', () => {
  it('asks nobody where no release page is known', async () => {
    const updater = new FakeUpdater('0.2.0');
    const { questions, loaded } = await check(updater, [], { hasFeed: false });
    expect(loaded).toBe(0);
    expect(updater.calls).toEqual([]);
    expect(questions.map(({ message }) => message)).toEqual([text.noFeed]);
  });

  it('says that this is the newest version', async () => {
    const updater = new FakeUpdater(null);
    const { questions } = await check(updater, []);
    expect(updater.calls).toEqual(['check']);
    expect(questions[0]?.message).toBe('Likeness Lab 0.1.0 is the newest version.');
  });

  it('fetches nothing without a yes, and Escape is a no', async () => {
    const updater = new FakeUpdater('0.2.0');
    const { questions } = await check(updater, [text.notNow]);
    expect(updater.calls).toEqual(['check']);
    expect(questions[0]?.detail).toContain('182 MB');
    expect(questions[0]?.buttons[questions[0].cancelId]).toBe(text.notNow);
  });

  it.each([
    [text.restart, ['check', 'download', 'install'], false],
    [text.onQuit, ['check', 'download'], true],
    [text.notNow, ['check', 'download'], false],
  ])('after the download does as told: %s', async (answer, calls, installsOnQuit) => {
    const updater = new FakeUpdater('0.2.0');
    const { progress } = await check(updater, [text.download, answer]);
    expect(updater.calls).toEqual(calls);
    expect(updater.autoInstallOnAppQuit).toBe(installsOnQuit);
    expect(progress[0]).toBe(0.4);
    expect(progress.at(-1)).toBeNull();
    expect(updater.listenerCount('download-progress')).toBe(0);
  });

  it('offers no restart that would end a picture', async () => {
    const { questions } = await check(new FakeUpdater('0.2.0'), [text.download, text.onQuit], { busy: true });
    expect(questions[1]?.buttons).toEqual([text.onQuit, text.notNow]);
  });

  it('tells and logs a failure, and installs nothing', async () => {
    const updater = new FakeUpdater('0.2.0');
    updater.failure = new Error('sha512 checksum mismatch\n    at somewhere');
    const { questions, logged } = await check(updater, [text.download]);
    expect(questions.at(-1)?.message).toBe(text.failed);
    expect(questions.at(-1)?.detail).toMatch(/^sha512 checksum mismatch\n\n/);
    expect(logged).toEqual(['The update failed.', updater.failure]);
    expect(updater.autoInstallOnAppQuit).toBe(false);
  });
});

it.each(LANGUAGES)('is worded in %s with its version, size and reason', (language) => {
  const { updates } = NATIVE_TEXTS[language];
  for (const say of [updates.newest, updates.available, updates.ready]) expect(say('9.8.7')).toContain('9.8.7');
  expect(updates.availableDetail('12 MB')).toContain('12 MB');
  expect(updates.failedDetail('No network.')).toContain('No network.');
  expect(new Set([updates.download, updates.notNow, updates.restart, updates.onQuit]).size).toBe(4);
});

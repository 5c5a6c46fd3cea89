/**
 * Updates, only when asked for: nothing leaves the machine before a person chooses "Check for Updates…", nothing is
 * fetched before they said yes to what was found, and nothing is installed before they said so again.
 */
import type { AppUpdater } from 'electron-updater';
import type { Log } from '../services/support/log.js';
import type { NativeText } from './native-text.js';

/** What is used of electron-updater. */
export type Updater = Pick<
  AppUpdater,
  | 'autoDownload'
  | 'autoInstallOnAppQuit'
  | 'logger'
  | 'checkForUpdates'
  | 'downloadUpdate'
  | 'quitAndInstall'
  | 'on'
  | 'removeListener'
>;

export interface UpdateQuestion {
  readonly message: string;
  readonly detail: string;
  readonly buttons: string[];
  readonly defaultId: number;
  readonly cancelId: number;
}

export interface UpdateSurroundings {
  readonly currentVersion: string;
  /** Whether this copy knows a release page to ask. */
  readonly hasFeed: boolean;
  /** The updater, which reads its settings when it is made. */
  readonly load: () => Promise<Updater>;
  /** Whether a picture is being made, which a restart would end. */
  readonly isBusy: () => boolean;
  /** Index of the chosen button. */
  readonly ask: (question: UpdateQuestion) => Promise<number>;
  /** @param fraction 0 to 1; null when there is nothing to show */
  readonly showProgress: (fraction: number | null) => void;
  readonly text: () => NativeText;
  /** Tag by which sizes are written. */
  readonly locale: () => string;
  readonly log: Pick<Log, 'error'>;
}

const BYTES_PER_MEGABYTE = 1e6;

export class Updates {
  readonly #around: UpdateSurroundings;
  #checking = false;

  constructor(around: UpdateSurroundings) {
    this.#around = around;
  }

  /** Looks for a newer version and goes on as far as the person agrees. Failures are told, never thrown. */
  async check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      await this.#check();
    } catch (error) {
      this.#around.log.error('The update failed.', error);
      const { failed, failedDetail } = this.#around.text().updates;
      const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
      await this.#tell(failed, failedDetail(reason));
    } finally {
      this.#around.showProgress(null);
      this.#checking = false;
    }
  }

  async #check(): Promise<void> {
    const { updates: text } = this.#around.text();
    if (!this.#around.hasFeed) {
      await this.#tell(text.noFeed, text.noFeedDetail);
      return;
    }
    const updater = await this.#around.load();
    updater.logger = null;
    updater.autoDownload = false;
    const found = await updater.checkForUpdates();
    if (found?.isUpdateAvailable !== true) {
      await this.#tell(text.newest(this.#around.currentVersion), '');
      return;
    }
    const { version, files } = found.updateInfo;
    const wanted = await this.#choose(text.available(version), text.availableDetail(this.#size(files[0]?.size)), [
      text.download,
      text.notNow,
    ]);
    if (wanted === 0) await this.#download(updater, version);
  }

  async #download(updater: Updater, version: string): Promise<void> {
    const { updates: text } = this.#around.text();
    const showProgress = ({ percent }: { readonly percent: number }): void => this.#around.showProgress(percent / 100);
    // The updater prepares an installation on quitting while it downloads; without a yes it is called off below.
    updater.autoInstallOnAppQuit = true;
    updater.on('download-progress', showProgress);
    try {
      await updater.downloadUpdate();
    } finally {
      updater.removeListener('download-progress', showProgress);
      updater.autoInstallOnAppQuit = false;
      this.#around.showProgress(null);
    }
    const restart = this.#around.isBusy() ? [] : [text.restart];
    const answers = [...restart, text.onQuit, text.notNow];
    const answer = answers[await this.#choose(text.ready(version), text.readyDetail, answers)];
    updater.autoInstallOnAppQuit = answer === text.onQuit;
    if (answer === text.restart) updater.quitAndInstall();
  }

  #size(bytes: number | undefined): string | null {
    if (bytes === undefined) return null;
    const unit = { style: 'unit', unit: 'megabyte', maximumFractionDigits: 0 } as const;
    return new Intl.NumberFormat(this.#around.locale(), unit).format(bytes / BYTES_PER_MEGABYTE);
  }

  /** The last button is the one for Escape. */
  #choose(message: string, detail: string, buttons: string[]): Promise<number> {
    return this.#around.ask({ message, detail, buttons, defaultId: 0, cancelId: buttons.length - 1 });
  }

  async #tell(message: string, detail: string): Promise<void> {
    await this.#around.ask({ message, detail, buttons: ['OK'], defaultId: 0, cancelId: 0 });
  }
}

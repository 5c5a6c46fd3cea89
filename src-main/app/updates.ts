/**
 * Updates on request: the release page is asked only after "Check for Updates…", and both the download and the
 * installation need the person's agreement.
 */
import type { AppUpdater } from 'electron-updater';
import type { Log } from '../services/support/log.js';
import type { NativeText } from './native-text.js';
import type { Question } from './question.js';

/** The part of electron-updater that is used. */
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

export interface UpdateSurroundings {
  readonly currentVersion: string;
  /** Whether this copy has a release page to check. */
  readonly hasFeed: boolean;
  /** Loads the updater, which reads its settings when it is created. */
  readonly load: () => Promise<Updater>;
  /** Whether a picture is being made, which a restart would interrupt. */
  readonly isBusy: () => boolean;
  /** Index of the chosen button. */
  readonly ask: (question: Question) => Promise<number>;
  /** @param fraction 0 to 1; null when there is nothing to show */
  readonly showProgress: (fraction: number | null) => void;
  readonly text: () => NativeText;
  /** BCP 47 tag for sizes. */
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

  /** Looks for a newer version and continues as far as the person agrees. Failures are shown, never thrown. */
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
    // While it downloads, the updater prepares an installation on quitting; it is called off below unless chosen.
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

  /** Escape chooses the last button. */
  #choose(message: string, detail: string, buttons: string[]): Promise<number> {
    return this.#around.ask({ message, detail, buttons, defaultId: 0, cancelId: buttons.length - 1 });
  }

  async #tell(message: string, detail: string): Promise<void> {
    await this.#around.ask({ message, detail, buttons: ['OK'], defaultId: 0, cancelId: 0 });
  }
}

/** The contract over Electron's IPC. Only the main frame of our own window is answered. */
import type { IpcMain, IpcMainEvent, IpcMainInvokeEvent, WebContents } from 'electron';
import { EVENT_NAMES } from '../contract/events.js';
import { CALL_CHANNEL, EVENT_CHANNEL, LISTEN_CHANNEL } from '../contract/ipc-channels.js';
import type { Dispatch, Sender } from '../services/host/dispatcher.js';
import type { EventHub } from '../services/support/event-hub.js';
import { isOurs } from './page-origin.js';

type SenderEvent = Pick<IpcMainInvokeEvent | IpcMainEvent, 'sender' | 'senderFrame'>;

/** Judges who sent a message. A frame that has gone or navigated away is nobody. */
export function senderOf(event: SenderEvent, ours: () => WebContents | null): Sender {
  const { sender, senderFrame } = event;
  const contents = ours();
  const trusted =
    contents !== null &&
    sender === contents &&
    senderFrame !== null &&
    senderFrame === contents.mainFrame &&
    isOurs(senderFrame.url);
  return { trusted, name: senderFrame === null ? 'a closed frame' : senderFrame.url.slice(0, 200) };
}

/**
 * Registers the contract's channels.
 * @param ours the contents of our window, or null while there is none
 */
export function registerIpc(
  ipcMain: Pick<IpcMain, 'handle' | 'on'>,
  dispatch: Dispatch,
  hub: EventHub,
  ours: () => WebContents | null,
): void {
  ipcMain.handle(CALL_CHANNEL, (event, method: unknown, input: unknown) =>
    dispatch(typeof method === 'string' ? method : '', input, senderOf(event, ours)),
  );

  let stop: (() => void) | null = null;
  ipcMain.on(LISTEN_CHANNEL, (event) => {
    if (!senderOf(event, ours).trusted) return;
    // A reload listens anew; the page before it is gone.
    stop?.();
    const { sender } = event;
    stop = hub.subscribeMessages(EVENT_NAMES, (message) => {
      if (!sender.isDestroyed()) sender.send(EVENT_CHANNEL, message);
    });
  });
}

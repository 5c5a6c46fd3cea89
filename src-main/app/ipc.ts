/** The contract over Electron's IPC. Only the main frame of our own window is answered. */
import type { IpcMain, IpcMainEvent, IpcMainInvokeEvent, WebContents } from 'electron';
import { EVENT_NAMES } from '../contract/events.js';
import { CALL_CHANNEL, EVENT_CHANNEL, LISTEN_CHANNEL } from '../contract/ipc-channels.js';
import type { Dispatch, Sender } from '../services/host/dispatcher.js';
import type { EventHub } from '../services/support/event-hub.js';
import { isOurs } from './page-origin.js';

type SenderEvent = Pick<IpcMainInvokeEvent | IpcMainEvent, 'sender' | 'senderFrame'>;

/** The sender of a message; a frame that was closed or navigated away is not trusted. */
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

/** Registers the contract's channels. @param ours the contents of our window; null without a window */
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
    // After a reload the new page listens; the old one is gone.
    stop?.();
    const { sender } = event;
    stop = hub.subscribeMessages(EVENT_NAMES, (message) => {
      if (!sender.isDestroyed()) sender.send(EVENT_CHANNEL, message);
    });
  });
}

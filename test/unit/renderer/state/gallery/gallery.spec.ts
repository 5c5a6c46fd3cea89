import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { GalleryWindow } from '../../../../../src-main/contract/gallery';
import { AppError } from '../../../../../src-main/contract/error';
import { Announcer } from '../../../../../src-renderer/state/shell/announcer.svelte';
import { Gallery } from '../../../../../src-renderer/state/gallery/gallery.svelte';
import { Notices } from '../../../../../src-renderer/state/shell/notices.svelte';
import { ScriptedClient, settle } from '../scripted-client';

function page(prefix: string, offset: number, total: number, revision = 1): GalleryWindow {
  const count = Math.max(0, Math.min(150, total - offset));
  const items = Array.from({ length: count }, (_, index) => ({
    run: { id: `${prefix}${offset + index}`, stars: 0 },
    stackSize: 1,
  }));
  return { total, offset, revision, items } as unknown as GalleryWindow;
}

let client: ScriptedClient;
let notices: Notices;
let gallery: Gallery;

beforeEach(async () => {
  client = new ScriptedClient();
  notices = new Notices(new Announcer());
  gallery = new Gallery(client, notices);
  gallery.start();
  await client.tell('gallery', { revision: 1, total: 400, trashed: 2 });
  await client.take('gallery.list').answer(page('a', 0, 400));
});

describe('windows', () => {
  it('come when they are shown, each once', async () => {
    expect(gallery.list.total).toBe(400);
    expect(gallery.list.item(149)?.run.id).toBe('a149');
    gallery.list.show(140, 170);
    gallery.list.show(140, 175);
    expect(client.calls.map((call) => call.input)).toMatchObject([{ offset: 150, limit: 150 }]);
    await client.take('gallery.list').answer(page('a', 150, 400));
    expect(gallery.list.item(160)?.run.id).toBe('a160');
  });

  it('stay until the new ones come when the gallery changes', async () => {
    await client.tell('gallery', { revision: 2, total: 401, trashed: 2 });
    expect(gallery.list.item(0)?.run.id).toBe('a0');
    await client.take('gallery.list').answer(page('b', 0, 401, 2));
    expect(gallery.list.item(0)?.run.id).toBe('b0');
  });

  it('of an old search never replace those of a new one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    gallery.list.setQuery('flux:nf4');
    vi.runAllTimers();
    const old = client.take('gallery.list');
    gallery.list.setQuery('flux:int8');
    vi.runAllTimers();
    vi.useRealTimers();
    await client.take('gallery.list').answer(page('new', 0, 3));
    await old.answer(page('old', 0, 400));
    expect(gallery.list.total).toBe(3);
    expect(gallery.list.item(0)?.run.id).toBe('new0');
  });

  it('are asked for again after a failure, which is kept to be shown', async () => {
    gallery.list.setSort('stars');
    const error = new AppError('store.busy', 'The gallery is in use.', { remedy: 'Close the other window.' });
    await client.take('gallery.list').fail(error);
    expect(gallery.list.error).toMatchObject({ code: 'store.busy', remedy: 'Close the other window.' });
    gallery.list.restart();
    await client.take('gallery.list').answer(page('c', 0, 5));
    expect(gallery.list.error).toBeNull();
    expect(gallery.list.total).toBe(5);
  });
});

describe('selection', () => {
  it('waits for an item of a list that is on its way, unless another list comes', async () => {
    gallery.list.setTrashed(true);
    void gallery.selection.only(0);
    await client.take('gallery.list').answer(page('trash', 0, 2));
    expect(gallery.selection.runIds).toEqual(['trash0']);
    gallery.list.setTrashed(false);
    void gallery.selection.only(1);
    const late = client.take('gallery.list');
    gallery.list.setTrashed(true);
    await late.answer(page('a', 0, 400));
    await client.take('gallery.list').answer(page('trash', 0, 2));
    expect(gallery.selection.runIds).toEqual([]);
  });

  it('made while others go to the trash stays', async () => {
    await gallery.selection.only(3);
    void gallery.trash();
    await gallery.selection.only(5);
    await client.take('gallery.trash').answer({ undoId: 'u', action: 'trash', changed: 1, words: '' });
    expect(gallery.selection.runIds).toEqual(['a5']);
    void gallery.trash();
    await client.take('gallery.trash').answer({ undoId: 'u', action: 'trash', changed: 1, words: '' });
    expect(gallery.selection.runIds).toEqual([]);
  });

  it('reaches over pages that are not here yet', async () => {
    await gallery.selection.only(148);
    const selecting = gallery.selection.to(152);
    await client.take('gallery.list').answer(page('a', 150, 400));
    await selecting;
    expect(gallery.selection.runIds).toEqual(['a148', 'a149', 'a150', 'a151', 'a152']);
  });

  it('loads details of one, and none of several', async () => {
    await gallery.selection.only(3);
    await client.take('runs.get').answer({ id: 'a3' });
    expect(gallery.selection.detail?.id).toBe('a3');
    gallery.selection.toggle(4);
    await settle();
    expect(gallery.selection.detail).toBeNull();
  });
});

describe('actions', () => {
  it('show stars at once and can be taken back', async () => {
    await gallery.selection.only(0);
    const rating = gallery.rate(4);
    expect(gallery.list.item(0)?.run.stars).toBe(4);
    await client.take('gallery.rate').answer({ changed: 1, undoId: 'u-1', action: 'rate', words: '' });
    await rating;
    expect(notices.list.at(-1)).toMatchObject({ message: 'Rated 1 picture.', action: { label: 'Undo' } });
    notices.list.at(-1)?.action?.run();
    expect(client.take('gallery.undo').input).toEqual({ undoId: 'u-1' });
  });

  it('do nothing when nothing is chosen', async () => {
    await gallery.trash();
    await gallery.rate(5);
    await gallery.tag(['x'], []);
    expect(client.calls).toEqual([]);
  });
});

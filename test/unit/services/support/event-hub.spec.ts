import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EventMessage } from '../../../../src-main/contract/events.js';
import { EventHub } from '../../../../src-main/services/support/event-hub.js';
import { throttle } from '../../../../src-main/services/support/throttle.js';

describe('EventHub', () => {
  it('gives late subscribers the current state first, then changes, until they stop', () => {
    const hub = new EventHub();
    hub.publish('photos', { revision: 1 });
    const seen: number[] = [];
    const stop = hub.subscribe('photos', ({ revision }) => seen.push(revision));
    hub.publish('photos', { revision: 2 });
    stop();
    stop();
    hub.publish('photos', { revision: 3 });
    expect(seen).toEqual([1, 2]);
    expect(hub.current('photos')).toEqual({ revision: 3 });
  });

  it('gives nothing for what was never published, and null for a state that is null', () => {
    const hub = new EventHub();
    const messages: EventMessage[] = [];
    hub.subscribeMessages(['photos', 'progress'], (message) => messages.push(message));
    expect(messages).toEqual([]);
    hub.publish('progress', null);
    expect(messages).toEqual([{ event: 'progress', value: null }]);
  });
});

describe('throttle', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('passes the first on at once and then the latest of each interval', () => {
    const seen: number[] = [];
    const limited = throttle<number>(100, (value) => seen.push(value));
    limited.push(1);
    limited.push(2);
    limited.push(3);
    expect(seen).toEqual([1]);
    vi.advanceTimersByTime(100);
    expect(seen).toEqual([1, 3]);
    vi.advanceTimersByTime(500);
    limited.push(4);
    expect(seen).toEqual([1, 3, 4]);
  });

  it('can be emptied', () => {
    const seen: number[] = [];
    const limited = throttle<number>(100, (value) => seen.push(value));
    limited.push(1);
    limited.push(2);
    limited.clear();
    vi.advanceTimersByTime(1000);
    expect(seen).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

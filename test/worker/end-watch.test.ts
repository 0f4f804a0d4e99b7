import { describe, expect, it, vi } from 'vitest';
import { eventDate, formatDate, nowMicros } from '../../src/log/event-date.ts';
import { newKey } from '../../src/log/key.ts';
import { createLogger } from '../../src/logger.ts';
import { EndWatch } from '../../src/worker/end-watch.ts';
import { queued } from '../actors/events.ts';

const logger = createLogger('test', { LOG_LEVEL: 'fatal' });
const taskOf = (at: string) => ({ key: newKey(), name: 'hello', queued: { ...queued(), at } });
const young = () => taskOf(eventDate());
const old = () => taskOf(formatDate(nowMicros() - 60_000_000));

/** A watch over a log in which these tasks have ended, what it asked the log, and a way to cancel. */
function watching(ended: ReadonlySet<string> = new Set()) {
  const asked: string[][] = [];
  let cancel: (key: string) => void = () => {};
  const log = {
    ended: async (tasks: readonly { readonly key: string }[]) => {
      const keys = tasks.map(({ key }) => key);
      asked.push(keys);
      return new Set(keys.filter((key) => ended.has(key)));
    },
  };
  const cancellations = {
    tell: () => {},
    listen: (onCanceled: (key: string) => void) => {
      cancel = onCanceled;
    },
  };
  const ends = new EndWatch({ log, cancellations, logger });
  return { ends, asked, cancel: (key: string) => cancel(key), [Symbol.dispose]: () => ends.close() };
}

describe('a task that is handed out for the first time', () => {
  it('costs no read of the log if it was queued a moment ago', async () => {
    using watch = watching();
    expect(await watch.ends.hasEnded(young())).toBe(false);
    expect(watch.asked).toEqual([]);
  });

  it('is looked up if it has waited, or if its cancellation has been heard of', async () => {
    const [waited, canceled] = [old(), young()];
    using watch = watching(new Set([waited.key, canceled.key]));
    expect(await watch.ends.hasEnded(waited)).toBe(true);
    watch.cancel(canceled.key);
    expect(await watch.ends.hasEnded(canceled)).toBe(true);
    expect(watch.asked).toEqual([[waited.key], [canceled.key]]);
  });

  it('is looked up together with those that come with it, at most 100 at once', async () => {
    const tasks = Array.from({ length: 130 }, old);
    using watch = watching(new Set([tasks[7]?.key ?? '', tasks[129]?.key ?? '']));
    const found = await Promise.all(tasks.map((task) => watch.ends.hasEnded(task)));
    expect(found.flatMap((hasEnded, index) => (hasEnded ? [index] : []))).toEqual([7, 129]);
    expect(watch.asked.map(({ length }) => length)).toEqual([100, 30]);
  });

  it('is not taken for ended on hearsay', async () => {
    using watch = watching();
    const task = young();
    watch.cancel(task.key);
    expect(await watch.ends.hasEnded(task)).toBe(false);
  });
});

describe('an attempt', () => {
  it('hears of its cancellation at once, and of no other', () => {
    using watch = watching();
    const [task, other] = [young(), young()];
    const end = vi.fn();
    watch.ends.watch(task, end);
    watch.cancel(other.key);
    expect(end).not.toHaveBeenCalled();
    watch.cancel(task.key);
    expect(end).toHaveBeenCalledOnce();
  });

  it('hears nothing any more once it is over', () => {
    using watch = watching();
    const task = young();
    const end = vi.fn();
    const unwatch = watch.ends.watch(task, end);
    unwatch();
    watch.cancel(task.key);
    expect(end).not.toHaveBeenCalled();
  });

  it('that lasts finds in the log that its task has ended elsewhere', async () => {
    vi.useFakeTimers();
    try {
      const [task, other] = [young(), young()];
      using watch = watching(new Set([task.key]));
      const [end, otherEnd] = [vi.fn(), vi.fn()];
      watch.ends.watch(task, end);
      watch.ends.watch(other, otherEnd);
      await vi.advanceTimersByTimeAsync(11_000);
      expect(end).toHaveBeenCalled();
      expect(otherEnd).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});

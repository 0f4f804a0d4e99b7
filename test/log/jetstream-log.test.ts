import { setTimeout as delay } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { hashOf, type StoredEvent } from '../../src/log/envelope.ts';
import { newKey } from '../../src/log/key.ts';
import { type Append, LogConflict, LogFull, LogUnavailable, UnreadableHistory } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { doneSubject } from '../../src/log/subject.ts';
import type { Delivery } from '../../src/log/task-queue.ts';
import { completed, failed, progress, queued, started } from '../actors/events.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';

const submit = (key = newKey(), name = 'hello'): Append => seal({ name, key }, queued());
interface Protocol {
  readonly subscriptions: { size(): number };
}

/** What follows `queued` in the history of a task. */
const follow = (entry: Append, event: TaskEvent): Append => seal(entry, event, hashOf(entry.bytes));

describe.each(['always', '1s'])('the log with SYNC=%s', (SYNC) => {
  let server: TestLog;
  beforeAll(async () => {
    server = await TestLog.start({ SYNC });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  it('stores an event and gives it back in its history', async () => {
    const { log } = await server.open();
    const entry = submit();
    const seq = await log.append(entry);
    expect(await log.history(entry.key)).toMatchObject([
      { seq, key: entry.key, name: 'hello', event: queued() },
    ]);
  });

  it('knows that a task has ended whose end cannot be read, and the ends beside it', async () => {
    const { log, connection } = await server.open();
    const [open, ended, unreadable] = [submit(), submit(), submit()];
    await log.appendAll([open, ended, unreadable]);
    await log.append(follow(ended, completed(1)));
    await jetstream(connection).publish(doneSubject('hello', unreadable.key), 'no event');
    expect(await log.ended([open, ended, unreadable])).toEqual(new Set([ended.key, unreadable.key]));
    await expect(log.history(unreadable.key)).rejects.toBeInstanceOf(UnreadableHistory);
    await expect(log.outlines([open.key, unreadable.key])).rejects.toThrow(/^event \d+ is not JSON$/);
    expect(await log.outlines([open.key, ended.key])).toHaveLength(3);
  });

  it('knows nothing of a key that was never used', async () => {
    const { log } = await server.open();
    expect(await log.history(newKey())).toEqual([]);
  });

  it('gives a history in the order of the log, of the progress the last of each attempt', async () => {
    const { log } = await server.open();
    const entry = submit();
    await log.append(entry);
    for (const event of [
      started(1),
      progress(1, 10),
      progress(1, 20),
      started(2),
      progress(2, 5),
      completed(2),
    ])
      await log.append(follow(entry, event));
    const history = await log.history(entry.key);
    expect(history.map(({ event }) => event)).toEqual([
      queued(),
      started(1),
      progress(1, 20),
      started(2),
      progress(2, 5),
      completed(2),
    ]);
  });

  it('stores the same entry once, however often it is appended', async () => {
    const { log } = await server.open();
    const { log: other } = await server.open();
    const entry = submit();
    const seq = await log.append(entry);
    expect(await Promise.all([log.append(entry), other.append(entry)])).toEqual([seq, seq]);
    await expect(log.append(submit(entry.key))).rejects.toBeInstanceOf(LogConflict);
  });

  it('stores one end: of many that are written at once exactly one wins, the others are told', async () => {
    const { log: one } = await server.open();
    const { log: two } = await server.open();
    const entry = submit();
    await one.append(entry);
    const ends = Array.from({ length: 40 }, (_, index) =>
      (index % 2 ? one : two).append(
        follow(entry, index % 3 ? completed(1, index) : failed(1, String(index))),
      ),
    );
    const results = await Promise.allSettled(ends);
    const won = results.flatMap((result, index) =>
      result.status === 'fulfilled' ? [{ index, seq: result.value }] : [],
    );
    const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(won).toHaveLength(1);
    expect(lost.every((error) => error instanceof LogConflict)).toBe(true);
    expect((await one.history(entry.key)).at(-1)?.seq).toBe(won[0]?.seq);
  });

  it('stores all events of a request or none', async () => {
    const { log } = await server.open();
    const taken = submit();
    await log.append(taken);
    const fresh = [submit(), submit()];
    await expect(log.appendAll([...fresh, submit(taken.key)])).rejects.toBeInstanceOf(LogConflict);
    for (const { key } of fresh) expect(await log.history(key)).toEqual([]);
    const last = await log.appendAll(fresh);
    const seqs = await Promise.all(fresh.map(async ({ key }) => (await log.history(key))[0]?.seq));
    expect(seqs).toEqual([last - 1, last]);
  });

  it('stores events in order up to the first conflict, alone or beside others, and tells how many', async () => {
    const { log } = await server.open();
    const lives = Array.from({ length: 40 }, () => {
      const first = submit();
      const second = follow(first, started(1));
      return [first, second, follow(second, completed(1))];
    });
    const taken = lives.filter((_, index) => index % 8 === 3);
    for (const [, second] of taken) await log.append(follow(second as Append, started(1)));
    const stored = await Promise.all(lives.map((life) => log.appendInOrder(life)));
    expect(stored).toEqual(lives.map((life) => (taken.includes(life) ? 1 : 3)));
    expect(await Promise.all(lives.map((life) => log.appendInOrder(life)))).toEqual(stored);
    for (const [index, [first]] of lives.entries())
      expect(await log.history(first?.key as string)).toHaveLength(index % 8 === 3 ? 2 : 3);
  });

  it('takes a thousand events together', async () => {
    const { log } = await server.open();
    const entries = Array.from({ length: 1_000 }, () => submit());
    const last = await log.appendAll(entries);
    expect((await log.history(entries[999]?.key as string))[0]?.seq).toBe(last);
    expect((await log.history(entries[0]?.key as string))[0]?.seq).toBe(last - 999);
  });

  it('isolates the conflicts of appends that it grouped, and stores the others', async () => {
    const { log } = await server.open();
    const taken = submit();
    await log.append(taken);
    const entries = Array.from({ length: 200 }, (_, index) =>
      index % 50 === 7 ? submit(taken.key) : submit(),
    );
    const results = await Promise.allSettled(entries.map((entry) => log.append(entry)));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(4);
    for (const [index, result] of results.entries()) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(LogConflict);
      else expect((await log.history(entries[index]?.key as string))[0]?.seq).toBe(result.value);
    }
  });

  it('is followed from any sequence on, each event once and in order, also while it is written', async () => {
    const { log } = await server.open();
    const { log: writer } = await server.open();
    const from = await log.append(submit());
    await log.appendAll(Array.from({ length: 500 }, () => submit()));
    const seen: StoredEvent[] = [];
    const following = await log.follow({
      after: from,
      onEvent: (event) => seen.push(event),
      onUnreadable: (error) => {
        throw error;
      },
    });
    const live = Promise.all(Array.from({ length: 500 }, () => writer.append(submit())));
    await following.caughtUp;
    expect(seen.length).toBeGreaterThanOrEqual(500);
    const last = Math.max(...(await live));
    await until(() => seen.at(-1)?.seq === last);
    expect(seen.map(({ seq }) => seq)).toEqual(
      Array.from({ length: last - from }, (_, index) => from + 1 + index),
    );
    await following.close();
  });

  it('hands out each queued task once, of the names asked for, until it is acknowledged', async () => {
    const { log } = await server.open();
    const name = `only_${SYNC === 'always' ? 'a' : 'b'}`;
    const entries = Array.from({ length: 30 }, () => submit(newKey(), name));
    await log.appendAll(entries);
    await log.append(submit());
    const got: Delivery[] = [];
    const taking = await log.take({
      names: [name],
      free: () => 10,
      onDelivery: (delivery) => {
        got.push(delivery);
        delivery.ack();
      },
    });
    await until(() => got.length >= 30);
    await taking.pause();
    expect(got.map(({ key }) => key)).toEqual(entries.map(({ key }) => key));
    expect(got.every(({ count, queued: event }) => count === 1 && event.type === 'queued')).toBe(true);
  });

  it('hands out the next task at once where one cannot be read', async () => {
    const { log, connection } = await server.open();
    const name = `odd_${SYNC === 'always' ? 'a' : 'b'}`;
    await jetstream(connection).publish(`task.queued.${name}.${newKey()}.0`, 'no event');
    const entry = submit(newKey(), name);
    await log.append(entry);
    const got: Delivery[] = [];
    const taking = await log.take({
      names: [name],
      free: () => 1 - got.length,
      onDelivery: (delivery) => {
        got.push(delivery);
        delivery.ack();
      },
    });
    await until(() => got.length > 0, 2_500);
    await taking.pause();
    expect(got.map(({ key }) => key)).toEqual([entry.key]);
  });

  it('hands a task out again after it was given back, and says that it is the second time', async () => {
    const { log } = await server.open();
    const name = `back_${SYNC === 'always' ? 'a' : 'b'}`;
    await log.append(submit(newKey(), name));
    const counts: number[] = [];
    const taking = await log.take({
      names: [name],
      free: () => 1,
      onDelivery: (delivery) => {
        counts.push(delivery.count);
        if (delivery.count === 1) delivery.release(50);
        else delivery.ack();
      },
    });
    await until(() => counts.length === 2);
    await taking.pause();
    expect(counts).toEqual([1, 2]);
  });

  it('is subscribed to nothing any more for what it has read', async () => {
    const { log, connection } = await server.open();
    const { subscriptions } = (connection as unknown as { protocol: Protocol }).protocol;
    const entry = submit(newKey());
    await log.append(entry);
    await log.append(follow(entry, started(1)));
    for (const percent of [10, 20, 30]) await log.append(follow(entry, progress(1, percent)));
    const seq = await log.append(follow(entry, completed(1)));
    await log.history(newKey());
    const before = subscriptions.size();
    for (let times = 0; times < 10; times++) {
      expect(await log.history(entry.key)).toHaveLength(4);
      expect(await log.history(entry.key, seq - 2)).toHaveLength(3);
      expect(await log.history(newKey())).toEqual([]);
      expect(await log.outlines([entry.key])).toHaveLength(2);
      expect(await log.ended([entry])).toEqual(new Set([entry.key]));
      await log.locate(entry.event.at);
    }
    expect(subscriptions.size()).toBe(before);
  });

  it('has one request for tasks under way again, after it took one for dead', async () => {
    const { log, connection } = await server.open();
    const { consumers } = await jetstreamManager(connection);
    const name = `still_${SYNC === 'always' ? 'a' : 'b'}`;
    const taking = await log.take({ names: [name], free: () => 10, onDelivery: () => {} });
    const underWay = async () => (await consumers.info('TASKS', `worker_${name}`)).num_waiting;
    await until(async () => (await underWay()) === 1);
    // As if this process had stood still, and looked at its clock before it looked for answers.
    const then = performance.now();
    const now = vi.spyOn(performance, 'now').mockReturnValue(then + 5_000);
    await until(async () => (await underWay()) === 2);
    now.mockRestore();
    await delay(3_500);
    const seen: number[] = [];
    for (let look = 0; look < 10; look++) {
      seen.push(await underWay());
      await delay(100);
    }
    await taking.pause();
    expect(Math.max(...seen)).toBe(1);
  });

  it('leaves no timer of who took tasks when it is closed', async () => {
    const { log } = await server.open();
    const setting = vi.spyOn(globalThis, 'setInterval');
    const clearing = vi.spyOn(globalThis, 'clearInterval');
    try {
      await log.take({ names: ['hello'], free: () => 0, onDelivery: () => {} });
      const timers = setting.mock.results.map(({ value }) => value as NodeJS.Timeout);
      expect(timers).not.toEqual([]);
      await log.close();
      const cleared = () => new Set(clearing.mock.calls.map(([timer]) => timer));
      await until(() => timers.every((timer) => cleared().has(timer)));
    } finally {
      setting.mockRestore();
      clearing.mockRestore();
    }
  });
});

describe('a log whose server dies', () => {
  it('refuses appends at once, and goes on when the server is back, with everything that it acknowledged', async () => {
    await using server = await TestLog.start({ SYNC: 'always' });
    const { log } = await server.open();
    const seen: number[] = [];
    const following = await log.follow({
      after: 0,
      onEvent: ({ seq }) => seen.push(seq),
      onUnreadable: (error) => {
        throw error;
      },
    });
    const acknowledged: string[] = [];
    const writing = Promise.all(
      Array.from({ length: 300 }, async () => {
        const entry = submit();
        await log.append(entry);
        acknowledged.push(entry.key);
      }),
    ).catch((error: unknown) => error);
    await until(() => acknowledged.length > 20);
    await server.kill();
    await writing;
    await until(() => !log.connected);
    await expect(log.append(submit())).rejects.toBeInstanceOf(LogUnavailable);
    server.restart();
    await until(() => log.connected);
    const last = await until(() => log.append(submit()).catch(() => undefined));
    for (const key of acknowledged) expect(await log.history(key)).toHaveLength(1);
    await until(() => seen.at(-1) === last, 20_000);
    expect(seen).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    await following.close();
  });
});

describe('a log that is full', () => {
  it('refuses new events with a word that says so, and forgets nothing', async () => {
    await using server = await TestLog.start({ MAX_LOG_EVENTS: '1000' });
    const { log } = await server.open();
    const entries = Array.from({ length: 1_000 }, () => submit());
    await log.appendAll(entries);
    await expect(log.append(submit())).rejects.toBeInstanceOf(LogFull);
    await expect(log.appendAll([submit(), submit()])).rejects.toBeInstanceOf(LogFull);
    expect(await log.history(entries[0]?.key as string)).toHaveLength(1);
  });
});

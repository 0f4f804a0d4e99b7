import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Appender } from '../../../src/log/jetstream/appender.ts';
import { LEFT_TO_SERVER } from '../../../src/log/jetstream/durability.ts';
import { NotNow, type Publisher, WrongLastSequence } from '../../../src/log/jetstream/publisher.ts';
import { newKey } from '../../../src/log/key.ts';
import { type Append, EventRefused, LogConflict, LogFull, LogUnavailable } from '../../../src/log/log.ts';
import { seal } from '../../../src/log/seal.ts';
import { subjectOf } from '../../../src/log/subject.ts';
import { progress, queued } from '../../actors/events.ts';

/** What the pretended stream does with one publish: stores it, or answers with an error. */
type Reaction = (subjects: readonly string[]) => Error | undefined;

/** A stream that stores what the reaction lets pass, single messages and batches, and remembers how it came. */
class PretendedStream {
  readonly stored = new Map<string, { readonly id: string; readonly seq: number }>();
  /** The number of messages of each publish, in order. */
  readonly sizes: number[] = [];
  readonly #held: (() => void)[] = [];
  react: Reaction = () => undefined;
  /** While it holds, publishes wait for `release`. */
  holds = false;
  #batch: { subject: string; id: string }[] = [];

  readonly publisher = {
    connected: true,
    send: (subject: string, data: Uint8Array) => void this.#batch.push(member(subject, data)),
    publishThen: (resolve, reject, subject, bytes, headers) =>
      void this.publisher.publish(subject, bytes, headers).then(resolve, reject),
    publish: async (subject: string, data: Uint8Array) => {
      const messages = [...this.#batch, member(subject, data)];
      this.#batch = [];
      this.sizes.push(messages.length);
      if (this.holds) await new Promise<void>((resolve) => this.#held.push(resolve));
      const error = this.react(messages.map((message) => message.subject));
      if (error) throw error;
      if (messages.some((message) => this.stored.has(message.subject)))
        throw new WrongLastSequence('wrong last sequence: 1');
      for (const message of messages)
        this.stored.set(message.subject, { id: message.id, seq: this.stored.size + 1 });
      return this.stored.size;
    },
  } as Pick<Publisher, 'connected' | 'send' | 'publish' | 'publishThen'> as Publisher;

  release(): void {
    this.holds = false;
    for (const resolve of this.#held.splice(0)) resolve();
  }
}

const member = (subject: string, data: Uint8Array) => ({
  subject,
  id: JSON.parse(Buffer.from(data).toString()).id as string,
});

const HASH = '0'.repeat(64);
const submission = (key = newKey()): Append => seal({ name: 'hello', key }, queued());

let stream: PretendedStream;
const open = (groupSingles = true) =>
  new Appender(stream.publisher, async (subject) => stream.stored.get(subject), {
    groupSingles,
    durability: LEFT_TO_SERVER,
  });
const many = (count: number): Append[] => Array.from({ length: count }, () => submission());

beforeEach(() => {
  stream = new PretendedStream();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const settled = <T>(promises: readonly Promise<T>[]) => Promise.allSettled(promises);

describe('appends with SYNC=always', () => {
  it('travel singly as long as fewer than 16 wait', async () => {
    const appender = open();
    await settled(many(15).map((entry) => appender.append([entry])));
    expect(stream.sizes).toEqual(Array.from({ length: 15 }, () => 1));
  });

  it('travel in one batch when 16 wait', async () => {
    const appender = open();
    const results = await settled(many(16).map((entry) => appender.append([entry])));
    expect(stream.sizes).toEqual([16]);
    expect(results.map((result) => result.status === 'fulfilled' && result.value)).toEqual(
      Array.from({ length: 16 }, (_, index) => index + 1),
    );
  });

  it('that come while others are under way are gathered, so that a batch is as large as it can be', async () => {
    const appender = open();
    stream.holds = true;
    const first = many(40).map((entry) => appender.append([entry]));
    await new Promise(setImmediate);
    const second = many(30).map((entry) => appender.append([entry]));
    await new Promise(setImmediate);
    const third = many(500).map((entry) => appender.append([entry]));
    await new Promise(setImmediate);
    stream.release();
    await settled([...first, ...second, ...third]);
    expect(stream.sizes).toEqual([40, 530]);
  });

  it.each([
    ['16 at once', 16],
    ['a few', 3],
  ])('go on while one of them has to be sent again and again: %s', async (_what, count) => {
    const appender = open();
    const [stuck] = many(1) as [Append];
    let isUndecided = true;
    stream.react = (subjects) =>
      isUndecided && subjects.some((subject) => subject.includes(stuck.key))
        ? new WrongLastSequence('wrong last sequence', true)
        : undefined;
    const late = appender.append([stuck]);
    for (let round = 0; round < 3; round++)
      await Promise.all(many(count).map((entry) => appender.append([entry])));
    expect(stream.stored.size).toBe(3 * count);
    isUndecided = false;
    await late;
  });

  it('never make a batch of more than 1,000', async () => {
    const appender = open();
    await settled(many(2_300).map((entry) => appender.append([entry])));
    expect(stream.sizes).toEqual([1_000, 1_000, 300]);
  });
});

describe('appends with SYNC=1s', () => {
  it('travel singly however many wait: nobody waits for an fsync', async () => {
    const appender = open(false);
    await settled(many(100).map((entry) => appender.append([entry])));
    expect(stream.sizes).toEqual(Array.from({ length: 100 }, () => 1));
  });
});

describe('a request', () => {
  it('that the log has in part is not known to be stored: what is there of it is its own, and no conflict', async () => {
    const appender = open();
    const request = many(3);
    const [first] = request as [Append];
    stream.stored.set(subjectOf(first.name, first.key, first.event), { id: first.id, seq: 1 });
    let seconds = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => {
      seconds += 6;
      return seconds * 1_000;
    });
    await expect(appender.append(request)).rejects.toThrow(LogUnavailable);
  });
});

describe('a merged batch', () => {
  it('that holds a conflict stores the others, and tells the one that lost', async () => {
    const appender = open();
    const [taken, ...fresh] = many(20) as [Append, ...Append[]];
    await settled([appender.append([taken])]);
    const rival = submission(taken.key);
    const results = await settled([rival, ...fresh].map((entry) => appender.append([entry])));
    expect(stream.sizes.slice(1)).toEqual([20, ...Array.from({ length: 20 }, () => 1)]);
    expect(results[0]).toMatchObject({ status: 'rejected', reason: expect.any(LogConflict) });
    expect(results.slice(1).every(({ status }) => status === 'fulfilled')).toBe(true);
  });

  it('keeps the tasks of one request together when it is taken apart', async () => {
    const appender = open();
    const [taken, ...fresh] = many(20) as [Append, ...Append[]];
    await settled([appender.append([taken])]);
    const requests = [[submission(taken.key), fresh[0] as Append], fresh.slice(1, 4), fresh.slice(4)];
    const [lost, ...others] = await settled(requests.map((entries) => appender.append(entries)));
    expect(stream.sizes.slice(1)).toEqual([20, 2, 3, 15]);
    expect(lost).toMatchObject({ status: 'rejected', reason: expect.any(LogConflict) });
    expect(others.every(({ status }) => status === 'fulfilled')).toBe(true);
  });

  it('that fails for want of room is refused to each of its members', async () => {
    stream.react = () => new LogFull('the log is full');
    const appender = open();
    const results = await settled(many(20).map((entry) => appender.append([entry])));
    expect(stream.sizes[0]).toBe(20);
    for (const result of results) expect(result).toMatchObject({ reason: expect.any(LogFull) });
  });
});

describe('an append', () => {
  it('whose answer was lost finds itself stored when it is sent again', async () => {
    const entry = submission();
    let isFirst = true;
    const store = stream.publisher.publish.bind(stream.publisher);
    stream.publisher.publish = async (...message) => {
      const ack = await store(...message);
      if (!isFirst) return ack;
      isFirst = false;
      throw new NotNow('the log did not answer in time');
    };
    const [result] = await settled([open().append([entry])]);
    expect(result).toEqual({ status: 'fulfilled', value: 1 });
    expect(stream.sizes).toEqual([1, 1]);
  });

  it('that meets itself before the replicas have agreed on it waits until they have', async () => {
    const entry = submission();
    let tries = 0;
    stream.react = (subjects) => {
      tries++;
      if (tries === 3) for (const subject of subjects) stream.stored.set(subject, { id: entry.id, seq: 9 });
      return new WrongLastSequence('wrong last sequence', true);
    };
    const [result] = await settled([open().append([entry])]);
    expect(result).toEqual({ status: 'fulfilled', value: 9 });
    expect(tries).toBe(3);
  });

  it('whose place another has is a conflict at once', async () => {
    const key = newKey();
    const appender = open();
    await settled([appender.append([submission(key)])]);
    const [result] = await settled([appender.append([submission(key)])]);
    expect(result).toMatchObject({ reason: expect.any(LogConflict) });
    expect(stream.sizes).toEqual([1, 1]);
  });

  it('is given up when nobody leads the log for 10 s', async () => {
    let seconds = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => seconds * 1_000);
    stream.react = () => {
      seconds += 4;
      return new NotNow('the log has no leader');
    };
    const [result] = await settled([open().append([submission()])]);
    expect(result).toMatchObject({ reason: expect.any(LogUnavailable) });
    expect(stream.sizes).toHaveLength(3);
  });

  it('of progress whose answer was lost is not sent again: it might be there twice', async () => {
    const { key } = submission();
    stream.react = () => new NotNow('the log did not answer in time');
    const [result] = await settled([open().append([seal({ name: 'hello', key }, progress(1, 5), HASH)])]);
    expect(result).toMatchObject({ reason: expect.any(LogUnavailable) });
    expect(stream.sizes).toEqual([1]);
  });

  it('of progress in a batch whose answer was lost is not sent again, the others are', async () => {
    const entries = [...many(20), seal({ name: 'hello', key: newKey() }, progress(1, 5), HASH)];
    stream.react = (subjects) => (subjects.length > 1 ? new NotNow('no answer in time') : undefined);
    const appender = open();
    const results = await settled(entries.map((entry) => appender.append([entry])));
    expect(stream.sizes).toEqual([21, ...Array.from({ length: 20 }, () => 1)]);
    expect(results.at(-1)).toMatchObject({ reason: expect.any(LogUnavailable) });
    expect(results.slice(0, -1).every(({ status }) => status === 'fulfilled')).toBe(true);
  });

  it('that is too large is refused without troubling the log', async () => {
    const entry = { ...submission(), bytes: Buffer.alloc(512 * 1024) };
    const [result] = await settled([open().append([entry])]);
    expect(result).toMatchObject({ reason: expect.any(EventRefused) });
    expect(stream.sizes).toEqual([]);
  });
});

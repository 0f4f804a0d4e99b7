import {
  type Consumer,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LEFT_TO_SERVER } from '../../../src/log/jetstream/durability.ts';
import { Follower } from '../../../src/log/jetstream/follower.ts';
import { Impatience, type ReaderParts } from '../../../src/log/jetstream/patience.ts';
import { chosenEvents, Reader } from '../../../src/log/jetstream/reader.ts';
import { SharedExtent } from '../../../src/log/jetstream/shared-extent.ts';
import type { ReadOptions } from '../../../src/log/reading.ts';
import { createLogger } from '../../../src/logger.ts';
import { isEvent, lifeOf, never, numbers, openStage, type Stage } from '../reading-support.ts';
import { laggingConsumers } from './lagging-consumer.ts';

let stage: Stage;
let parts: Omit<ReaderParts, 'extent'>;
let through: number;
let keys: string[];

beforeAll(async () => {
  stage = await openStage();
  const { connection } = await stage.server.open();
  const logger = createLogger('test', stage.server.config);
  const manager = await jetstreamManager(connection);
  parts = {
    connection,
    manager,
    isReplicated: true,
    durability: LEFT_TO_SERVER,
    impatience: new Impatience(),
    logger,
  };
  await stage.log.appendAll(lifeOf('hello'));
  const life = lifeOf('hello');
  keys = [life[0]?.key as string];
  through = await stage.log.appendAll(life);
});
afterAll(() => stage[Symbol.asyncDispose]());

/** A server that has yet to get what is before this sequence, when it is asked for the first time. */
function laggingOnce(manager: JetStreamManager, first_seq: number): JetStreamManager {
  let isLagging = true;
  const info: JetStreamManager['streams']['info'] = async (...args) => {
    const told = await manager.streams.info(...args);
    if (!isLagging) return told;
    isLagging = false;
    return { ...told, state: { ...told.state, first_seq } };
  };
  const streams = new Proxy(manager.streams, {
    get: (of, name) => (name === 'info' ? info : Reflect.get(of, name).bind(of)),
  });
  return new Proxy(manager, {
    get: (of, name) => (name === 'streams' ? streams : Reflect.get(of, name)),
  });
}

async function told(
  manager: JetStreamManager,
  given: Partial<ReaderParts & ReadOptions> = {},
): Promise<unknown[]> {
  const extent = new SharedExtent(async () => {
    const { first_seq, last_seq } = (await manager.streams.info('TASKS')).state;
    return { first: first_seq, last: last_seq, importedThrough: 0 };
  });
  const reading = { ...parts, manager, extent, ...given };
  const options = { after: 0, through, signal: never, ...given };
  const found: unknown[] = [];
  for await (const { entries } of new Reader(reading, options, chosenEvents(undefined)).pages())
    found.push(...entries.map((entry) => (isEvent(entry) ? entry.seq : entry)));
  return found;
}

describe('a reader of a replicated log', () => {
  it('tells no gap of what only a replica that lags does not have', async () => {
    expect(await told(laggingOnce(parts.manager, 5))).toEqual(numbers(1, through));
  });

  const chosen: [string, () => Partial<ReadOptions>, Parameters<typeof laggingConsumers>[1], number[]][] = [
    ['everything', () => ({}), { has: 9, missing: 3 }, numbers(1, 12)],
    ['everything from there on', () => ({ after: 9 }), { has: 9, missing: 3 }, numbers(10, 12)],
    ['one task', () => ({ keys }), { has: 9, missing: 3 }, numbers(7, 12)],
    ['events of a type', () => ({ types: ['completed'] }), { has: 9, missing: 1 }, [6, 12]],
    [
      'events of a type from there on',
      () => ({ after: 9, types: ['completed'] }),
      { has: 9, missing: 1 },
      [12],
    ],
  ];

  it.each(chosen)(
    'of %s does not come to its end before its consumer has it all',
    async (_, options, lag, seqs) => {
      const lagging = laggingConsumers(parts, lag);
      expect(await told(lagging.manager, { ...lagging, ...options() })).toEqual(seqs);
    },
  );

  it('comes to its end where its filter meets nothing more', async () => {
    expect(await told(parts.manager, { types: ['queued'] })).toEqual([1, 7]);
    expect(await told(parts.manager, { after: 7, types: ['queued'] })).toEqual([]);
  });

  it('tells a gap of what the log has let go of', async () => {
    await stage.purge(4);
    expect(await told(parts.manager)).toEqual([{ gap: { from: 1, to: 3 } }, ...numbers(4, through)]);
  });
});

/** A server whose consumer begins at this sequence, whatever is asked for, the first time. */
function lateOnce(client: JetStreamClient, opt_start_seq: number): JetStreamClient {
  let isLate = true;
  const get = (stream: string, options: object) => {
    const given = isLate ? { ...options, opt_start_seq } : options;
    isLate = false;
    return client.consumers.get(stream, given);
  };
  return { consumers: { get } } as unknown as JetStreamClient;
}

async function followed(begin: (client: JetStreamClient) => JetStreamClient): Promise<unknown[]> {
  const found: unknown[] = [];
  const client = begin(jetstream(parts.connection));
  const following = await Follower.start(
    { ...parts, client, isConnected: () => true },
    {
      after: 0,
      onEvent: ({ seq }) => found.push(seq),
      onUnreadable: (error) => found.push(error),
      onMissed: (seq) => found.push({ missed: seq }),
    },
  );
  await following.caughtUp;
  await following.close();
  return found;
}

/** A consumer that says nothing, as one does whose nats-server is gone. */
function silentConsumer(): Consumer {
  let close = (): void => {};
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const status = { next: () => closed.then(() => ({ done: true, value: undefined })) };
  const messages = {
    closed: () => closed,
    close: async () => close(),
    status: () => ({ [Symbol.asyncIterator]: () => status }),
  };
  return { consume: async () => messages } as unknown as Consumer;
}

/** A server whose consumer is silent, the first time. */
function silentOnce(client: JetStreamClient): JetStreamClient {
  let isSilent = true;
  const get = async (stream: string, options: object) => {
    if (!isSilent) return client.consumers.get(stream, options);
    isSilent = false;
    return silentConsumer();
  };
  return { consumers: { get } } as unknown as JetStreamClient;
}

describe('who follows a replicated log', () => {
  it('does not wait for a consumer whose nats-server is gone', { timeout: 20_000 }, async () => {
    expect(await followed(silentOnce)).toEqual([{ missed: 3 }, ...numbers(4, through)]);
  });

  it('misses nothing that only a replica that lags does not have', async () => {
    expect(await followed((client) => lateOnce(client, 5))).toEqual([{ missed: 3 }, ...numbers(4, through)]);
  });

  it('is told what the log has let go of', async () => {
    expect(await followed((client) => client)).toEqual([{ missed: 3 }, ...numbers(4, through)]);
  });
});

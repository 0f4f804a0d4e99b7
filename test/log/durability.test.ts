import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';
import type { Durability } from '../../src/log/jetstream/durability.ts';
import { Follower } from '../../src/log/jetstream/follower.ts';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { Impatience } from '../../src/log/jetstream/patience.ts';
import { chosenEvents, Reader } from '../../src/log/jetstream/reader.ts';
import { SharedExtent } from '../../src/log/jetstream/shared-extent.ts';
import { streamFolder } from '../../src/log/jetstream/stream.ts';
import {
  type EmbeddedServer,
  prepareEmbeddedServer,
  storeOf,
  whoSyncs,
} from '../../src/log/server/embedded-server.ts';
import { createLogger } from '../../src/logger.ts';
import { temporaryFolder } from '../support/folder.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';
import { lifeOf, never, numbers, openStage, type Stage } from './reading-support.ts';

/** A disk that has nothing until it is told to. */
class SlowDisk implements Durability {
  readonly #waiting: { readonly seq: number; then(): void }[] = [];

  through(seq: number, then: () => void): void {
    this.#waiting.push({ seq, then });
  }

  close(): void {}

  get asked(): number {
    return Math.max(0, ...this.#waiting.map(({ seq }) => seq));
  }

  catchUp(): void {
    for (const { then } of this.#waiting.splice(0)) then();
  }
}

describe('An event that is stored and not on disk yet', () => {
  let stage: Stage;
  let last: number;
  beforeAll(async () => {
    stage = await openStage();
    last = await stage.log.appendAll(lifeOf('hello'));
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('is not told to who follows the log', async () => {
    const { connection } = await stage.server.open();
    const durability = new SlowDisk();
    const seen: number[] = [];
    const following = await Follower.start(
      {
        client: jetstream(connection),
        manager: await jetstreamManager(connection),
        durability,
        isReplicated: false,
        isConnected: () => true,
      },
      { after: 0, onEvent: ({ seq }) => seen.push(seq), onUnreadable: () => {} },
    );
    await until(() => durability.asked === last);
    expect(seen).toEqual([]);
    durability.catchUp();
    expect(seen).toEqual(numbers(1, last));
    await following.close();
  });

  it('is not told to who reads it', async () => {
    const { connection } = await stage.server.open();
    const durability = new SlowDisk();
    const parts = {
      connection,
      manager: await jetstreamManager(connection),
      isReplicated: false,
      durability,
      extent: new SharedExtent(async () => ({ first: 1, last, importedThrough: 0 })),
      impatience: new Impatience(),
      logger: createLogger('test', stage.server.config),
    };
    const seen: unknown[] = [];
    const reading = (async () => {
      const pages = new Reader(parts, { after: 0, through: last, signal: never }, chosenEvents(undefined));
      for await (const { entries } of pages.pages()) seen.push(...entries);
    })();
    await until(() => durability.asked === last);
    expect(seen).toEqual([]);
    const catchingUp = setInterval(() => durability.catchUp(), 5);
    await reading.finally(() => clearInterval(catchingUp));
    expect(seen).toHaveLength(last);
  });
});

describe('A log that is to be put on disk by who writes it', () => {
  const opened = async (NATS_STORE: string) => {
    await using server = await TestLog.start();
    const { connection, log } = await server.open();
    await log.appendAll(lifeOf('hello'));
    const config = { ...server.config, SYNC: 'always' as const, NATS_STORE };
    const logger = createLogger('test', config);
    const opens = [JetStreamLog.open, JetStreamLog.openAsItIs, JetStreamLog.openExisting];
    return await Promise.allSettled(opens.map((open) => open.call(JetStreamLog, connection, config, logger)));
  };

  it.each(['/nowhere/store', '/tmp'])(
    'is not opened where %s has none of it, and that is said',
    async (store) => {
      for (const outcome of await opened(store)) {
        const { reason } = outcome as PromiseRejectedResult;
        expect(reason).toBeInstanceOf(ConfigError);
        expect(reason.message).toMatch(/^NATS_STORE must be [^\n]+$/);
        expect(reason.message).toContain(`'${store}'`);
      }
    },
  );

  it('is left to a server that does it itself', async () => {
    expect((await opened('')).map(({ status }) => status)).toEqual(new Array(3).fill('fulfilled'));
  });
});

describe('The nats-server of a service', () => {
  const preparedWith = async (env: Readonly<Record<string, string>>): Promise<EmbeddedServer['client']> => {
    await using folder = await temporaryFolder();
    const config = readConfig({ ...env, DATA_DIR: folder.path });
    return (await prepareEmbeddedServer(config, whoSyncs(config))).client;
  };

  it('leaves it to fronts and workers to put the log on disk', async () => {
    expect((await preparedWith({})).NATS_STORE).toMatch(/\/nats\/store$/);
  });

  it.each([{ STORAGE: 'jetstream' }, { ARCHIVE_DAYS: '30' }])('but does it itself with %o', async (env) => {
    expect((await preparedWith(env)).NATS_STORE).toBe('');
  });
});

it('A log that is put on disk by who writes it takes more than one file, and is read back', async () => {
  await using server = await TestLog.start();
  const { connection } = await server.open();
  const store = storeOf(server.config);
  const config = { ...server.config, SYNC: 'always' as const, NATS_STORE: store };
  const log = await JetStreamLog.open(connection, config, createLogger('test', config));
  const blocks = async () => {
    const names = await readdir(join(streamFolder(store), 'msgs'));
    return names.filter((name) => name.endsWith('.blk')).length;
  };
  const seen: number[] = [];
  const following = await log.follow({
    after: 0,
    onEvent: ({ seq }) => void seen.push(seq),
    onUnreadable: () => {},
  });
  let last = 0;
  while ((await blocks()) < 3)
    for (let part = 0; part < 20; part++)
      last = await log.appendAll(Array.from({ length: 100 }, () => lifeOf('hello')).flat());
  await until(() => seen.length === last);
  expect(seen).toEqual(numbers(1, last));
  await following.close();
});

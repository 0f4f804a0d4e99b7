import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArchiveReader } from '../../../src/log/jetstream/archive/reader.ts';
import { LEFT_TO_SERVER } from '../../../src/log/jetstream/durability.ts';
import { Impatience, type ReaderParts } from '../../../src/log/jetstream/patience.ts';
import { SharedExtent } from '../../../src/log/jetstream/shared-extent.ts';
import { createLogger } from '../../../src/logger.ts';
import { ArchiveStage } from '../archive-support.ts';
import { lifeOfNow, never, numbers } from '../reading-support.ts';
import { laggingConsumers } from './lagging-consumer.ts';

let stage: ArchiveStage;
let parts: ReaderParts;
let keys: string[];

beforeAll(async () => {
  stage = await ArchiveStage.start();
  const { connection } = await stage.server.open();
  const logger = createLogger('test', stage.server.config);
  const manager = await jetstreamManager(connection);
  const extent = new SharedExtent(async () => undefined);
  parts = {
    connection,
    manager,
    isReplicated: true,
    durability: LEFT_TO_SERVER,
    extent,
    impatience: new Impatience(),
    logger,
  };
  await stage.log.appendAll(lifeOfNow('hello'));
  const life = lifeOfNow('hello');
  keys = [life[0]?.key as string];
  await stage.archived(await stage.log.appendAll(life));
});
afterAll(() => stage[Symbol.asyncDispose]());

async function told(given: Partial<ReaderParts> & { keys?: string[]; after?: number }): Promise<unknown[]> {
  const options = { after: 0, through: 12, signal: never, ...given };
  const reader = new ArchiveReader({ ...parts, ...given }, options, (record) => record);
  const found: unknown[] = [];
  for await (const { entries } of reader.pages())
    found.push(...entries.map((entry) => ('gap' in entry ? entry : entry.seq)));
  return found;
}

describe('a reader of a replicated archive', () => {
  it('does not come to its end before its consumer has it all', async () => {
    expect(await told(laggingConsumers(parts, { has: 9, missing: 3 }))).toEqual(numbers(1, 12));
  });

  it('does not come to its end before that where its consumer has nothing yet', async () => {
    expect(await told({ ...laggingConsumers(parts, { has: 9, missing: 3 }), after: 9 })).toEqual(
      numbers(10, 12),
    );
  });

  it('of chosen tasks does not come to its end before its consumer has all of theirs', async () => {
    expect(await told({ ...laggingConsumers(parts, { has: 9, missing: 3 }), keys })).toEqual(numbers(7, 12));
  });

  it('tells no gap of what only a replica that lags does not have', async () => {
    const { add } = parts.manager.consumers;
    let isLate = true;
    const late: typeof add = (stream, config) => {
      const given = isLate && typeof config !== 'function' ? { ...config, opt_start_seq: 5 } : config;
      isLate = false;
      return add.call(parts.manager.consumers, stream, given as never);
    };
    const consumers = new Proxy(parts.manager.consumers, {
      get: (of, name) => (name === 'add' ? late : Reflect.get(of, name).bind(of)),
    });
    const manager = new Proxy(parts.manager, {
      get: (of, name) => (name === 'consumers' ? consumers : Reflect.get(of, name)),
    });
    expect(await told({ manager })).toEqual(numbers(1, 12));
  });

  it('tells what the archive has let go of', async () => {
    await parts.manager.streams.purge('ARCHIVE', { seq: 4 });
    expect(await told({})).toEqual([{ gap: { from: 1, to: 3 } }, ...numbers(4, 12)]);
    expect(await told({ keys })).toEqual([{ gap: { from: 1, to: 6 } }, ...numbers(7, 12)]);
  });
});

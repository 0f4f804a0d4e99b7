import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { queued } from '../actors/events.ts';
import { fillLog } from '../support/large-log.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';

describe('who follows the log', () => {
  let server: TestLog;
  let log: JetStreamLog;
  const seen: number[] = [];
  const follow = (after = 0) =>
    log.follow({
      after,
      onEvent: ({ seq }) => seen.push(seq),
      onUnreadable: (error) => {
        throw error;
      },
    });
  const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

  beforeEach(async () => {
    server = await TestLog.start();
    log = (await server.open()).log;
    seen.length = 0;
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('goes on when its consumer is deleted under it, without a hole or a double', async () => {
    const { log: writer, connection } = await server.open();
    const manager = await jetstreamManager(connection);
    const following = await follow();
    await fillLog(writer, { ended: 1_000 });
    const writing = fillLog(writer, { ended: 2_000 });
    for await (const { name } of manager.consumers.list('TASKS'))
      await manager.consumers.delete('TASKS', name);
    await writing;
    const last = (await writer.upkeep.volume())?.lastSeq ?? 0;
    await until(() => seen.at(-1) === last, 20_000);
    expect(last).toBe(9_000);
    expect(seen).toEqual(upTo(last));
    await following.close();
  });

  it('goes on when old events go while it is behind, with the first that is left', async () => {
    const { log: writer } = await server.open();
    await fillLog(writer, { ended: 100 });
    await writer.upkeep.letGo(150);
    const following = await follow(10);
    expect(await following.caughtUp).toBe(300);
    expect(seen).toEqual(upTo(300).slice(149));
    await writer.upkeep.letGo(301);
    await following.close();
    seen.length = 0;
    const again = await follow(10);
    expect(await again.caughtUp).toBe(300);
    const next = await writer.append(seal({ name: 'hello', key: newKey() }, queued()));
    await until(() => seen.length > 0);
    expect(seen).toEqual([next]);
    await again.close();
  });

  it('hears at once, and not after 5 s, that a log which is away cannot be read', async () => {
    await log.append(seal({ name: 'hello', key: newKey() }, queued()));
    await server.kill();
    await until(() => !log.connected);
    const startedAt = performance.now();
    for (const asked of [log.history(newKey()), log.ping(), log.lastTurn('acme')])
      await expect(asked).rejects.toBeInstanceOf(LogUnavailable);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

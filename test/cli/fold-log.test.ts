import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Limits } from '../../src/accounts/limits.ts';
import { foldLog } from '../../src/cli/upkeep.ts';
import type { FrontParts } from '../../src/front/front-parts.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { createLogger } from '../../src/logger.ts';
import { CheckpointWriter } from '../../src/projection/checkpoint-writer.ts';
import { Projection } from '../../src/projection/projection.ts';
import { completed, queued } from '../actors/events.ts';
import { after } from '../log/reading-support.ts';
import { fillLog } from '../support/large-log.ts';
import { TestLog } from '../support/nats.ts';

const logger = createLogger('test', { LOG_LEVEL: 'fatal' });

describe('a front that starts on a checkpoint', () => {
  let server: TestLog;
  let log: JetStreamLog;
  const open = seal({ name: 'hello', key: newKey() }, queued());

  /** What a front has folded when it has come to the head of the log, and where its checkpoint stood. */
  async function started(on = log) {
    const projection = new Projection({ log: on, logger });
    const limits = new Limits(() => undefined);
    const loadedSeq = await foldLog({ projection, limits, logger } as unknown as FrontParts, on);
    await projection.close();
    return { loadedSeq, seq: projection.seq, openTasks: projection.openTasks, projection, limits };
  }

  beforeEach(async () => {
    server = await TestLog.start();
    ({ log } = await server.open());
    await log.append(open);
    const { projection, limits, seq } = await started();
    const writer = new CheckpointWriter({
      checkpoints: log.checkpoints,
      logger,
      seq: () => seq,
      take: () => ({ ...projection.checkpoint(), recent: limits.recent() }),
      everyEvents: 1,
    });
    await writer.look();
    writer.close();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('folds what came after it', async () => {
    await fillLog(log, { ended: 10 });
    expect(await started()).toMatchObject({ loadedSeq: 1, seq: 31, openTasks: 1 });
  });

  it('passes over one after which the log has let go of events: the end of a task may be among them', async () => {
    await log.append(after(open, completed(1)));
    await fillLog(log, { ended: 10 });
    const manager = await jetstreamManager((await server.open()).connection);
    await manager.streams.purge('TASKS', { seq: 2 });
    expect(await started()).toMatchObject({ loadedSeq: 1, seq: 32, openTasks: 0 });
    await manager.streams.purge('TASKS', { seq: 3 });
    expect(await started()).toMatchObject({ loadedSeq: 0, seq: 32, openTasks: 0 });
  });

  it('needs no answer of the archive', async () => {
    const extent = async () => {
      throw new LogUnavailable('the archive does not answer');
    };
    const away = new Proxy(log, {
      get: (of, name) => {
        const value = name === 'extent' ? extent : Reflect.get(of, name, of);
        return typeof value === 'function' ? value.bind(of) : value;
      },
    });
    expect(await started(away)).toMatchObject({ loadedSeq: 1, openTasks: 1 });
  });
});

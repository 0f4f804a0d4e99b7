import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../src/free-port.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { createLogger } from '../../src/logger.ts';
import { CheckpointWriter } from '../../src/projection/checkpoint-writer.ts';
import { Projection } from '../../src/projection/projection.ts';
import { create } from '../support/histories.ts';
import { fillLog } from '../support/large-log.ts';
import { TestLog } from '../support/nats.ts';
import { Program } from '../support/program.ts';
import { until } from '../support/until.ts';

const ENDED = 5_000;
const OPEN = 300;
const SECRET = 'the-secret-of-these-tests';

describe('a front that starts on a log with a checkpoint', () => {
  let nats: TestLog;
  let log: JetStreamLog;
  let manager: JetStreamManager;
  let head: number;
  let openKeys: string[];

  beforeAll(async () => {
    nats = await TestLog.start();
    const opened = await nats.open();
    log = opened.log;
    manager = await jetstreamManager(opened.connection);
    await writeFile(
      join(nats.config.DATA_DIR, 'accounts.json'),
      JSON.stringify({ accounts: [{ name: 'acme', secret: SECRET, limits: { active_tasks: OPEN + 1 } }] }),
      { mode: 0o600 },
    );
    head = await fillLog(log, { ended: ENDED, open: OPEN });
    openKeys = await writeCheckpoint();
  });
  afterAll(() => nats[Symbol.asyncDispose]());

  /** As a front would that is at the head of the log; resolves with the keys of the open tasks. */
  async function writeCheckpoint(): Promise<string[]> {
    const logger = createLogger('test', nats.config);
    const projection = new Projection({ log, logger });
    await projection.start();
    const { checkpoints } = log;
    const take = () => ({ ...projection.checkpoint(), recent: [] });
    const writer = new CheckpointWriter({
      checkpoints,
      logger,
      seq: () => projection.seq,
      take,
      everyEvents: 1,
    });
    await writer.look();
    writer.close();
    await projection.close();
    return [...projection.open()].map(({ key }) => key);
  }

  /** Runs a front; tells what it said of its start, and hands out what asks it. */
  async function withFront(
    use: (service: Parameters<typeof create>[0], folded: Record<string, number>) => Promise<void>,
  ): Promise<void> {
    const PORT = String(await freePort());
    await using front = new Program('front', { NATS_URL: nats.url, DATA_DIR: nats.config.DATA_DIR, PORT });
    const line = await until(() => /^.*"msg":"folded the log".*$/m.exec(front.output)?.[0], 20_000);
    const url = `http://127.0.0.1:${PORT}`;
    await until(async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok);
    const headers = { Authorization: `Secret ${SECRET}` };
    await use(
      {
        fetch: (path) => fetch(url + path, { headers }),
        post: (path, body) => fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) }),
      },
      JSON.parse(line),
    );
  }

  const expectAllOpen = async (service: Parameters<typeof create>[0]) => {
    const answer = await service.post('/v1/status', { tasks: openKeys });
    const statuses = (await answer.json()) as { status: string }[];
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set(['queued']));
  };

  test('folds what came after it, and knows the open tasks and the limits of all', {
    timeout: 60_000,
  }, async () => {
    await withFront(async (service, folded) => {
      expect(folded).toMatchObject({ checkpoint: head, seq: head, openTasks: OPEN });
      expect(openKeys).toHaveLength(OPEN);
      await expectAllOpen(service);
      const two = [1, 2].map(() => ({ task_name: 'hello', name: 'one too many' }));
      expect((await service.post('/v1/create', { tasks: two })).status).toBe(401);
      const [key] = (await create(service, two.slice(1))) as [string];
      openKeys.push(key);
    });
    await withFront(async (service, folded) => {
      expect(folded).toMatchObject({ checkpoint: head, openTasks: OPEN + 1 });
      expect(folded.seq).toBeGreaterThan(head);
      await expectAllOpen(service);
      const full = await service.post('/v1/create', { tasks: { task_name: 'hello', name: 'one too many' } });
      expect(full.status).toBe(401);
    });
  });

  test('loses time and nothing else when the checkpoint is gone or damaged', {
    timeout: 60_000,
  }, async () => {
    const { state } = await manager.streams.info('CHECKPOINTS', { subjects_filter: 'checkpoint.piece.>' });
    const [piece] = Object.keys(state.subjects ?? {}) as [string];
    await manager.jetstream().publish(piece, 'damaged');
    for (const lose of [async () => {}, () => manager.streams.delete('CHECKPOINTS')]) {
      await lose();
      await withFront(async (service, folded) => {
        expect(folded).toMatchObject({ checkpoint: 0, openTasks: openKeys.length });
        await expectAllOpen(service);
      });
    }
  });

  test('passes over a checkpoint after which the log has let go of events, and tells nothing of the tasks that were open then', {
    timeout: 60_000,
  }, async () => {
    await writeCheckpoint();
    const last = await fillLog(log, { ended: 100 });
    await log.upkeep.letGo(last - 50);
    await withFront(async (service, folded) => {
      expect(folded).toMatchObject({ checkpoint: 0, seq: last, openTasks: 0 });
      const answer = await service.post('/v1/status', { tasks: openKeys });
      expect(answer.status).toBe(404);
    });
  });
});

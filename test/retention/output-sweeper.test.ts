import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { pino } from 'pino';
import { ulid } from 'ulid';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import { hashOf } from '../../src/log/envelope.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { doneSubject, subjectOf } from '../../src/log/subject.ts';
import { createLogger } from '../../src/logger.ts';
import {
  OutputSweeper,
  type SweeperParts,
  type SweeperSettings,
  type Swept,
} from '../../src/retention/output-sweeper.ts';
import { openDiskStorage } from '../../src/storage/disk-storage.ts';
import { openJetStreamStorage } from '../../src/storage/jetstream/jetstream-storage.ts';
import { type OutputPath, SHARDS, type Storage, shardOf } from '../../src/storage/storage.ts';
import { canceled, completed, failed, progress, queued, retried, started, stored } from '../actors/events.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';

const IN_AN_HOUR = 3_600_000;
const A_WEEK = 7 * 86_400_000;

let server: TestLog;
let connection: NatsConnection;
let log: JetStreamLog;
let storage: Storage;

/** A new task with these events after `queued`. */
async function task(...events: readonly TaskEvent[]): Promise<string> {
  const place = { name: 'image.thumb', key: newKey() };
  let last = seal(place, queued());
  await log.append(last);
  for (const event of events) {
    last = seal(place, event, hashOf(last.bytes));
    await log.append(last);
  }
  return place.key;
}

const ending = (attempt: number, ...names: string[]): TaskEvent => ({
  ...(completed(attempt) as Extract<TaskEvent, { type: 'completed' }>),
  outputs: names.map((name) => stored(name, attempt)),
});

async function put(key: string, attempt: number, name = 'output'): Promise<OutputPath> {
  const path = { key, attempt, file: `${name}.jpg` };
  await storage.put(path, Buffer.from('7 bytes'));
  return path;
}

const sweeper = (settings: Partial<SweeperSettings> = {}, parts: Partial<SweeperParts> = {}): OutputSweeper =>
  new OutputSweeper(
    { log, storage, logger: createLogger('test', server.config), ...parts },
    // What was stored a moment ago counts as an hour old.
    { roundMs: 0, marginMs: -IN_AN_HOUR, retentionMs: A_WEEK, ...settings },
  );

const sweep = (key: string, settings?: Partial<SweeperSettings>): Promise<Swept> =>
  sweeper(settings).sweep(shardOf(key));
const allListed = async () => (await Promise.all(SHARDS.map((shard) => storage.list(shard)))).flat();
const listed = async (key: string) => (await storage.list(shardOf(key))).filter((path) => path.key === key);

/** The log lets go of everything that it holds, as it does when its retention ends. */
async function forgetAll(): Promise<void> {
  await (await jetstreamManager(connection)).streams.purge('TASKS');
}

describe.each(['disk', 'jetstream'])('the sweep of the store on %s', (kind) => {
  beforeAll(async () => {
    server = await TestLog.start({ STORAGE: 'jetstream' });
    ({ log, connection } = await server.open());
    storage =
      kind === 'disk'
        ? await openDiskStorage(join(server.config.DATA_DIR, 'files'))
        : await openJetStreamStorage(connection, server.config);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const path of await allListed()) await storage.remove(path);
  });

  it('removes outputs whose task has left the log, and keeps those of tasks that are in it', async () => {
    const gone = await task(started(1), ending(1, 'small', 'large'));
    for (const name of ['small', 'large']) await put(gone, 1, name);
    expect(await sweep(gone)).toMatchObject({ outputs: 2, removed: { task_gone: 0, not_in_the_end: 0 } });
    expect(await listed(gone)).toHaveLength(2);
    await forgetAll();
    expect(await sweep(gone)).toEqual({
      outputs: 2,
      removed: { task_gone: 2, not_in_the_end: 0, unfinished: 0 },
      bytes: 14,
    });
    expect(await listed(gone)).toEqual([]);
    expect(await sweep(gone)).toMatchObject({ outputs: 0, removed: { task_gone: 0 } });
  });

  it('takes a task without its beginning for gone, even if its end is still there', async () => {
    const cut = await task(started(1), ending(1, 'output'));
    await put(cut, 1);
    const { seq } = (await log.history(cut)).at(-1) as { seq: number };
    await (await jetstreamManager(connection)).streams.purge('TASKS', { seq });
    expect((await log.history(cut)).map(({ event }) => event.type)).toEqual(['completed']);
    expect((await sweep(cut)).removed.task_gone).toBe(1);
  });

  it("removes what other attempts than the end's have stored", async () => {
    const key = await task(started(1), retried(1), started(2), ending(2, 'output'));
    await put(key, 1);
    const winner = await put(key, 2);
    await put(key, 2, 'left-over');
    await put(key, 3);
    expect((await sweep(key)).removed).toEqual({ task_gone: 0, not_in_the_end: 3, unfinished: 0 });
    expect(await listed(key)).toEqual([winner]);
  });

  it.each([
    ['failed', failed(1)],
    ['canceled', canceled(1)],
  ])('removes everything that a task stored which %s', async (_how, end) => {
    const key = await task(started(1), progress(1, 50), end);
    await put(key, 1);
    expect((await sweep(key)).removed.not_in_the_end).toBe(1);
    expect(await listed(key)).toEqual([]);
  });

  it.each([
    ['queued', []],
    ['executing', [started(1)]],
    ['waiting for its next attempt', [started(1), retried(1)]],
    ['in its second attempt', [started(1), retried(1), started(2)]],
  ])('touches nothing of a task that is %s', async (_how, events: TaskEvent[]) => {
    const key = await task(...events);
    const paths = [await put(key, 1), await put(key, 2)];
    expect((await sweep(key)).removed).toEqual({ task_gone: 0, not_in_the_end: 0, unfinished: 0 });
    expect(await listed(key)).toHaveLength(paths.length);
  });

  it('touches nothing that is younger than the margin', async () => {
    const [gone, ended] = [newKey(), await task(failed(0))];
    for (const key of [gone, ended]) {
      await put(key, 1);
      expect((await sweep(key, { marginMs: IN_AN_HOUR })).removed).toEqual({
        task_gone: 0,
        not_in_the_end: 0,
        unfinished: 0,
      });
      expect(await listed(key)).toHaveLength(1);
    }
  });

  it("leaves another log's outputs alone until that log too would have let them go", async () => {
    const [recent, old] = [86_400_000, 8 * 86_400_000].map((age) => ulid(Date.now() - age)) as [
      string,
      string,
    ];
    for (const key of [recent, old]) await put(key, 1);
    await sweep(recent);
    await sweep(old);
    expect(await listed(recent)).toHaveLength(1);
    expect(await listed(old)).toEqual([]);
  });

  it('removes nothing while the log cannot say', async () => {
    const [gone, failing] = [newKey(), await task(failed(1))];
    for (const key of [gone, failing]) await put(key, 1);
    const away = () => Promise.reject(new LogUnavailable('away'));
    for (const lost of [
      { outlines: away, history: away, madeAt: away },
      { outlines: async () => [], history: away, madeAt: async () => new Date(0) },
    ])
      for (const key of [gone, failing])
        await expect(sweeper({}, { log: lost }).sweep(shardOf(key))).rejects.toBeInstanceOf(LogUnavailable);
    expect(await allListed()).toHaveLength(2);
  });

  it('leaves alone what belongs to a task that cannot be read, tells of it once, and goes on with the others', async () => {
    const first = await task(started(1));
    // In one shard, so that the log is asked for all of them at once.
    const beside = () => ulid().slice(0, -2) + first.slice(-2);
    const [gone, cut] = [beside(), beside()];
    const js = jetstream(connection);
    await js.publish(doneSubject('image.thumb', first), 'no event');
    // Without its beginning, as if the log had let go of that.
    await js.publish(subjectOf('image.thumb', cut, progress(1, 50)), 'no event');
    for (const key of [first, gone, cut]) await put(key, 1);
    expect(shardOf(gone)).toBe(shardOf(first));
    const said: string[] = [];
    const logger = pino({}, { write: (line) => void said.push(line) });
    const sweeping = sweeper({}, { logger });
    expect((await sweeping.sweep(shardOf(first))).removed).toMatchObject({ task_gone: 1, not_in_the_end: 0 });
    await sweeping.sweep(shardOf(first));
    expect((await listed(first)).length + (await listed(cut)).length).toBe(2);
    expect(await listed(gone)).toEqual([]);
    expect(said).toHaveLength(2);
    for (const key of [first, cut]) expect(said.join()).toContain(key);
  });

  it('may be done by several at once', async () => {
    const key = await task(failed(1));
    for (let attempt = 1; attempt <= 5; attempt += 1) await put(key, attempt);
    await Promise.all([sweep(key), sweep(key), sweep(key)]);
    expect(await listed(key)).toEqual([]);
  });

  it('leaves, of tasks in every state at once, exactly what the log names', async () => {
    const kept: OutputPath[] = [];
    for (let number = 0; number < 12; number += 1) {
      const won = await task(started(1), retried(1), started(2), ending(2, 'a', 'b'));
      await put(won, 1, 'a');
      kept.push(await put(won, 2, 'a'), await put(won, 2, 'b'));
      const open = await task(started(1));
      kept.push(await put(open, 1, 'a'));
      await put(await task(failed(1)), 1);
      await put(newKey(), 1);
    }
    const rounds: Swept[] = [];
    const whole = sweeper({}, { onRound: (round) => void rounds.push(round) });
    whole.start();
    const first = await until(() => rounds[0], 25_000);
    await whole.stop();
    expect(first).toMatchObject({ outputs: 72, removed: { task_gone: 12, not_in_the_end: 24 } });
    const names = (paths: readonly OutputPath[]) => paths.map((path) => JSON.stringify(path)).sort();
    expect(names(await allListed())).toEqual(names(kept));
  });
});

it('stops between two shards, and tells of a round only if it was whole', async () => {
  const rounds: Swept[] = [];
  const asked: string[] = [];
  const slow = new OutputSweeper(
    {
      log: { outlines: async () => [], history: async () => [], madeAt: async () => new Date(0) },
      storage: {
        open: async () => undefined,
        remove: async () => {},
        list: async (shard) => {
          asked.push(shard);
          return [];
        },
        removeUnfinished: async () => 0,
      },
      logger: createLogger('test', { LOG_LEVEL: 'fatal' }),
      onRound: (round) => void rounds.push(round),
    },
    { roundMs: 3_600_000, marginMs: 0, retentionMs: A_WEEK },
  );
  slow.start();
  await until(() => asked[0]);
  await slow.stop();
  expect(asked).toHaveLength(1);
  expect(rounds).toEqual([]);
});

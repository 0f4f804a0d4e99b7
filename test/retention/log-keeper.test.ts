import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Submission } from '../../src/log/creates.ts';
import { hashOf } from '../../src/log/envelope.ts';
import { DAY_MS } from '../../src/log/event-date.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import { type Append, LogFull, LogUnavailable } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { subjectOf } from '../../src/log/subject.ts';
import type { Delivery } from '../../src/log/task-queue.ts';
import { createLogger } from '../../src/logger.ts';
import { Projection } from '../../src/projection/projection.ts';
import { ArchiveWatch } from '../../src/retention/archive-watch.ts';
import { LogKeeper } from '../../src/retention/log-keeper.ts';
import { LogRoom } from '../../src/retention/log-room.ts';
import { OverdueTasks } from '../../src/retention/overdue-tasks.ts';
import { completed, progress, queued, started } from '../actors/events.ts';
import { fillLog } from '../support/large-log.ts';
import { TestLog } from '../support/nats.ts';
import { until } from '../support/until.ts';

const MAX_LOG_EVENTS = 3_000;
const RETENTION_MS = 7 * DAY_MS;

const submit = (name = 'hello'): Append => seal({ name, key: newKey() }, queued());
const next = (entry: Append, event: Parameters<typeof seal>[1]): Append =>
  seal(entry, event, hashOf(entry.bytes));

/** A task, and behind it the record of the request that made it. */
function namedRequest(): Submission {
  const entry = submit();
  const name = { account: 'sesame', idempotencyKey: 'order-1' };
  const record = { ...name, after: 0, at: entry.event.at, digest: 'b0d1', keys: [entry.key] };
  return { entries: [entry], records: [record] };
}

describe('the keeper of a log', () => {
  let server: TestLog;
  let log: JetStreamLog;
  let connection: NatsConnection;
  let manager: JetStreamManager;
  const fronts: { close(): void }[] = [];

  beforeEach(async () => {
    server = await TestLog.start({ MAX_LOG_EVENTS: String(MAX_LOG_EVENTS) });
    ({ log, connection } = await server.open());
    manager = await jetstreamManager(connection);
  });
  afterEach(async () => {
    for (const front of fronts.splice(0)) front.close();
    await server[Symbol.asyncDispose]();
  });

  /** What a front has of it, at the head of the log. */
  async function openFront(
    archive?: ArchiveWatch,
    logger = createLogger('test', server.config),
    lostAfterMs = 0,
  ) {
    const projection = new Projection({ log, logger });
    await projection.start();
    const limits = { events: MAX_LOG_EVENTS, bytes: server.config.MAX_LOG_BYTES };
    const room = new LogRoom({ limits, folded: projection });
    const canceled: string[] = [];
    const cancellations = { tell: (keys: readonly string[]) => canceled.push(...keys), listen() {} };
    const { upkeep } = log;
    const overdue = new OverdueTasks({ log, upkeep, projection, cancellations, logger }, RETENTION_MS);
    const lost: string[] = [];
    const onLogLost = (reason: string) => lost.push(reason);
    const keeper = new LogKeeper({
      ...{ upkeep, projection, room, overdue, archive, limits, logger, onLogLost },
      retentionMs: RETENTION_MS,
      lostAfterMs,
    });
    fronts.push(keeper);
    const look = async () => {
      await projection.reached((await log.upkeep.volume())?.lastSeq ?? 0);
      await keeper.look();
    };
    return { projection, room, overdue, keeper, canceled, lost, look };
  }
  const state = async () => (await manager.streams.info('TASKS')).state;

  it('lets go of the oldest events when the log is nearly full, in one step, and creates have room again', async () => {
    await fillLog(log, { ended: 980 });
    const front = await openFront();
    await front.look();
    expect(await state()).toMatchObject({ first_seq: 991, last_seq: 2_940 });
    await front.look();
    expect(() => front.room.admit(100)).not.toThrow();
    expect(await state()).toMatchObject({ first_seq: 991 });
  });

  describe('with an archive', () => {
    const counts = { through: 2_900, events: 2_900, bytes: 1, allowedBytes: 1_000 };
    const holds = { isFilled: true, ...counts, oldestMs: 0 };
    const said: string[] = [];
    const logger = pino({}, { write: (line) => void said.push(JSON.parse(line).msg) });
    let safeThrough = 0;

    /** What a front has of a log that is nearly full, whose archive has all of it for good up to `safeThrough`. */
    async function openBeside() {
      said.length = 0;
      const upkeep = { archive: async () => ({ ...holds, safeThrough }) };
      const archive = new ArchiveWatch({ upkeep, keptMs: 30 * DAY_MS, logger });
      return { archive, front: await openFront(archive, logger) };
    }

    it('lets go of nothing that a crash could still take from it, and says that this is what keeps the log full', async () => {
      await fillLog(log, { ended: 980 });
      safeThrough = 0;
      const { archive, front } = await openBeside();
      await front.look();
      expect(await state()).toMatchObject({ first_seq: 1 });
      expect(said).toEqual([
        expect.stringMatching(/^the log is full, .*: .* until they are safe in the archive/),
      ]);
      safeThrough = 700;
      await front.look();
      expect(await state()).toMatchObject({ first_seq: 701 });
      expect(archive.lag).toBe(40);
      expect(said.splice(1)).toEqual([expect.stringMatching(/^let go of old events/)]);
    });

    it('does not blame it on a task that is open behind that, but on one before it', async () => {
      await fillLog(log, { ended: 200 });
      await log.append(submit());
      await fillLog(log, { ended: 700 });
      safeThrough = 10;
      const { front } = await openBeside();
      await front.look();
      expect(said).toEqual([expect.stringMatching(/until they are safe in the archive/)]);
      safeThrough = 650;
      await front.look();
      const again = await openBeside();
      await again.front.look();
      expect(await state()).toMatchObject({ first_seq: 601 });
      await fillLog(log, { ended: 180 });
      await again.front.look();
      expect(said).toEqual([expect.stringMatching(/its oldest open task keeps old events from going/)]);
    });
  });

  it('goes on beside an archive that does not answer: it gives a full log room for ends, and ends overdue tasks', async () => {
    const archive = new ArchiveWatch({
      upkeep: {
        archive: async () => {
          throw new LogUnavailable('the archive does not answer');
        },
      },
      keptMs: 30 * DAY_MS,
      logger: createLogger('test', server.config),
    });
    const open = submit();
    await log.append(open);
    await fillLog(log, { ended: MAX_LOG_EVENTS / 3 - 1 });
    const front = await openFront(archive);
    const ended: number[] = [];
    front.overdue.end = async ({ nowMs }) => void ended.push(nowMs);
    await front.look();
    expect((await manager.streams.info('TASKS')).config.max_msgs).toBeGreaterThan(MAX_LOG_EVENTS);
    expect(ended).toHaveLength(1);
  });

  it('lets go of old events once, however many fronts there are', async () => {
    await fillLog(log, { ended: 980 });
    const several = await Promise.all([1, 2, 3].map(() => openFront()));
    await Promise.all(several.map(({ look }) => look()));
    await Promise.all(several.map(({ look }) => look()));
    expect(await state()).toMatchObject({ first_seq: 991, last_seq: 2_940 });
  });

  it('keeps an open task whole, says what it holds, and goes on when it has ended', async () => {
    const open = submit();
    await fillLog(log, { ended: 200 });
    await log.append(open);
    await log.append(next(open, started(1)));
    await fillLog(log, { ended: 770 });
    const front = await openFront();
    await front.look();
    expect(await state()).toMatchObject({ first_seq: 601 });
    expect(front.keeper.held.events).toBe(2_312);
    await fillLog(log, { ended: 180 });
    await front.look();
    expect(await state()).toMatchObject({ first_seq: 601 });
    expect((await log.history(open.key)).map(({ event }) => event.type)).toEqual(['queued', 'started']);
    expect(() => front.room.admit(1)).toThrow(LogFull);
    await log.append(next(open, completed(1)));
    await front.look();
    await front.look();
    expect((await state()).first_seq).toBeGreaterThan(1_000);
    expect(() => front.room.admit(100)).not.toThrow();
    expect(front.keeper.held.events).toBe(0);
  });

  it('lets tasks end in a log that takes nothing more, and gives back what it got for that', async () => {
    const open = submit();
    await log.append(open);
    await log.append(next(open, started(1)));
    const front = await openFront();
    const reports = Array.from({ length: MAX_LOG_EVENTS }, (_, count) => next(open, progress(1, count)));
    for (let at = 0; at < reports.length; at += 500)
      await Promise.allSettled(reports.slice(at, at + 500).map((report) => log.append(report)));
    await expect(log.append(next(open, completed(1)))).rejects.toBeInstanceOf(LogFull);
    await front.look();
    await log.append(next(open, completed(1)));
    expect((await manager.streams.info('TASKS')).config.max_msgs).toBe(MAX_LOG_EVENTS + 300);
    await front.look();
    await front.look();
    expect((await manager.streams.info('TASKS')).config.max_msgs).toBe(MAX_LOG_EVENTS);
    expect((await state()).messages).toBeLessThan(MAX_LOG_EVENTS * 0.7);
  });

  it('does not lose the workers their queue', async () => {
    const { log: worker } = await server.open();
    const got: Delivery[] = [];
    const taking = await worker.take({
      names: ['work'],
      free: () => 1,
      onDelivery: (delivery) => got.push(delivery),
    });
    const submitted = Array.from({ length: 5 }, () => submit('work'));
    // The first is taken and has ended, but its worker has not acknowledged it when its events go.
    await log.append(submitted[0] as Append);
    await until(() => got.length === 1);
    await log.append(next(submitted[0] as Append, completed(1)));
    await fillLog(log, { ended: 950 });
    await log.appendAll(submitted.slice(1));
    const front = await openFront();
    await front.look();
    expect((await state()).first_seq).toBeGreaterThan(2);
    got[0]?.ack();
    for (let count = 1; count < submitted.length; count++) {
      taking.more();
      await until(() => got.length > count);
      got[count]?.ack();
    }
    await taking.pause();
    expect(got.map(({ key }) => key)).toEqual(submitted.map(({ key }) => key));
    expect(got.every(({ count }) => count === 1)).toBe(true);
  });

  it('says that the log is lost when another one has taken its place', async () => {
    await fillLog(log, { ended: 10 });
    const front = await openFront();
    await front.keeper.look();
    expect(front.lost).toEqual([]);
    await manager.streams.delete('TASKS');
    await front.keeper.look();
    expect(front.lost.splice(0)).toEqual(['the log is gone']);
    await server.open();
    await front.keeper.look();
    expect(front.lost).toEqual([expect.stringMatching(/^the log of .* has been replaced by one of .*/)]);
  });

  it('misses nothing in a log that ends with the record of a named request', async () => {
    await log.submit(namedRequest());
    expect((await state()).last_seq).toBe(2);
    const front = await openFront();
    await front.keeper.look();
    await front.keeper.look();
    expect(front.lost).toEqual([]);
  });

  it('says that the log is lost when it has lost its end, and other events have taken the places', async () => {
    await fillLog(log, { ended: 10 });
    const [kept, lost] = [submit(), submit()];
    await log.append(kept);
    const front = await openFront();
    await front.look();
    expect(front.lost).toEqual([]);
    // As a power cut would: the front has seen an event that is not in the log any more.
    Object.defineProperty(front.projection, 'last', {
      configurable: true,
      value: { seq: 31, key: lost.key },
    });
    await front.keeper.look();
    expect(front.lost.splice(0)).toEqual(['the log has lost its event 31, and what came after it']);
    Object.defineProperty(front.projection, 'last', {
      configurable: true,
      value: { seq: 32, key: lost.key },
    });
    await front.keeper.look();
    expect(front.lost).toEqual(['the log has lost its event 32, and what came after it']);
  });

  it('says that the log is lost where only a record behind the last event was: what takes its place is never folded', async () => {
    const front = await openFront();
    await log.submit(namedRequest());
    await front.look();
    expect(front.projection.last).toEqual({ seq: 2, key: undefined });
    expect(front.lost).toEqual([]);
    const { upkeep } = log;
    const keyAt = vi.spyOn(upkeep, 'keyAt').mockResolvedValueOnce(newKey());
    await front.keeper.look();
    expect(keyAt).toHaveBeenCalledWith(2);
    expect(front.lost).toEqual(['the log has lost its event 2, and what came after it']);
  });

  it('counts anew for how long an event has been missed where the log did not answer meanwhile', async () => {
    await log.append(submit());
    const front = await openFront(undefined, undefined, 60_000);
    const { upkeep } = log;
    vi.spyOn(upkeep, 'keyAt').mockResolvedValue(newKey());
    const clock = vi.spyOn(performance, 'now');
    const lookAt = async (ms: number) => {
      clock.mockReturnValue(ms);
      await front.keeper.look();
    };
    try {
      await lookAt(0);
      vi.spyOn(upkeep, 'volume').mockRejectedValueOnce(new LogUnavailable('the log does not answer'));
      await lookAt(30_000);
      await lookAt(70_000);
      expect(front.lost).toEqual([]);
      await lookAt(130_000);
      expect(front.lost).toEqual(['the log has lost its event 1, and what came after it']);
    } finally {
      clock.mockRestore();
    }
  });

  it('tells who waits for a task that the log has let go of, and counts it as ended', async () => {
    const open = submit();
    await log.append(open);
    const front = await openFront();
    const told: unknown[] = [];
    front.projection.watch(open.key, {
      changed: ({ status, result }) => told.push([status, result]),
      lost() {},
    });
    await fillLog(log, { ended: 10 });
    await manager.streams.purge('TASKS', { seq: 5 });
    await front.look();
    expect(told).toEqual([['error', 'the log has let go of this task before it ended']]);
    expect(front.projection.openTasks).toBe(0);
  });

  describe('by age', () => {
    const inDays = async (days: number) => {
      const { nowMs = 0, lastSeq = 0 } = (await log.upkeep.volume()) ?? {};
      return { nowMs: nowMs + days * DAY_MS, lastSeq };
    };

    it('ends the tasks that are still open a day before the log lets go of them, and stops their workers', async () => {
      const queuedOne = submit();
      const running = submit();
      const ended = submit();
      await log.appendAll([queuedOne, running, ended]);
      await log.append(next(running, started(1)));
      await log.append(next(ended, completed(1)));
      const front = await openFront();
      await front.overdue.end(await inDays(5.9));
      expect(front.projection.openTasks).toBe(2);
      await front.overdue.end(await inDays(6.1));
      for (const { key } of [queuedOne, running])
        expect((await log.history(key)).at(-1)?.event).toMatchObject({
          type: 'failed',
          error: 'the task was still open after 6 days, and the log keeps events for 7 days (RETENTION_DAYS)',
        });
      expect((await log.history(ended.key)).map(({ event }) => event.type)).toEqual(['queued', 'completed']);
      expect(front.canceled).toEqual([queuedOne.key, running.key]);
      await until(() => front.projection.openTasks === 0);
    });

    it('leaves those that came after the log was measured, though nothing in it was in time then', async () => {
      const [old, young] = [submit(), submit()];
      await log.append(old);
      const then = await inDays(6.1);
      await log.append(young);
      const front = await openFront();
      await front.overdue.end(then);
      expect((await log.history(old.key)).at(-1)?.event.type).toBe('failed');
      expect((await log.history(young.key)).at(-1)?.event.type).toBe('queued');
    });

    it('leaves those alone that cannot be read, tells of each once, and ends the others', async () => {
      const [one, broken, other] = [submit(), submit(), submit()];
      await log.appendAll([one, broken, other]);
      await jetstream(connection).publish(subjectOf('hello', broken.key, progress(1, 50)), 'no event');
      const said: string[] = [];
      const logger = pino({}, { write: (line) => void said.push(line) });
      const front = await openFront(undefined, logger);
      await front.overdue.end(await inDays(6.1));
      await until(() => front.projection.openTasks === 1);
      await front.overdue.end(await inDays(6.1));
      for (const { key } of [one, other])
        expect((await log.history(key)).at(-1)?.event).toMatchObject({ type: 'failed' });
      expect(front.canceled).toEqual([one.key, other.key]);
      const about = said.filter((line) => line.includes('cannot end a task that was open for too long'));
      expect(about).toEqual([expect.stringContaining(broken.key)]);
    });

    it('ends each once, however many fronts do it, and leaves the younger ones', async () => {
      await fillLog(log, { ended: 10, open: 100 });
      const several = await Promise.all([1, 2, 3].map(() => openFront()));
      const { nowMs } = await inDays(6.1);
      await until(async () => ((await log.upkeep.volume())?.nowMs ?? 0) > nowMs - 6.1 * DAY_MS + 300);
      const young = submit();
      await log.append(young);
      const { lastSeq } = await inDays(0);
      const then = { nowMs: nowMs - 0.1 * DAY_MS + 150, lastSeq };
      await Promise.all(several.map(({ overdue }) => overdue.end(then)));
      const counts = await manager.streams.info('TASKS', { subjects_filter: 'task.done.nobody-knows.>' });
      expect(Object.values(counts.state.subjects ?? {})).toEqual(Array.from({ length: 100 }, () => 1));
      expect(await log.history(young.key)).toHaveLength(1);
    });
  });
});

import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckpointStore } from '../../src/log/checkpoint-store.ts';
import { CHECKPOINTS, JetStreamCheckpointStore, MANIFEST } from '../../src/log/jetstream/checkpoint-store.ts';
import { newKey } from '../../src/log/key.ts';
import type { EventLog } from '../../src/log/log.ts';
import { seal } from '../../src/log/seal.ts';
import { createLogger } from '../../src/logger.ts';
import { queued } from '../actors/events.ts';
import { TestLog } from '../support/nats.ts';

const FORMAT = 'lines of these tests';
const linesOf = (text: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${text} ${index}`);
const submit = (log: EventLog): Promise<number> =>
  log.append(seal({ name: 'hello', key: newKey() }, queued()));

describe('the checkpoints of a log', () => {
  let server: TestLog;
  let log: EventLog;
  let checkpoints: CheckpointStore;
  let manager: JetStreamManager;
  const save = (seq: number, text: string, count = 3) =>
    checkpoints.save({ seq, format: FORMAT }, linesOf(text, count));
  const subjects = async (): Promise<string[]> =>
    Object.keys(
      (await manager.streams.info(CHECKPOINTS, { subjects_filter: 'checkpoint.>' })).state.subjects ?? {},
    );

  beforeEach(async () => {
    server = await TestLog.start();
    const opened = await server.open();
    log = opened.log;
    checkpoints = opened.log.checkpoints;
    manager = await jetstreamManager(opened.connection);
    for (let count = 0; count < 5; count++) await submit(log);
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('are none at first', async () => {
    expect(await checkpoints.newest()).toBeUndefined();
    expect(await checkpoints.load()).toBeUndefined();
  });

  it('come back as they were saved, however many lines they have', async () => {
    const lines = linesOf('a line of some length, with ümläute, so that it takes several pieces', 20_000);
    expect(await checkpoints.save({ seq: 5, format: FORMAT }, lines)).toBe(true);
    expect(await checkpoints.newest()).toMatchObject({ seq: 5, format: FORMAT });
    expect(await checkpoints.load()).toEqual({ seq: 5, format: FORMAT, lines });
    expect((await subjects()).length).toBeGreaterThan(3);
    expect(await checkpoints.save({ seq: 5, format: FORMAT }, [])).toBe(true);
    expect(await checkpoints.load()).toEqual({ seq: 5, format: FORMAT, lines: [] });
  });

  it('are one: the newest takes the place of the others, and of what a writer that died has left', async () => {
    await save(3, 'older');
    await manager.jetstream().publish('checkpoint.piece.dead.0', 'half of one');
    await save(5, 'newer');
    expect(await checkpoints.load()).toEqual({ seq: 5, format: FORMAT, lines: linesOf('newer', 3) });
    expect(await subjects()).toHaveLength(2);
  });

  it('are not there before the last piece is: a writer that dies leaves the one before', async () => {
    await save(3, 'older');
    await manager.jetstream().publish('checkpoint.piece.dead.0', 'half of one');
    function* dying(): Generator<string> {
      yield* linesOf('half of a newer one, in pieces that have been stored', 20_000);
      throw new Error('killed');
    }
    await expect(checkpoints.save({ seq: 5, format: FORMAT }, dying())).rejects.toThrow('killed');
    // Nothing is left of it, nor of one that was killed before it could clear up: it would be in the way of the next.
    expect(await subjects()).toHaveLength(2);
    expect(await checkpoints.load()).toEqual({ seq: 3, format: FORMAT, lines: linesOf('older', 3) });
  });

  it('stay when another writer fails, also where it does so just when they have come to be there', async () => {
    await save(3, 'older');
    const { connection } = await server.open();
    const info: JetStreamManager['streams']['info'] = async (...args) => {
      if (args[1]?.subjects_filter === 'checkpoint.piece.>') await save(4, 'newer');
      return manager.streams.info(...args);
    };
    const failing = new JetStreamCheckpointStore(
      jetstream(connection),
      {
        ...manager,
        streams: new Proxy(manager.streams, {
          get: (of, name) => (name === 'info' ? info : Reflect.get(of, name).bind(of)),
        }),
      } as JetStreamManager,
      1,
      createLogger('test', server.config),
    );
    function* dying(): Generator<string> {
      yield* linesOf('half of one that is newer still', 20_000);
      throw new Error('no more room');
    }
    await expect(failing.save({ seq: 5, format: FORMAT }, dying())).rejects.toThrow('no more room');
    expect(await checkpoints.load()).toEqual({ seq: 4, format: FORMAT, lines: linesOf('newer', 3) });
    expect(await subjects()).toHaveLength(2);
  });

  it('that are written by several at once are whole all the same, and none is left over', async () => {
    const writers = await Promise.all(Array.from({ length: 4 }, () => server.open()));
    const saved = await Promise.all(
      writers.map((writer, index) =>
        writer.log.checkpoints.save({ seq: 5, format: FORMAT }, linesOf(`writer ${index}`, 100)),
      ),
    );
    const loaded = await checkpoints.load();
    const winners = saved.flatMap((isNewest, index) => (isNewest ? [linesOf(`writer ${index}`, 100)] : []));
    expect(winners).toContainEqual(loaded?.lines);
    await save(5, 'next');
    expect(await subjects()).toHaveLength(2);
  });

  it('are passed over when a piece is missing or damaged', async () => {
    await save(5, 'whole');
    const [piece] = (await subjects()).filter((subject) => subject !== MANIFEST) as [string];
    await manager.jetstream().publish(piece, 'damaged');
    expect(await checkpoints.load()).toBeUndefined();
    await manager.streams.purge(CHECKPOINTS, { filter: piece });
    expect(await checkpoints.load()).toBeUndefined();
    expect(await save(5, 'again')).toBe(true);
    expect(await checkpoints.load()).toMatchObject({ lines: linesOf('again', 3) });
  });

  it('are passed over when nobody can make out what they are, and replaced', async () => {
    await save(3, 'older');
    for (const text of ['', 'no JSON', '[]', '{"seq":"five"}']) {
      await manager.jetstream().publish(MANIFEST, text);
      expect(await checkpoints.newest()).toBeUndefined();
      expect(await checkpoints.load()).toBeUndefined();
    }
    expect(await save(5, 'readable')).toBe(true);
    expect(await checkpoints.load()).toMatchObject({ lines: linesOf('readable', 3) });
  });

  it('of another log are passed over: one that was made anew, also when it has grown as long', async () => {
    await save(5, 'of the lost log');
    await manager.streams.delete('TASKS');
    const { log: fresh } = await server.open();
    expect(await checkpoints.load()).toBeUndefined();
    for (let count = 0; count < 7; count++) await submit(fresh);
    expect(await checkpoints.load()).toBeUndefined();
  });

  it('of a log that has lost its last events are passed over, also when others stand in their place', async () => {
    await save(5, 'with what was lost');
    const message = await manager.streams.getMessage(CHECKPOINTS, { last_by_subj: MANIFEST });
    const manifest = message?.json<{ log: object }>();
    const change = (changes: object) =>
      manager.jetstream().publish(MANIFEST, JSON.stringify({ ...manifest, ...changes }));
    await change({ seq: 6 });
    expect(await checkpoints.load()).toBeUndefined();
    await change({ log: { ...manifest?.log, storedAt: '2026-11-24T18:25:50.270553573Z' } });
    expect(await checkpoints.load()).toBeUndefined();
    await change({});
    expect(await checkpoints.load()).toMatchObject({ seq: 5 });
  });

  it('stay good when their event has left the log', async () => {
    await save(3, 'of old');
    await manager.streams.purge('TASKS', { seq: 5 });
    expect(await checkpoints.load()).toMatchObject({ seq: 3, lines: linesOf('of old', 3) });
  });

  it('are not made of events that are not in the log', async () => {
    expect(await save(6, 'of the future')).toBe(false);
    expect(await checkpoints.load()).toBeUndefined();
  });
});

import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import type { Append } from '../../src/log/log.ts';
import type { Entry } from '../../src/log/reading.ts';
import { createLogger } from '../../src/logger.ts';
import { until } from '../support/until.ts';
import { ArchiveStage, recordsOf } from './archive-support.ts';
import { all, isEvent, lifeOfNow, never, numbers } from './reading-support.ts';

let stage: ArchiveStage;
let log: JetStreamLog;
const start = (days?: string) => async () => {
  stage = await ArchiveStage.start(days);
  log = stage.log;
};
const stop = () => stage[Symbol.asyncDispose]();

const seqsOf = (entries: readonly Entry[]): number[] =>
  entries.flatMap((entry) => (isEvent(entry) ? [entry.seq] : []));
const gapsOf = (entries: readonly Entry[]) => entries.flatMap((entry) => ('gap' in entry ? [entry.gap] : []));

describe('an archive that was turned on late, off, and on again', () => {
  beforeAll(start('0'));
  afterAll(stop);
  let on: JetStreamLog;

  it('takes over what the log still holds, and tells the rest as a gap', async () => {
    await stage.fill(50);
    await stage.letGo(101);
    expect(await log.upkeep.archive()).toBeUndefined();
    on = await stage.open({ ARCHIVE_DAYS: 30 });
    await stage.archived(300, on);
    await stage.letGo(301);
    const entries = await all(on, { through: 300 });
    expect(gapsOf(entries)).toEqual([{ from: 1, to: 100 }]);
    expect(seqsOf(entries)).toEqual(numbers(101, 300));
    expect(await on.extent()).toEqual({ first: 101, held: 301, last: 300 });
  });

  it('takes nothing while it is off, is read all the same, and says later what it lacks', async () => {
    const off = await stage.open({ ARCHIVE_DAYS: 0 });
    expect((await stage.stream('ARCHIVE')).config.sources ?? []).toEqual([]);
    const chosen: Append[][] = [lifeOfNow('hello'), lifeOfNow('hello')];
    await stage.fill(50, off);
    await off.appendAll(chosen[0] as Append[]);
    expect(await all(off, { after: 100, through: 300 })).toHaveLength(200);
    await stage.letGo(501);
    on = await stage.open({ ARCHIVE_DAYS: 60 });
    expect((await stage.stream('ARCHIVE')).config.max_age).toBe(60 * 86_400_000 * 1e6);
    const last = await on.appendAll(chosen[1] as Append[]);
    await stage.archived(last, on);
    await stage.letGo(last + 1);
    const entries = await all(on, { through: last });
    expect(gapsOf(entries)).toEqual([
      { from: 1, to: 100 },
      { from: 301, to: 500 },
    ]);
    expect(seqsOf(entries)).toEqual([...numbers(101, 300), ...numbers(501, last)]);
    const keys = chosen.map(([first]) => first?.key as string);
    const ofSome = await all(on, { through: last, keys });
    expect(seqsOf(ofSome)).toEqual(numbers(601, 612));
    // It cannot tell where what is missing was, but that something is.
    const [before, between] = gapsOf(ofSome);
    expect(before?.from).toBe(1);
    expect((between ?? before)?.to).toBeGreaterThanOrEqual(500);
    expect(await all(on, { after: 300, through: 400, keys })).toEqual([{ gap: { from: 301, to: 400 } }]);
    expect(await all(on, { after: 510, through: 600, keys })).toEqual([]);
  });

  it('is left as it is by a worker, whatever that was started with, and so are the bounds of the log', async () => {
    const { connection } = await stage.server.open();
    await stage.open({ ARCHIVE_DAYS: 60 });
    const before = [await stage.stream('ARCHIVE'), await stage.stream('TASKS')].map(({ config }) => config);
    const settings = { ...stage.server.config, ARCHIVE_DAYS: 0, RETENTION_DAYS: 1, MAX_LOG_EVENTS: 1_000 };
    const worker = await JetStreamLog.openAsItIs(
      connection,
      settings,
      createLogger('test', stage.server.config),
    );
    const after = [await stage.stream('ARCHIVE'), await stage.stream('TASKS')].map(({ config }) => config);
    expect(after).toEqual(before);
    expect(await worker.upkeep.archive()).toMatchObject({ isFilled: true });
  });

  it('goes when it is off and empty', async () => {
    await stage.manager.streams.purge('ARCHIVE');
    expect(await (await stage.open({ ARCHIVE_DAYS: 0 })).upkeep.archive()).toBeUndefined();
    await expect(stage.stream('ARCHIVE')).rejects.toThrow(/not found/);
  });
});

describe('an archive with little room', () => {
  beforeAll(start());
  afterAll(stop);

  it('lets go of its oldest events, and tells so as a gap to readers and filters', async () => {
    await stage.open({ ARCHIVE_DAYS: 30, MAX_ARCHIVE_BYTES: 100_000 });
    const chosen = lifeOfNow('hello');
    const keys = [chosen[0]?.key as string];
    await stage.fill(100);
    await log.appendAll(chosen);
    const last = await stage.fill(100);
    await stage.archived(last);
    await stage.letGo(last + 1);
    const { first } = await log.extent();
    expect(first).toBeGreaterThan(606);
    const entries = await all(log, { through: last });
    expect(gapsOf(entries)).toEqual([{ from: 1, to: first - 1 }]);
    expect(seqsOf(entries)).toEqual(numbers(first, last));
    expect(gapsOf(await all(log, { through: last, keys }))[0]).toMatchObject({ from: 1 });
    expect(await log.fullHistory(keys[0] as string)).toEqual([]);
  });
});

describe('a task that was made after what the archive has lost', () => {
  beforeAll(start());
  afterAll(stop);

  it('is read from the time in its key on, so that nothing is told as missing', async () => {
    await stage.archived(await stage.fill(50));
    await stage.manager.streams.purge('ARCHIVE', { seq: 101 });
    // As far ahead as clocks may differ: so it is stored right where it is looked for.
    const key = ulid(Date.now() + 60_000);
    const life = lifeOfNow('hello').map((entry) => ({ ...entry, key }));
    const before = lifeOfNow('hello');
    await log.appendAll(before);
    await log.appendAll(life);
    const last = await stage.fill(50);
    await stage.archived(last);
    await stage.letGo(last + 1);
    const found = await all(log, { through: last, keys: [key] });
    expect(gapsOf(found)).toEqual([]);
    expect(seqsOf(found)).toEqual(numbers(307, 312));
    expect(await all(log, { through: 306, keys: [key] })).toEqual([]);
    // With one that is older it is not known what is missing.
    const both = await all(log, { through: last, keys: [key, before[0]?.key as string] });
    expect(gapsOf(both)[0]?.from).toBe(1);
    expect(gapsOf(both)[0]?.to).toBeGreaterThanOrEqual(100);
    expect(seqsOf(both)).toEqual(numbers(301, 312));
  });
});

describe('a reader of an archived log', () => {
  beforeAll(start());
  afterAll(stop);

  it('sees everything once, in order, while the log is written and lets go of what it has not come to', async () => {
    const rounds = 18;
    const writing = (async () => {
      for (let round = 0; round < rounds; round++) {
        const last = await stage.fill(30);
        await stage.archived(last - 90);
        if (round % 3 === 2) await stage.letGo(last - 90);
      }
    })();
    const abort = new AbortController();
    const through = rounds * 180;
    const seen: number[][] = [];
    const key = lifeOfNow('hello')[0]?.key as string;
    const follow = async (pauseEvery: number) => {
      const seqs: number[] = [];
      seen.push(seqs);
      for await (const page of log.read({ after: 0, through, signal: abort.signal })) {
        expect(gapsOf(page.entries)).toEqual([]);
        seqs.push(...seqsOf(page.entries));
        expect(page.through).toBeGreaterThanOrEqual(seqs.at(-1) ?? 0);
        // It takes up again when the writer has gone on.
        const { last } = await log.extent();
        if (pauseEvery > 0 && last < through)
          await until(async () => (await log.extent()).last >= Math.min(through, last + pauseEvery));
      }
    };
    await Promise.all([follow(0), follow(400), follow(2_000), writing]);
    for (const seqs of seen) expect(seqs).toEqual(numbers(1, through));
    expect(await all(log, { through, keys: [key] })).toEqual([]);
  });

  it('frees what it holds when it is left in the midst of the archive', async () => {
    const { last } = await log.extent();
    await stage.archived(last);
    await stage.letGo(last + 1);
    const abort = new AbortController();
    for await (const { entries } of log.read({ after: 0, signal: abort.signal })) {
      expect(gapsOf(entries)).toEqual([]);
      if (entries.length > 0) abort.abort();
    }
    for await (const { entries } of log.read({ after: 0, signal: never })) if (entries.length > 0) break;
    for (const name of ['ARCHIVE', 'TASKS'] as const)
      await until(async () => (await stage.stream(name)).state.consumer_count === 0);
  });
});

describe('an archive whose nats-server dies', () => {
  beforeAll(start());
  afterAll(stop);

  it('takes again from the log what it has lost, and no more', async () => {
    await stage.fill(300);
    await stage.server.kill();
    stage.server.restart();
    const last = await until(() => stage.fill(1).catch(() => undefined), 20_000);
    const before = await recordsOf(log, last);
    await stage.archived(last);
    await stage.letGo(last + 1);
    expect(await recordsOf(log, last)).toEqual(before);
    const { events, oldestMs } = (await log.upkeep.archive()) ?? {};
    expect(events).toBe(last);
    expect(oldestMs).toBeLessThanOrEqual(Date.now());
  });

  it('of another log is neither read nor filled, and that is told', async () => {
    await stage.manager.streams.delete('TASKS');
    const other = await stage.open({ ARCHIVE_DAYS: 30 });
    expect(stage.told).toEqual([expect.stringContaining('is the archive of another log')]);
    await stage.fill(2, other);
    await stage.letGo(7);
    expect(await all(other, { through: 12 })).toMatchObject([
      { gap: { from: 1, to: 6 } },
      ...numbers(7, 12).map((seq) => ({ seq })),
    ]);
    expect(await other.upkeep.archive()).toBeUndefined();
    expect((await stage.stream('ARCHIVE')).config.sources ?? []).toEqual([]);
  });
});

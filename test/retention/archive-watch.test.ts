import { expect, it } from 'vitest';
import { DAY_MS } from '../../src/log/event-date.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import type { ArchiveVolume, LogVolume } from '../../src/log/upkeep.ts';
import type { Logger } from '../../src/logger.ts';
import { ArchiveWatch } from '../../src/retention/archive-watch.ts';

/** A watch over an archive and a log that are as the test says, at its time. */
function setUp() {
  const told: string[] = [];
  const missing: object[] = [];
  const tell = (fields: object, text: string) => {
    told.push(text);
    if ('from' in fields) missing.push(fields);
  };
  let volume: ArchiveVolume | 'away' | undefined;
  let now = 0;
  const watch = new ArchiveWatch({
    upkeep: {
      archive: async () => {
        if (volume === 'away') throw new LogUnavailable('the archive does not answer');
        return volume;
      },
    },
    keptMs: 90 * DAY_MS,
    logger: { warn: tell, error: tell } as unknown as Logger,
    now: () => now,
  });
  const look = (
    archive: Partial<ArchiveVolume> | 'away' | undefined,
    log: Partial<LogVolume>,
    seconds = 1,
  ) => {
    now += seconds * 1_000;
    const of = {
      isFilled: true,
      through: 0,
      safeThrough: 0,
      events: 1,
      bytes: 1,
      allowedBytes: 1_000,
      oldestMs: 0,
    };
    volume = archive === 'away' ? archive : archive && { ...of, ...archive };
    const limits = { events: 1_000, bytes: 1_000 };
    return watch.look({
      ...{ nowMs: 0, madeAt: '', firstSeq: 1, lastSeq: 0, events: 0, bytes: 0, allowed: limits },
      ...log,
    });
  };
  return { watch, look, told, missing };
}

it('lets the log let go of what a crash cannot take from the archive, and of no more', async () => {
  const { watch, look, told } = setUp();
  expect(await look({ through: 90, safeThrough: 40 }, { lastSeq: 100 })).toBe(40);
  expect(watch.lag).toBe(10);
  expect(await look(undefined, { lastSeq: 100 })).toBe(0);
  expect(told).toEqual([expect.stringContaining('there is no archive')]);
});

it('tells at once that the archive has been turned off, by what, and what to do', async () => {
  const { look, told } = setUp();
  await look({ through: 90 }, { lastSeq: 100 });
  await look({ through: 90, isFilled: false }, { lastSeq: 100 });
  expect(told).toEqual([expect.stringMatching(/a front .* ARCHIVE_DAYS=0.* same ARCHIVE_DAYS, then start/)]);
});

it('counts what the log had let go of before there was an archive neither as missing nor as behind', async () => {
  const { watch, look, told } = setUp();
  await look({ through: 0, events: 0 }, { firstSeq: 501, lastSeq: 600 });
  expect(watch.lag).toBe(100);
  await look({ through: 600 }, { firstSeq: 501, lastSeq: 600 });
  expect(watch.lag).toBe(0);
  expect(told).toEqual([]);
});

it('tells once what the log has let go of too early, and after that what has gone since', async () => {
  const { look, told, missing } = setUp();
  await look({ through: 400 }, { firstSeq: 401, lastSeq: 600 });
  expect(told).toEqual([]);
  await look({ through: 400 }, { firstSeq: 451, lastSeq: 600 });
  await look({ through: 400 }, { firstSeq: 451, lastSeq: 600 });
  expect(told).toEqual([expect.stringContaining('that the archive has not taken')]);
  await look({ through: 400 }, { firstSeq: 452, lastSeq: 600 });
  await look({ through: 600 }, { firstSeq: 452, lastSeq: 600 });
  expect(missing).toEqual([
    { from: 401, to: 450 },
    { from: 451, to: 451 },
  ]);
});

it('tells every minute of an archive that does not follow, and not of one that does', async () => {
  const { look, told } = setUp();
  for (let through = 0; through < 100; through++) await look({ through }, { lastSeq: 200 });
  for (let second = 0; second < 100; second++) await look({ through: 200 }, { lastSeq: 200 });
  expect(told).toEqual([]);
  for (let second = 0; second < 180; second++) await look({ through: 200 }, { lastSeq: 201 });
  expect(told).toHaveLength(2);
  expect(told[0]).toContain('does not follow');
});

it('tells of an archive that is full before its time', async () => {
  const { look, told } = setUp();
  await look({ through: 5, bytes: 985, oldestMs: Date.now() - 30.5 * DAY_MS }, { lastSeq: 5 });
  expect(told).toEqual([expect.stringContaining('it keeps 30 days instead of 90')]);
});

it('lets nothing go while the archive does not answer, and says so once a minute', async () => {
  const { look, told } = setUp();
  expect(await look({ through: 50, safeThrough: 40 }, { lastSeq: 50 })).toBe(40);
  for (let second = 0; second < 59; second++) expect(await look('away', { lastSeq: 60 })).toBe(0);
  expect(told).toEqual([expect.stringContaining('the archive does not answer')]);
  expect(await look('away', { lastSeq: 60 }, 2)).toBe(0);
  expect(told).toHaveLength(2);
  expect(await look({ through: 60, safeThrough: 60 }, { lastSeq: 60 })).toBe(60);
});

import { describe, expect, it } from 'vitest';
import type { Submission } from '../../src/log/creates.ts';
import { formatDate, nowMicros } from '../../src/log/event-date.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import type { RecordedEvent } from '../../src/log/recorded-event.ts';
import { seal } from '../../src/log/seal.ts';
import { queued } from '../actors/events.ts';
import { Bench, replayed } from '../replay/import-support.ts';
import { ArchiveStage } from './archive-support.ts';
import { all, isEvent } from './reading-support.ts';

const REQUESTS = 400;
const AN_HOUR_US = 3_600_000_000;

/** Creates of a limited account that share its turns: 400 tasks, and behind them the records of their requests. */
async function store(log: JetStreamLog, turns: number): Promise<RecordedEvent[]> {
  let micros = nowMicros() - AN_HOUR_US;
  for (let turn = 0; turn < turns; turn++) {
    const { seq } = await log.lastTurn('acme');
    const records: Submission['records'][number][] = [];
    const entries = Array.from({ length: REQUESTS }, () => {
      micros += 100_000;
      const at = formatDate(micros);
      const key = newKey();
      records.push({ account: 'acme', idempotencyKey: key, after: 0, at, digest: 'b0d1', keys: [key] });
      return seal({ name: 'hello', key }, { ...queued(), at });
    });
    await log.submit({ entries, turn: { account: 'acme', after: seq }, records });
  }
  const { last } = await log.extent();
  return (await all(log, { through: last })).filter(isEvent);
}

/** Holds the log to where its events stand: on their dates and between them, before all and after all of them. */
async function expectFound(log: JetStreamLog, events: readonly RecordedEvent[]): Promise<void> {
  const { last } = await log.extent();
  for (const index of [5, 398, 399, 400, 401, 798, 799, 800, 1_100, events.length - 1]) {
    const { seq, at } = events[index] as RecordedEvent;
    expect([index, await log.locate(at)]).toEqual([index, { from: seq, until: seq }]);
    const before = events[index - 1] as RecordedEvent;
    const between = formatDate((Date.parse(at) - 50) * 1_000);
    const { from, until } = await log.locate(between);
    expect([index, from]).toEqual([index, seq]);
    // Behind the event before it, there may be records of requests.
    expect(until).toBeGreaterThanOrEqual(before.seq);
    expect(until).toBeLessThan(seq);
  }
  expect((await log.locate('2001-01-01T00:00:00.000000+00:00')).until).toBeLessThan(events[0]?.seq ?? 0);
  expect(await log.locate('2199-01-01T00:00:00.000000+00:00')).toEqual({ from: last + 1, until: last });
}

describe('a date is found among the records of many requests', () => {
  it('in an archive', async () => {
    await using stage = await ArchiveStage.start();
    const events = await store(stage.log, 3);
    const { last } = await stage.log.extent();
    await stage.archived(last);
    await stage.letGo(last + 1);
    await expectFound(stage.log, events);
  });

  it('in a log that was imported', async () => {
    await using stage = await ArchiveStage.start();
    await using bench = await Bench.start();
    const events = await store(stage.log, 3);
    await replayed(stage.log, '--export', bench.path('log.ndjson'));
    await bench.import(bench.path('log.ndjson'));
    await expectFound((await bench.log()) as JetStreamLog, events);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatDate, nowMicros } from '../../src/log/event-date.ts';
import { newKey } from '../../src/log/key.ts';
import { seal } from '../../src/log/seal.ts';
import { progress, queued, started } from '../actors/events.ts';
import { after as next, openStage, type Stage } from './reading-support.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

/** Stores events one after the other, each dated a moment before it is stored, as their writers do. */
async function store(count: number): Promise<{ seq: number; at: string }[]> {
  const stored: { seq: number; at: string }[] = [];
  for (let index = 0; index < count; index++) {
    const at = formatDate(nowMicros());
    const entry = seal({ name: 'hello', key: newKey() }, { ...queued(), at });
    const seq = await stage.log.append(entry);
    stored.push({ seq, at });
  }
  return stored;
}

describe('a date in the log', () => {
  it('falls on the event that has it', async () => {
    for (const { seq, at } of await store(10))
      expect(await stage.log.locate(at)).toEqual({ from: seq, until: seq });
  });

  it('between two events falls between them, so that nothing is told twice and nothing is missed', async () => {
    const [one] = await store(1);
    const between = formatDate(nowMicros() + 1);
    const [other] = await store(1);
    expect(await stage.log.locate(between)).toEqual({ from: other?.seq, until: one?.seq });
  });

  it('before the log is its beginning, after it its end', async () => {
    await store(1);
    const { last } = await stage.log.extent();
    for (const year of ['0001', '1960', '2001'])
      expect(await stage.log.locate(`${year}-01-01T00:00:00.000000+00:00`)).toEqual({ from: 1, until: 0 });
    for (const year of ['2100', '9999'])
      expect(await stage.log.locate(`${year}-01-01T00:00:00.000000+00:00`)).toEqual({
        from: last + 1,
        until: last,
      });
  });

  it('before what retention has left stands for what is gone, too', async () => {
    const [{ seq }, later] = (await store(2)) as [{ seq: number }, { seq: number; at: string }];
    await stage.purge(seq);
    expect(await stage.log.locate('2001-01-01T00:00:00.000000+00:00')).toEqual({ from: 1, until: seq - 1 });
    expect(await stage.log.locate(later.at)).toEqual({ from: later.seq, until: later.seq });
  });
});

describe('a history as it was', () => {
  it('has the progress of then, not that of now', async () => {
    const entry = seal({ name: 'hello', key: newKey() }, queued());
    const seqs = [await stage.log.append(entry)];
    for (const event of [started(1), progress(1, 10), progress(1, 20), progress(1, 30)])
      seqs.push(await stage.log.append(next(entry, event)));
    const then = await stage.log.history(entry.key, seqs[3]);
    expect(then.map(({ event }) => event)).toEqual([queued(), started(1), progress(1, 20)]);
    expect(await stage.log.history(entry.key, (seqs[0] as number) - 1)).toEqual([]);
  });

  it('has that of each attempt, however many there were, then and since', async () => {
    const entry = seal({ name: 'hello', key: newKey() }, queued());
    const reports = (attempt: number) =>
      Array.from({ length: 200 }, (_, count) => next(entry, progress(attempt, count)));
    const start = await stage.log.append(entry);
    for (const attempt of [1, 2]) {
      await stage.log.append(next(entry, started(attempt)));
      for (const report of reports(attempt)) await stage.log.append(report);
    }
    for (const [through, ...events] of [
      [start + 1, started(1)],
      [start + 2, started(1), progress(1, 0)],
      [start + 150, started(1), progress(1, 148)],
      [start + 201, started(1), progress(1, 199)],
      [start + 202, started(1), progress(1, 199), started(2)],
      [start + 300, started(1), progress(1, 199), started(2), progress(2, 97)],
    ] as const)
      expect((await stage.log.history(entry.key, through)).map(({ event }) => event)).toEqual([
        queued(),
        ...events,
      ]);
  });

  it('is that of now where the log has yet to come to that sequence', async () => {
    const entry = seal({ name: 'hello', key: newKey() }, queued());
    await stage.log.append(entry);
    const last = await stage.log.append(next(entry, started(1)));
    const now = await stage.log.history(entry.key);
    expect(now).toHaveLength(2);
    expect(await stage.log.history(entry.key, last + 1)).toEqual(now);
    expect(await stage.log.history(entry.key, 10 ** 14)).toEqual(now);
    expect(await stage.log.history(newKey(), 10 ** 14)).toEqual([]);
  });
});

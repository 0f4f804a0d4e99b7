import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/log/envelope.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import type { Append } from '../../src/log/log.ts';
import type { RecordedEvent } from '../../src/log/recorded-event.ts';
import { ArchiveStage, recordsOf } from './archive-support.ts';
import { all, isEvent, lifeOfNow, numbers } from './reading-support.ts';

let stage: ArchiveStage;
let log: JetStreamLog;

describe('an archived log', () => {
  const lives: Append[][] = [];
  let last = 0;
  beforeAll(async () => {
    stage = await ArchiveStage.start();
    log = stage.log;
    for (let round = 0; round < 20; round++) {
      const some = Array.from({ length: 10 }, () => lifeOfNow('hello'));
      lives.push(...some);
      // Interleaved, and with what creates depend on.
      const turns = numbers(0, 5).map((step) => some.map((life) => life[step] as Append));
      const turn = await log.lastTurn('acme');
      await log.submit({
        entries: turns[0] as Append[],
        turn: { account: 'acme', after: turn.seq },
        records: [],
      });
      last = await log.appendAll(turns.slice(1).flat());
    }
    await stage.archived(last);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('is read as it was when the log has let go of it: byte for byte, with the same sequences', async () => {
    const before = await recordsOf(log, last);
    const events = await all(log, { through: last });
    const chosen = lives.slice(100, 103).map(([first]) => first?.key as string);
    const ofSome = await all(log, { through: last, keys: chosen, types: ['started', 'completed'] });
    expect(before.map((line) => Number.parseInt(line, 10))).toEqual(numbers(1, last));
    for (const first of [777, last - 3, last + 1]) {
      await stage.letGo(first);
      expect(await recordsOf(log, last)).toEqual(before);
      expect(await all(log, { through: last })).toEqual(events);
      expect(await all(log, { through: last, keys: chosen, types: ['started', 'completed'] })).toEqual(
        ofSome,
      );
      expect(await all(log, { after: 500, through: 900 })).toEqual(
        events.filter((entry) => isEvent(entry) && entry.seq > 500 && entry.seq <= 900),
      );
      expect(await log.extent()).toEqual({ first: 1, held: first, last });
    }
    expect(ofSome.filter(isEvent)).toHaveLength(9);
  });

  it('has the history of a task that the log has let go of, whole and as the log told it', async () => {
    const life = lifeOfNow('hello');
    const key = life[0]?.key as string;
    const first = await log.append(life[0] as Append);
    await log.appendAll(life.slice(1, 3));
    await log.appendAll(lives.slice(0, 5).flatMap(([entry]) => lifeOfNow(entry?.name as string)));
    const end = await log.appendAll(life.slice(3));
    await stage.archived(end);
    const whole = await log.history(key);
    expect(whole).toHaveLength(6);
    const earlier = await log.history(key, first + 1);
    for (const before of [first, first + 2, end, end + 1]) {
      await stage.letGo(before);
      expect(await log.fullHistory(key)).toEqual(whole);
      expect(await log.fullHistory(key, { through: first + 1 })).toEqual(earlier);
      expect(await log.fullHistory(key, { through: first - 1 })).toEqual([]);
    }
    expect(await log.history(key)).toEqual([]);
  });

  it('tells of progress the last of each attempt', async () => {
    const life = lifeOfNow('hello');
    const progress = life[2] as Append;
    const end = await log.appendAll([...life.slice(0, 3), progress, progress, ...life.slice(3)]);
    const whole = await log.history(progress.key);
    await stage.archived(end);
    await stage.letGo(end + 1);
    expect(await log.fullHistory(progress.key)).toEqual(whole);
    expect(
      whole.map(({ event }: StoredEvent) => event.type).filter((type) => type === 'progress'),
    ).toHaveLength(1);
  });

  it('tells of the past the progress then, also where the log has none but progress of it', async () => {
    const life = lifeOfNow('hello');
    const progress = life[2] as Append;
    const first = await log.append(life[0] as Append);
    await log.append(life[1] as Append);
    const last = first + 3;
    for (const entry of [progress, progress, progress, ...life.slice(3)]) await log.append(entry);
    await stage.archived((await log.extent()).last);
    const then = await log.history(progress.key, last);
    expect(then.map(({ seq }) => seq)).toEqual([first, first + 1, last]);
    for (const before of [first + 1, first + 2, last, last + 1]) {
      await stage.letGo(before);
      expect(await log.fullHistory(progress.key, { through: last })).toEqual(then);
    }
  });

  it('knows no task that never was', async () => {
    expect(await log.fullHistory(newKey())).toEqual([]);
    expect(await log.fullHistory('0000000000AAAAAAAAAAAAAAAA')).toEqual([]);
    expect(await log.fullHistory('7ZZZZZZZZZZZZZZZZZZZZZZZZZ')).toEqual([]);
  });

  it('finds the events of a date', async () => {
    const { last: end } = await log.extent();
    const events = (await all(log, { through: end })).filter(isEvent);
    await stage.letGo(end + 1);
    for (const index of [0, 321, 1_000, events.length - 1]) {
      const { at } = events[index] as RecordedEvent;
      const { from, until: to } = await log.locate(at);
      const since = events.filter((event) => event.at >= at).map(({ seq }) => seq);
      expect(from).toBe(index === 0 ? 1 : Math.min(...since));
      expect(to).toBe(Math.max(...events.filter((event) => event.at <= at).map(({ seq }) => seq)));
    }
    expect(await log.locate('2001-01-01T00:00:00.000000+00:00')).toMatchObject({ from: 1 });
    expect(await log.locate('2199-01-01T00:00:00.000000+00:00')).toEqual({ from: end + 1, until: end });
  });

  it('finds the events of a date also where the log begins with a record that is no event', async () => {
    const { at } = (await all(log, { through: 10 })).find(isEvent) as RecordedEvent;
    const before = await log.locate(at);
    const beginsAt = await submitted('queued before what is left');
    const [entry] = lifeOfNow('hello');
    await log.append(entry as Append);
    const { last: end } = await log.extent();
    await stage.archived(end);
    // Of this create the log has the record of its request alone, and an event behind it; then nothing behind it.
    for (const through of [end, await submitted('and once more')]) {
      await stage.letGo(through === end ? beginsAt + 1 : through + 1);
      await stage.archived((await log.extent()).last);
      expect(await log.locate(at)).toEqual(before);
      expect(await log.locate('2001-01-01T00:00:00.000000+00:00')).toEqual({ from: 1, until: 1 });
    }
  });
});

/** Stores a task and behind it the record of the request that made it; resolves with the sequence of the task. */
async function submitted(idempotencyKey: string): Promise<number> {
  const [entry] = lifeOfNow('hello') as [Append];
  const name = { account: 'acme', idempotencyKey };
  const record = { ...name, after: 0, at: entry.event.at, digest: 'b0d1', keys: [entry.key] };
  return (await log.submit({ entries: [entry], records: [record] })).seq;
}

import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import type { Append } from '../../src/log/log.ts';
import type { Entry, ReadOptions } from '../../src/log/reading.ts';
import type { RecordedEvent } from '../../src/log/recorded-event.ts';
import { until } from '../support/until.ts';
import { all, isEvent, lifeOf, never, numbers, openStage, type Stage } from './reading-support.ts';

let stage: Stage;
let log: JetStreamLog;
const start = async () => {
  stage = await openStage();
  log = stage.log;
};
const stop = () => stage[Symbol.asyncDispose]();

describe('a log that lets go of its oldest events', () => {
  beforeAll(start);
  afterAll(stop);

  it('has a gap at the beginning, which is told first', async () => {
    await log.appendAll(lifeOf('hello'));
    const life = lifeOf('hello');
    const through = await log.appendAll(life);
    await stage.purge(9);
    const gap = (to: number) => ({ gap: { from: 1, to } });
    expect(await all(log, { through: 5 })).toEqual([gap(5)]);
    expect((await all(log, { through })).map((entry) => (isEvent(entry) ? entry.seq : entry))).toEqual([
      gap(8),
      ...numbers(9, 12),
    ]);
    expect(await all(log, { through, keys: [life[0]?.key as string], types: ['completed'] })).toMatchObject([
      gap(8),
      { seq: 12 },
    ]);
    expect(await all(log, { after: 8, through: 8 })).toEqual([]);
    await stage.purge(through + 1);
    expect(await all(log, { after: 10, through })).toEqual([{ gap: { from: 11, to: through } }]);
  });

  it('under a reader tells exactly what the reader has missed', async () => {
    const lives = Array.from({ length: 400 }, () => lifeOf('hello'));
    const { last } = await log.extent();
    for (let at = 0; at < lives.length; at += 100) await log.appendAll(lives.slice(at, at + 100).flat());
    const through = last + 2_400;
    const found: Entry[] = [];
    for await (const page of log.read({ after: last, through, signal: never })) {
      if (found.length === 0) await stage.purge(through - 50);
      found.push(...page.entries);
    }
    const gaps = found.flatMap((entry) => ('gap' in entry ? [entry.gap] : []));
    expect(gaps).toHaveLength(1);
    const seqs = found.flatMap((entry) =>
      isEvent(entry) ? [entry.seq] : 'gap' in entry ? numbers(entry.gap.from, entry.gap.to) : [],
    );
    expect(seqs).toEqual(numbers(last + 1, through));
    expect(gaps[0]?.to).toBe(through - 51);
  });

  it('under a reader with a filter tells of nothing less than it has missed', async () => {
    const lives = Array.from({ length: 400 }, () => lifeOf('hello'));
    const { last } = await log.extent();
    for (let at = 0; at < lives.length; at += 100) await log.appendAll(lives.slice(at, at + 100).flat());
    const through = last + 2_400;
    const found: Entry[] = [];
    for await (const page of log.read({
      after: last,
      through,
      types: ['queued', 'completed'],
      signal: never,
    })) {
      if (found.length === 0) await stage.purge(through - 50);
      found.push(...page.entries);
    }
    const gaps = found.flatMap((entry) => ('gap' in entry ? [entry.gap] : []));
    expect(gaps).toHaveLength(1);
    expect(gaps[0]?.to).toBe(through - 51);
    const seqs = found.flatMap((entry) => (isEvent(entry) ? [entry.seq] : []));
    const wanted = numbers(last + 1, through).filter(
      (seq) => (seq - last) % 6 === 1 || (seq - last) % 6 === 0,
    );
    const missed = wanted.filter((seq) => !seqs.includes(seq));
    expect(missed.length).toBeGreaterThan(0);
    expect(missed.every((seq) => gaps.some(({ from, to }) => from <= seq && seq <= to))).toBe(true);
    expect(seqs).toEqual(wanted.filter((seq) => !missed.includes(seq)));
  });

  it('tells no gap to a reader with a filter who has missed nothing', async () => {
    const [first, ...rest] = lifeOf('hello') as [Append, ...Append[]];
    const after = (await log.append(first)) - 1;
    const found: Entry[] = [];
    const abort = new AbortController();
    let through = 0;
    const reading = (async () => {
      for await (const page of log.read({ after, keys: [first.key], signal: abort.signal })) {
        found.push(...page.entries);
        through = page.through;
      }
    })();
    const last = await log.appendAll(lifeOf('hello'));
    // While nothing comes for it, it learns how far the log has been looked at.
    await until(() => through >= last);
    await stage.purge(last + 1);
    await log.appendAll(rest);
    await until(() => found.length >= 6);
    abort.abort();
    await reading;
    expect(found.every(isEvent)).toBe(true);
  });
});

describe('a reader that stalls', () => {
  beforeAll(start);
  afterAll(stop);

  it('asks the log for no more than two requests of messages, and goes on where it was', async () => {
    const lives = Array.from({ length: 1_000 }, () => lifeOf('hello'));
    for (let at = 0; at < lives.length; at += 150) await log.appendAll(lives.slice(at, at + 150).flat());
    const { connection } = await stage.server.open();
    const manager = await jetstreamManager(connection);
    const pages = log.read({ after: 0, through: 6_000, signal: never })[Symbol.asyncIterator]();
    const seqs: number[] = [];
    const take = async () => {
      const { value, done } = await pages.next();
      if (!done) seqs.push(...value.entries.filter(isEvent).map(({ seq }: RecordedEvent) => seq));
      return !done;
    };
    while (seqs.length === 0) await take();
    await log.appendAll(lifeOf('hello'));
    const [consumer] = await manager.consumers.list('TASKS').next();
    expect(consumer?.delivered.stream_seq).toBeLessThanOrEqual(seqs.length + 1_000);
    while (await take());
    expect(seqs).toEqual(numbers(1, 6_000));
  });
});

describe('a reader whose nats-server dies', () => {
  beforeAll(start);
  afterAll(stop);

  it('goes on when it is back, without a hole and without a double, with and without a filter', async () => {
    const abort = new AbortController();
    const { signal } = abort;
    const seen: RecordedEvent[][] = [[], [], []];
    const options: Partial<ReadOptions>[] = [{}, { types: ['queued'] }, { types: ['completed', 'started'] }];
    const reading = options.map(async (option, index) => {
      for await (const { entries } of log.read({ after: 0, ...option, signal }))
        seen[index]?.push(...(entries as RecordedEvent[]));
    });
    const first = await stage.writer.appendAll(lifeOf('hello'));
    await until(() => seen[0]?.at(-1)?.seq === first, 20_000);
    await stage.server.kill();
    stage.server.restart();
    const last = await until(() => stage.writer.appendAll(lifeOf('hello')).catch(() => undefined));
    await until(() => seen[0]?.at(-1)?.seq === last && seen[2]?.at(-1)?.seq === last, 20_000);
    abort.abort();
    await Promise.all(reading);
    const [everything = [], ofQueued, ofOthers] = seen;
    expect(everything.map(({ seq }) => seq)).toEqual(numbers(1, last));
    expect(ofQueued).toEqual(everything.filter(({ type }) => type === 'queued'));
    expect(ofOthers).toEqual(everything.filter(({ type }) => type === 'completed' || type === 'started'));
  });
});

import { jetstream } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskEventType } from '../../actors/event.ts';
import { hashOf } from '../../src/log/envelope.ts';
import type { JetStreamLog } from '../../src/log/jetstream/jetstream-log.ts';
import { newKey } from '../../src/log/key.ts';
import type { Append } from '../../src/log/log.ts';
import type { Entry, ReadOptions } from '../../src/log/reading.ts';
import type { RecordedEvent } from '../../src/log/recorded-event.ts';
import { seal } from '../../src/log/seal.ts';
import { progress, started } from '../actors/events.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';
import { after, all, isEvent, lifeOf, numbers, openStage, type Stage, some } from './reading-support.ts';

let stage: Stage;
let log: JetStreamLog;
const start = async () => {
  stage = await openStage();
  log = stage.log;
};
const stop = () => stage[Symbol.asyncDispose]();

describe('a reading', () => {
  beforeAll(start);
  afterAll(stop);

  it('of an empty log that has an end ends at once', async () => {
    expect(await log.extent()).toEqual({ first: 1, held: 1, last: 0 });
    expect(await all(log, { through: 0 })).toEqual([]);
  });

  it('tells each event as it was stored', async () => {
    const life = lifeOf('hello');
    const last = await log.appendAll(life);
    const found = (await all(log, { through: last })).filter(isEvent);
    expect(found.map(({ seq }) => seq)).toEqual(numbers(1, 6));
    expect(found.map(({ type, at, account, rest }) => ({ type, at, account, ...JSON.parse(rest) }))).toEqual(
      life.map(({ event }) => event),
    );
    expect(found.every(({ key, name }) => key === life[0]?.key && name === 'hello')).toBe(true);
  });

  it('ends where it was told to, and begins after where it was told to', async () => {
    const last = await log.appendAll(lifeOf('hello'));
    const found = await all(log, { after: last - 4, through: last - 1 });
    expect(found.filter(isEvent).map(({ seq }) => seq)).toEqual([last - 3, last - 2, last - 1]);
    expect(await all(log, { after: last, through: last })).toEqual([]);
  });

  it('of one task, or of some types, tells those only', async () => {
    const lives = [lifeOf('hello'), lifeOf('image.thumb'), lifeOf('hello')];
    const through = await log.appendAll(lives.flat());
    const keys = [lives[0]?.[0]?.key as string, lives[1]?.[0]?.key as string];
    const types: TaskEventType[] = ['retried', 'completed', 'failed'];
    const ofTasks = (await all(log, { keys, through })).filter(isEvent);
    expect(ofTasks.map(({ seq }) => seq)).toEqual(numbers(through - 17, through - 6));
    const ofBoth = (await all(log, { keys, types, through })).filter(isEvent);
    expect(ofBoth.map(({ key, type }) => [key, type])).toEqual(
      keys.flatMap((key) => [
        [key, 'retried'],
        [key, 'completed'],
      ]),
    );
    const ofTypes = (await all(log, { types: ['failed'], through })).filter(isEvent);
    expect(ofTypes).toEqual([]);
  });

  it('that finds nothing of what it was asked for ends all the same', async () => {
    const through = await log.appendAll(lifeOf('hello'));
    expect(await all(log, { keys: [newKey()], through })).toEqual([]);
  });

  it('waits for a sequence that is still to come, also where a filter keeps that very event from it', async () => {
    const life = lifeOf('hello');
    const { last } = await log.extent();
    const options = { after: last, through: last + 6 };
    const waiting = [all(log, options), all(log, { ...options, types: ['queued'] as const })];
    await until(async () => (await stage.consumers()) === 2);
    await log.appendAll(life);
    const [whole, ofQueued] = await Promise.all(waiting);
    expect(whole).toHaveLength(6);
    expect(ofQueued).toMatchObject([{ seq: last + 1 }]);
  });

  it('of a thousand tasks is one reading', async () => {
    const lives = Array.from({ length: 1_000 }, () => lifeOf('hello').slice(0, 1));
    const through = await log.appendAll(lives.flat());
    const keys = lives.map(([first]) => first?.key as string);
    expect((await all(log, { keys, through })).filter(isEvent).map(({ key }) => key)).toEqual(keys);
  });

  it('frees its consumer when it is left, when it ends and when it is aborted while it waits', async () => {
    await until(async () => (await stage.consumers()) === 0);
    const { last } = await log.extent();
    await some(log, {}, (found) => found.length > 3);
    await all(log, { through: last });
    const abort = new AbortController();
    const waiting = all(log, { after: last, signal: abort.signal });
    await until(async () => (await stage.consumers()) === 1);
    abort.abort();
    expect(await waiting).toEqual([]);
    await until(async () => (await stage.consumers()) === 0);
  });

  it('goes on past a record that it cannot read, and says which', async () => {
    const key = newKey();
    const { last } = await log.extent();
    const { connection } = await stage.server.open();
    await jetstream(connection).publish(`task.queued.hello.${key}.0`, '{"v":99}');
    const seq = await log.append(seal({ name: 'hello', key }, started(1), hashOf(Buffer.from('?'))));
    expect(await all(log, { after: last, through: seq })).toMatchObject([
      { unreadable: { seq: seq - 1, reason: expect.stringContaining('has version 99') } },
      { seq, type: 'started' },
    ]);
  });
});

/** A client that is cut off again and again, and takes up where its last whole line ended. */
class CutClient {
  readonly told: Entry[] = [];
  cuts = 0;
  #after: number;
  #abort = new AbortController();
  readonly #random: () => number;
  readonly #longest: number;
  readonly #options: Partial<ReadOptions>;

  constructor(random: () => number, after: number, longest: number, options: Partial<ReadOptions> = {}) {
    this.#random = random;
    this.#after = after;
    this.#longest = longest;
    this.#options = options;
  }

  /** Until it is stopped. */
  async follow(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      this.#abort = new AbortController();
      const { signal } = this.#abort;
      for await (const page of log.read({ ...this.#options, after: this.#after, signal })) {
        const enough = Math.floor(this.#random() * this.#longest);
        this.told.push(...page.entries.slice(0, enough));
        if (enough >= page.entries.length) this.#after = page.through;
        else if (enough > 0) this.#after = (this.told.at(-1) as RecordedEvent).seq;
        if (this.#random() < 0.3) this.#abort.abort();
        if (enough < page.entries.length) break;
      }
      this.cuts++;
    }
  }

  stop(): void {
    this.#abort.abort();
  }

  async finish(through: number): Promise<void> {
    this.told.push(...(await all(log, { ...this.#options, after: this.#after, through })));
  }
}

describe('a reading that is cut and taken up again while the log is written', () => {
  beforeAll(start);
  afterAll(stop);

  it.each([7, 2_026])('tells each event once and in order, hundreds of times (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const { last } = await log.extent();
    const name = `mine_${seed}`;
    const [first, ...rest] = lifeOf(name) as [Append, ...Append[]];
    const clients = [
      new CutClient(random, last, 30),
      new CutClient(random, last, 200, { types: ['started', 'completed'] }),
      new CutClient(random, last, 3, { keys: [first.key] }),
    ];
    let isOver = false;
    const following = clients.map((client) => client.follow(() => isOver));
    await stage.writer.append(first);
    for (let round = 1; clients.some(({ cuts }) => cuts < 60); round++) {
      const others = Array.from({ length: 1 + Math.floor(random() * 30) }, () => lifeOf('hello')).flat();
      // Progress may be told any number of times.
      const own = rest.shift() ?? after(first, progress(2, round));
      await Promise.all([stage.writer.append(own), stage.writer.appendAll(others)]);
    }
    isOver = true;
    for (const client of clients) client.stop();
    await Promise.all(following);
    const { last: through } = await log.extent();
    for (const client of clients) await client.finish(through);
    const [everything = [], ofTypes, ofOne] = clients.map(({ told }) => told);
    const events = everything.filter(isEvent);
    expect(events.map(({ seq }) => seq)).toEqual(numbers(last + 1, through));
    expect(ofTypes).toEqual(events.filter(({ type }) => type === 'started' || type === 'completed'));
    expect(ofOne).toEqual(events.filter(({ key }) => key === first.key));
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { TaskEvent } from '../../actors/event.ts';
import type { Account } from '../../src/accounts/account.ts';
import { deferred } from '../../src/deferred.ts';
import { cancel } from '../../src/front/endpoints/cancel.ts';
import { create, createStream } from '../../src/front/endpoints/create.ts';
import { docs, openapi } from '../../src/front/endpoints/docs.ts';
import { status, statusStream } from '../../src/front/endpoints/status.ts';
import { ClientLeft, type Exchange } from '../../src/front/exchange.ts';
import type { FrontParts } from '../../src/front/front-parts.ts';
import { checkHeld, heldBytes, hold } from '../../src/front/held-answers.ts';
import { type Asker, readStates } from '../../src/front/keys.ts';
import { pastWithDetails, withDetails } from '../../src/front/status-details.ts';
import { StatusFeeds } from '../../src/front/status-feed.ts';
import { StatusView } from '../../src/front/status-view.ts';
import { keepRoomToWait } from '../../src/front/waiting.ts';
import type { StoredEvent } from '../../src/log/envelope.ts';
import { newKey } from '../../src/log/key.ts';
import { LogUnavailable } from '../../src/log/log.ts';
import type { Projection } from '../../src/projection/projection.ts';
import { foldHistory, stateOf, type TaskState } from '../../src/projection/state.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { create as createOn, dial, gauge, hello, rawHead } from './support.ts';

/** Histories that have been asked for and are not there yet. */
let reading = 0;

/** A log in which every key has a task of 2 MB, some of which take longer to be read. */
const log = {
  extent: async () => ({ last: 1 }),
  history: async (key: string) => {
    reading++;
    await delay(key.endsWith('0') ? 20 : 0);
    reading--;
    const task = { task_name: 'hello', name: 'x'.repeat(2_000_000) };
    const event = { type: 'queued', at: '2026-11-24T20:01:59.651812+00:00', account: 'acme', task };
    return [{ key, name: 'hello', seq: 1, event }];
  },
};

const asker = (expectClient: () => void): Asker => ({
  exchange: { expectClient } as Exchange,
  location: 'body',
});
const staying = asker(() => {});
/** A client that leaves after so many steps. */
const leaving = (steps: number): Asker => {
  let asked = 0;
  return asker(() => {
    if (asked++ >= steps) throw new ClientLeft();
  });
};

const QUEUED = { status: 'queued', queued: '2026-11-28T21:39:01.574268+00:00', outputs: [], seq: 1 } as const;

test('An answer that is refused while more of it is read is held no longer', async () => {
  const parts = { log, view: new StatusView('http://wyvern.example') } as unknown as FrontParts;
  const keys = Array.from({ length: 60 }, (_, index) => `key${index}`);
  const answer = pastWithDetails(parts, staying, keys, { kind: 'seq', seq: 1 });
  await expect(answer).rejects.toMatchObject({ status: 400 });
  expect(reading).toBeGreaterThan(0);
  await expect.poll(() => reading).toBe(0);
  expect(heldBytes()).toBe(0);
});

test('For a client that has left nothing more is read, and nothing is held', async () => {
  const read: string[] = [];
  const history = async (key: string) => {
    read.push(key);
    return log.history(key);
  };
  const projection = { peek: () => undefined, read: async () => undefined };
  const view = new StatusView('http://wyvern.example');
  const parts = { log: { ...log, history }, view, projection } as unknown as FrontParts;
  const keys = Array.from({ length: 1_000 }, (_, index) => `key${index}`);
  const [queued] = (await log.history('key')) as unknown as [StoredEvent];
  const canceled = { ...queued.event, type: 'canceled', attempt: 0 } as TaskEvent;
  const ended = foldHistory([queued, { ...queued, event: canceled }]) as TaskState;
  const states = keys.map((key) => ({ ...ended, key }));
  await expect(withDetails(parts, leaving(3), states)).rejects.toThrow(ClientLeft);
  expect(read).toHaveLength(4);
  const past = pastWithDetails(parts, leaving(3), keys, { kind: 'seq', seq: 1 });
  await expect(past).rejects.toThrow(ClientLeft);
  expect(read.length).toBeLessThan(100);
  await expect(readStates(parts, leaving(3), keys)).rejects.toThrow(ClientLeft);
  await expect.poll(() => reading).toBe(0);
  expect(heldBytes()).toBe(0);
});

describe('While 512 MiB of answers are held', () => {
  const letGo: (() => void)[] = [];
  afterEach(() => {
    for (const each of letGo.splice(0)) each();
  });

  test('another large one is a 503, and what is as small as most is answered', () => {
    letGo.push(hold(512 * 1024 * 1024));
    expect(() => checkHeld(2_000_000, 'body')).not.toThrow();
    letGo.push(hold(1));
    expect(() => checkHeld(1_000_000, 'body')).not.toThrow();
    expect(() => checkHeld(2_000_000, 'query')).toThrow(
      expect.objectContaining({
        status: 503,
        problems: [expect.objectContaining({ name: 'tasks', location: 'query' })],
      }),
    );
  });

  test('and while twice as much is, those that are as small as most, too', () => {
    letGo.push(hold(1024 * 1024 * 1024));
    expect(() => checkHeld(1_000_000, 'body')).not.toThrow();
    letGo.push(hold(1));
    expect(() => checkHeld(1_000_000, 'body')).toThrow(expect.objectContaining({ status: 503 }));
    expect(() => checkHeld(60_000, 'body')).not.toThrow();
  });

  test('a feed of many tasks is a 503, but not to who has just created them', async () => {
    letGo.push(hold(2 * 1024 * 1024 * 1024));
    const states = Array.from({ length: 1_000 }, () => stateOf({ ...QUEUED, key: newKey() }));
    const projection = {
      reachedAll: async () => {},
      watch: () => true,
      unwatch: () => {},
      peek: () => undefined,
    } as unknown as Projection;
    const feeds = new StatusFeeds(projection, new StatusView('http://wyvern.example'));
    const written: string[] = [];
    const exchange = {
      head: { method: 'POST', header: () => '' },
      untilUncorked: async () => {},
      onGone: () => {},
      begin: () => {},
      write: (text: string) => written.push(text),
    } as unknown as Exchange;
    await expect(feeds.open(exchange, states, 'body')).rejects.toMatchObject({ status: 503 });
    await feeds.open(exchange, states);
    expect(JSON.parse(written.join(''))).toHaveLength(1_000);
    feeds.close();
  });
});

test.each([
  ['create', create],
  ['create_stream', createStream],
])(
  'Only a request with a name, which may be repeated, is refused for want of room once its tasks are there: %s',
  async (_, endpoint) => {
    const parts = {
      config: { MAX_BODY: 100_000, MAX_TASKS: 1_000 },
      accounts: { authenticate: () => ({ ok: true, account: { name: 'acme' } }) },
      view: new StatusView('http://wyvern.example'),
      projection: { watchers: 0, peek: () => undefined },
      creation: {
        create: async (_account: Account, tasks: readonly unknown[]) => ({
          states: tasks.map(() => stateOf({ ...QUEUED, key: newKey() })),
          isReplay: false,
        }),
      },
      statusFeeds: {
        open: async (_exchange: Exchange, states: readonly TaskState[], location?: 'body') => {
          if (location) checkHeld(states.length * 100, location);
        },
      },
    } as unknown as FrontParts;
    const body = Buffer.from(JSON.stringify({ secret: 'acme-secret', tasks: Array(700).fill(hello()) }));
    const ask = (headers: Readonly<Record<string, string>>): Promise<void> =>
      endpoint(parts, {
        head: { method: 'POST', query: '', header: (name: string) => headers[name] ?? '' },
        onData: (handler: (chunk: Buffer, isLast: boolean) => void) => handler(body, true),
        json: () => {},
      } as unknown as Exchange);
    const letGo = hold(1024 * 1024 * 1024 + 1);
    await ask({});
    await expect(ask({ 'idempotency-key': 'mine' })).rejects.toMatchObject({ status: 503 });
    letGo();
    await ask({ 'idempotency-key': 'mine' });
  },
);

describe('A cancel with details', () => {
  /** A front with one open task, that ends it; `told` is called when it has. */
  const cancelable = (told: () => void) => {
    const key = newKey();
    const state = stateOf({
      ...QUEUED,
      key,
      name: 'hello',
      account: 'acme',
      status: 'executing',
      attempt: 1,
    });
    const ended = stateOf({ ...state, status: 'error', result: 'canceled', seq: 2 });
    let isEnded = false;
    const parts = {
      config: { MAX_BODY: 1_000, MAX_TASKS: 10 },
      accounts: { authenticate: () => ({ ok: true, account: { name: 'acme' } }) },
      view: new StatusView('http://wyvern.example'),
      projection: { peek: () => (isEnded ? ended : state), reachedAll: async () => {} },
      log: {
        history: async () => {
          if (isEnded) throw new LogUnavailable('away');
          return (await log.history(key)).map((event) => ({ ...event, bytes: Buffer.from('{}') }));
        },
        append: async () => {
          isEnded = true;
        },
      },
      cancellations: { tell: told },
    } as unknown as FrontParts;
    const body = Buffer.from(JSON.stringify({ secret: 'acme-secret', tasks: [key], details: true }));
    const json = vi.fn();
    const exchange = (expectClient: () => void): Exchange =>
      ({
        head: { method: 'POST', query: '', header: () => '' },
        onData: (handler: (chunk: Buffer, isLast: boolean) => void) => handler(body, true),
        onGone: () => {},
        expectClient,
        json,
      }) as unknown as Exchange;
    return { key, parts, exchange, json, isEnded: () => isEnded };
  };

  test('has the room for its answer from before it ends anything', async () => {
    const letGo: (() => void)[] = [];
    // By then others have taken what there is.
    const { key, parts, exchange, json, isEnded } = cancelable(() => letGo.push(hold(1024 * 1024 * 1024)));
    const staying = exchange(() => {});
    letGo.push(hold(600 * 1024 * 1024));
    await expect(cancel(parts, staying)).rejects.toMatchObject({ status: 503 });
    expect(isEnded()).toBe(false);
    letGo.pop()?.();
    await cancel(parts, staying);
    for (const each of letGo) each();
    expect(JSON.parse(json.mock.lastCall?.[1])).toMatchObject([
      { key, result: 'canceled', attempts: 1, task: { task_name: 'hello' }, task_metas: {} },
    ]);
    expect(heldBytes()).toBe(0);
  });

  test('ends its tasks also where its client has left before', async () => {
    const told = vi.fn();
    const { parts, exchange, isEnded } = cancelable(told);
    await cancel(
      parts,
      exchange(() => {
        throw new ClientLeft();
      }),
    );
    expect(isEnded()).toBe(true);
    expect(told).toHaveBeenCalled();
    expect(heldBytes()).toBe(0);
  });
});

describe('No more tasks are waited for than there is memory for', () => {
  const refused = expect.objectContaining({ status: 503 });

  test('together with those of calls that do not watch theirs yet', () => {
    const projection = { watchers: 1_998_000 };
    const giveBack = keepRoomToWait(projection, 1_000, 'body');
    keepRoomToWait(projection, 1_000, 'body')();
    expect(() => keepRoomToWait(projection, 1_001, 'body')).toThrow(refused);
    giveBack();
    giveBack();
    const whole = keepRoomToWait(projection, 2_000, 'body');
    expect(() => keepRoomToWait(projection, 1, 'body')).toThrow(refused);
    whole();
  });

  test.each([
    ['a call that blocks', status, 'block=true'],
    ['a feed', statusStream, ''],
  ])('also where several ask in one turn: %s', async (_, endpoint, query) => {
    const key = newKey();
    const task = stateOf({ ...QUEUED, key });
    const reach = deferred<void>();
    let tasks: (typeof task)[] = [];
    const projection = {
      watchers: 1_999_999,
      peek: () => tasks[0],
      read: async () => undefined,
      reachedAll: () => reach.promise,
      watch: () => true,
      unwatch: () => {},
    } as unknown as Projection;
    const statusFeeds = new StatusFeeds(projection, new StatusView('http://wyvern.example'));
    const parts = { projection, statusFeeds, config: { MAX_TASKS: 1_000 } } as unknown as FrontParts;
    const header = () => '';
    const exchange = {
      head: { method: 'GET', query: `tasks=${key}&${query}`, header },
      expectClient: () => {},
      untilUncorked: async () => {},
      onGone: () => {},
      begin: () => {},
      write: () => true,
    } as unknown as Exchange;
    const ask = () => endpoint(parts, exchange);
    await expect(ask()).rejects.toMatchObject({ status: 404 });
    tasks = [task];
    const first = ask();
    await expect(ask()).rejects.toMatchObject({ status: 503 });
    // The first one is among the watchers from here on, of which this projection knows nothing.
    reach.resolve();
    await new Promise(setImmediate);
    void first;
    keepRoomToWait(projection, 1, 'body')();
    statusFeeds.close();
  });
});

test.each(['/v1/status', '/v1/status_stream'])(
  'What a client has not taken of a large answer is held until it has, or has left: %s',
  { timeout: 60_000 },
  async (path) => {
    await using service = await Service.start();
    const tasks = Array.from({ length: 100 }, () => hello('x'.repeat(9_000)));
    const ended = (await createOn(service, tasks, true)).map(({ key }) => key);
    const [open] = await createOn(service, [{ task_name: 'sleep', seconds: 3_600 }]);
    // 8 MB, more than the system takes for a client.
    const keys = [open?.key, ...Array(9).fill(ended).flat()];
    const body = JSON.stringify({ tasks: keys });
    const socket = await dial(service);
    socket.write(rawHead(service, `POST ${path}`, [`Content-Length: ${body.length}`]) + body);
    socket.once('data', () => socket.pause());
    const held = () => gauge(service, 'wyvern_held_answer_bytes');
    await until(async () => (await held()) > 8_000_000);
    socket.resume();
    await until(async () => (await held()) === 0, 30_000);
    socket.destroy();
  },
);

test.each([docs, openapi])('A page that is the same for all is there once: %s', (page) => {
  const sent: unknown[] = [];
  const exchange = { send: (_status: number, body: unknown) => sent.push(body) } as unknown as Exchange;
  const parts = { config: { PUBLIC_URL: 'http://wyvern.example' } } as unknown as FrontParts;
  page(parts, exchange);
  page(parts, exchange);
  expect(sent[0]).toBeInstanceOf(Buffer);
  expect(sent[1]).toBe(sent[0]);
});

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dial, rawHead } from '../front/support.ts';
import { readFeed } from '../support/feed-reader.ts';
import {
  create,
  type History,
  historyOf,
  untilAllEnded,
  untilAllStarted,
  workerOf,
} from '../support/histories.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

const GRACE_MS = 3_000;

const sleep = (seconds: number) => ({ task_name: 'sleep', seconds, steps: 0 });

/** A connection that is kept for several requests, and what it has received. */
async function keepAlive(
  service: Service,
): Promise<{ socket: Socket; ask(head: string): void; text(): string }> {
  const socket = await dial(service);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const ask = (line: string) =>
    void socket.write(rawHead(service, line).replace('Connection: close\r\n', ''));
  return { socket, ask, text: () => text };
}

describe('a front that is told to stop', () => {
  let service: Service;
  beforeAll(async () => {
    service = await Service.start({ GRACE: String(GRACE_MS / 1_000) });
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test('lets what ends in time end, ends the rest cleanly, and sends the connections that it has away', {
    timeout: 60_000,
  }, async () => {
    const [short, long] = (await create(service, [sleep(2), sleep(600)])) as [string, string];
    await untilAllStarted(service, [short, long]);
    const ended = service.fetch(`/v1/status?tasks=${short}&block=true`);
    const cut = service.fetch(`/v1/status?tasks=${long}&block=true`);
    const cutCreate = service.post('/v1/create', { tasks: sleep(600), block: true });
    const feeds = await Promise.all(
      [short, long].map(async (key) => readFeed(await service.fetch(`/v1/status_stream?tasks=${key}`))),
    );
    const history = readFeed(await service.fetch('/v1/history_stream?follow=true'));
    const [page, head] = await Promise.all([keepAlive(service), keepAlive(service)]);
    page.ask('GET /healthz');
    await until(() => page.text().endsWith('{"status":"ok"}'));
    await until(async () =>
      (await service.fetch('/metrics').then((answer) => answer.text())).includes('wyvern_watchers 5'),
    );

    const [front] = service.processes('front');
    process.kill(front?.pid as number, 'SIGTERM');
    const toldAt = performance.now();
    await until(() =>
      dial(service).then(
        (socket) => void socket.destroy(),
        () => true,
      ),
    );
    const before = page.text().length;
    page.ask('GET /healthz');
    head.ask('HEAD /healthz');
    if (!page.socket.closed) await once(page.socket, 'close');
    await until(() => head.text().endsWith('\r\n\r\n'));
    const answer = page.text().slice(before);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/\r\nConnection: close\r\n/i);
    expect(answer.endsWith('\r\n\r\n{"status":"ok"}')).toBe(true);
    expect(head.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*Connection: close\r\n(?:.*\r\n)*\r\n$/i);
    expect(head.text().match(/content-length/gi)).toHaveLength(1);
    expect(performance.now() - toldAt).toBeLessThan(GRACE_MS);

    // It could go on for ever, so it is cut at once.
    expect(await history.closed).toBe('cut');
    expect(await (await ended).json()).toMatchObject([{ key: short, status: 'success' }]);
    // An end would say that the task has ended.
    expect(await Promise.all(feeds.map(({ closed }) => closed))).toEqual(['ended', 'cut']);
    expect(feeds[0]?.lines.at(-1)).toMatchObject({ key: short, status: 'success' });
    expect(feeds[1]?.lines).toMatchObject([[{ key: long, status: 'executing' }]]);
    for (const refused of [await cut, await cutCreate]) {
      expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '1']);
      const description = 'the service is stopping; tasks that were created go on, ask again';
      expect(await refused.json()).toMatchObject({ errors: [{ description }] });
    }
    expect(performance.now() - toldAt).toBeLessThan(GRACE_MS + 3_000);
    await until(() => service.processes('front').every(({ pid }) => pid !== front?.pid));
    expect(service.output()).not.toMatch(/could not stop/);
  });
});

describe('a worker that is told to stop under load', () => {
  // Were what it hands back counted as an attempt, one would be too many.
  let service: Service;
  beforeAll(async () => {
    service = await Service.start({ GRACE: '1', ATTEMPTS: '1', WORKERS: '2', CONCURRENCY: '30' });
  });
  afterAll(() => service[Symbol.asyncDispose]());

  const typesOf = (history: History) => history.map(({ type }) => type).filter((type) => type !== 'progress');

  test('finishes what it can and hands the rest back, which starts elsewhere at once and counts no attempt', {
    timeout: 60_000,
  }, async () => {
    const long = await create(
      service,
      Array.from({ length: 30 }, () => sleep(3)),
    );
    await untilAllStarted(service, long);
    const short: string[] = [];
    let isOver = false;
    const load = (async () => {
      while (!isOver)
        short.push(
          ...(await create(
            service,
            Array.from({ length: 10 }, (_, at) => ({ task_name: 'hello', name: `${at}` })),
          )),
        );
    })();
    await until(() => short.length > 50);
    const [victim] = service.processes('worker');
    const held = (await Promise.all(long.map((key) => historyOf(service, key)))).filter(
      (history) => workerOf(history, 1) === victim?.pid,
    );
    process.kill(victim?.pid as number, 'SIGTERM');
    await until(() => service.processes('worker').every(({ pid }) => pid !== victim?.pid), 20_000);
    isOver = true;
    await load;

    const histories = await untilAllEnded(service, long, 30_000);
    const handedBack = histories.filter((history) => typesOf(history).includes('retried'));
    expect(held.length).toBeGreaterThan(0);
    expect(handedBack.map(([first]) => first?.key).sort()).toEqual(held.map(([first]) => first?.key).sort());
    for (const history of histories)
      expect(typesOf(history)).toEqual(
        handedBack.includes(history)
          ? ['queued', 'started', 'retried', 'started', 'completed']
          : ['queued', 'started', 'completed'],
      );
    for (const history of handedBack) {
      const [, , retried, again] = history.filter(({ type }) => type !== 'progress');
      expect(retried?.data).toMatchObject({ attempt: 1, handed_back: true });
      expect(again?.data).toMatchObject({ attempt: 2 });
      // Sooner than the lease runs out, which would be after 10 s.
      expect(Date.parse(again?.time as string) - Date.parse(retried?.time as string)).toBeLessThan(5_000);
    }
    const ends = await untilAllEnded(service, short, 30_000);
    expect(new Set(ends.map((history) => typesOf(history).join(' ')))).toEqual(
      new Set(['queued started completed']),
    );
    expect(service.output()).not.toMatch(/could not stop/);
  });
});

test('a service that is told to stop under load stops in under 10 s', { timeout: 60_000 }, async () => {
  await using service = await Service.start({ GRACE: '3', WORKERS: '2' });
  await create(
    service,
    Array.from({ length: 150 }, () => sleep(600)),
  );
  const tasks = Array.from({ length: 100 }, (_, at) => ({ task_name: 'hello', name: `${at}` }));
  let answered = 0;
  const load = Array.from({ length: 8 }, async () => {
    for (;;) {
      const answer = await service.post('/v1/create', { tasks, block: true }).catch(() => undefined);
      if (!answer) return;
      answered += Number(answer.status === 200);
      await answer.text();
    }
  });
  await until(() => answered > 10, 30_000);
  const startedAt = performance.now();
  expect(await service.stop()).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  await Promise.all(load);
  expect(service.output()).not.toMatch(/could not stop|died|is gone/);
});

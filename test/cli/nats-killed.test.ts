import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UNKNOWN_KEY } from '../front/support.ts';
import { type FeedReader, readFeed } from '../support/feed-reader.ts';
import {
  attemptsOf,
  create,
  endOf,
  expectOneEndEach,
  untilAllEnded,
  untilHistory,
} from '../support/histories.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

interface Status {
  readonly key: string;
  readonly status: string;
}

/** What clients were told while the log came and went. */
interface Told {
  readonly keys: string[];
  readonly refusals: Response[];
  readonly readiness: number[];
}

/** Creates tasks and asks for readiness, one request after the other, until told to stop. */
function keepAsking(service: Service): { readonly told: Told; stop(): Promise<void> } {
  const told: Told = { keys: [], refusals: [], readiness: [] };
  let isStopped = false;
  const ask = async (): Promise<void> => {
    for (let count = 0; !isStopped; count++) {
      const answer = await service.post('/v1/create', { tasks: { task_name: 'hello', name: `${count}` } });
      if (answer.status === 200) told.keys.push(...((await answer.json()) as Status[]).map(({ key }) => key));
      else told.refusals.push(answer);
    }
  };
  const askReadiness = async (): Promise<void> => {
    while (!isStopped) told.readiness.push((await service.fetch('/readyz')).status);
  };
  const asking = Promise.all([ask(), ask(), askReadiness()]);
  return {
    told,
    stop: async () => {
      isStopped = true;
      await asking;
    },
  };
}

/** A task that sleeps, with a feed and two waiting calls on it. */
async function watchSleep(service: Service, seconds: number) {
  const created = service.post('/v1/create', { tasks: { task_name: 'sleep', seconds }, block: true });
  const [key] = (await create(service, [{ task_name: 'sleep', seconds }])) as [string];
  await untilHistory(service, key, (history) => attemptsOf(history).includes(1));
  const feed: FeedReader = readFeed(await service.fetch(`/v1/status_stream?tasks=${key}`));
  const asked = service.post('/v1/status', { tasks: key, block: true });
  await until(() => feed.lines.length > 0);
  const statuses = async (answer: Response) =>
    ((await answer.json()) as Status[]).map(({ status }) => status);
  const answers = Promise.all([created.then(statuses), asked.then(statuses)]);
  return { key, feed, answers };
}

describe('while nats-server is away', () => {
  let service: Service;
  beforeAll(async () => {
    service = await Service.start();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  test('nothing is acknowledged that is not stored, and what waits goes on when it is back, within 5 s', {
    timeout: 60_000,
  }, async () => {
    const { key, feed, answers } = await watchSleep(service, 4);
    const { told, stop } = keepAsking(service);
    await until(() => told.keys.length > 20);
    const [nats] = service.processes('nats-server');
    process.kill(nats?.pid as number, 'SIGKILL');
    await until(() => told.readiness.includes(503));
    await service.untilReady(5_000);
    const known = told.keys.length;
    await until(() => told.keys.length > known);
    await stop();

    expect(service.processes('nats-server')).not.toEqual([nats]);
    expect(told.refusals.length).toBeGreaterThan(0);
    expect(new Set(told.refusals.map(({ status }) => status))).toEqual(new Set([503]));
    expect(told.refusals.every(({ headers }) => Number(headers.get('Retry-After')) > 0)).toBe(true);
    expect(new Set(told.readiness)).toEqual(new Set([200, 503]));
    expect(await answers).toEqual([['success'], ['success']]);
    expect(await feed.closed).toBe('ended');
    expect(feed.lines.at(-1)).toMatchObject({ key, status: 'success' });
    const histories = await untilAllEnded(service, [key, ...told.keys], 15_000);
    expect(histories.map(endOf)).toEqual(histories.map(() => 'completed'));
    await expectOneEndEach(service, [key, ...told.keys]);
  });

  test('and does not even refuse connections, clients are told so all the same', {
    timeout: 60_000,
  }, async () => {
    const { key, feed, answers } = await watchSleep(service, 2);
    const [nats] = service.processes('nats-server');
    const pid = nats?.pid as number;
    process.kill(pid, 'SIGSTOP');
    // On another core it may still answer for a moment.
    await until(() => /^T/.test(execFileSync('ps', ['-o', 'stat=', '-p', `${pid}`], { encoding: 'utf8' })));
    try {
      const [created, ready] = await Promise.all([
        service.post('/v1/create', { tasks: { task_name: 'hello', name: 'nobody' } }),
        service.fetch('/readyz'),
      ]);
      expect([created.status, ready.status]).toEqual([503, 503]);
      expect(created.headers.get('Retry-After')).toBe('1');
    } finally {
      process.kill(nats?.pid as number, 'SIGCONT');
    }
    await service.untilReady(10_000);
    expect(await answers).toEqual([['success'], ['success']]);
    expect(await feed.closed).toBe('ended');
    const [after] = (await create(service, [{ task_name: 'hello', name: 'after' }])) as [string];
    await untilAllEnded(service, [key, after], 15_000);
    await expectOneEndEach(service, [key, after]);
  });

  test('for a while, every request hears so at once, feeds stay open, and they miss and repeat nothing', {
    timeout: 60_000,
  }, async () => {
    const { key, feed, answers } = await watchSleep(service, 3);
    // Who starts it again must not do so for a while.
    process.kill(service.pid, 'SIGSTOP');
    process.kill(service.processes('nats-server')[0]?.pid as number, 'SIGKILL');
    try {
      await until(async () => (await service.fetch('/readyz')).status === 503);
      const asked = await Promise.all(
        [
          () => service.post('/v1/create', { tasks: { task_name: 'hello', name: 'nobody' }, block: true }),
          () => service.post('/v1/create_stream', { tasks: { task_name: 'hello', name: 'nobody' } }),
          () => service.fetch(`/v1/status?tasks=${UNKNOWN_KEY}&block=true`),
          () => service.fetch(`/v1/history?task=${key}`),
        ].map(async (ask) => {
          const startedAt = performance.now();
          const { status, headers } = await ask();
          return { status, isSoon: performance.now() - startedAt < 3_000, again: headers.get('Retry-After') };
        }),
      );
      expect(asked).toEqual(asked.map(() => ({ status: 503, isSoon: true, again: '1' })));
      expect((await service.fetch(`/v1/status?tasks=${key}`)).status).toBe(200);
      expect(await Promise.race([feed.closed, service.fetch('/readyz')])).toMatchObject({ status: 503 });
    } finally {
      process.kill(service.pid, 'SIGCONT');
    }
    await service.untilReady();
    expect(await answers).toEqual([['success'], ['success']]);
    expect(await feed.closed).toBe('ended');
    // What it told of one task is what the history has, each change once and in order.
    const told = (feed.lines.slice(1) as { status: string; progress?: number }[]).map(
      ({ status, progress }) => ({
        status,
        progress,
      }),
    );
    expect(told).toEqual(
      told.filter(
        ({ status, progress }, at) =>
          !told.slice(0, at).some((other) => other.status === status && other.progress === progress),
      ),
    );
    expect(told.map(({ progress }) => progress ?? -1)).toEqual(
      told.map(({ progress }) => progress ?? -1).sort((a, b) => a - b),
    );
    expect(told.at(-1)).toEqual({ status: 'success', progress: 100 });
  });
});

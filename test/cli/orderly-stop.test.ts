import { describe, expect, test } from 'vitest';
import { readFeed } from '../support/feed-reader.ts';
import { temporaryFolder } from '../support/folder.ts';
import {
  attemptsOf,
  create,
  endOf,
  expectOneEndEach,
  historyOf,
  untilAllEnded,
  untilAllStarted,
} from '../support/histories.ts';
import { descendants, untilGone } from '../support/program.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

describe.concurrent('a service that is told to stop', () => {
  for (const [signal, WORKERS] of [
    ['SIGTERM', '2'],
    ['SIGINT', '1'],
  ] as const)
    test(`by ${signal} stops in order in under 10 s, and the next start goes on where it was`, {
      timeout: 60_000,
    }, async () => {
      await using folder = await temporaryFolder();
      // Were attempts that are handed back counted, the second one would be one too many.
      const env = { GRACE: '1', ATTEMPTS: '1', WORKERS };
      await using first = await Service.start(env, folder.path);
      const keys = await create(first, [
        { task_name: 'sleep', seconds: 0.6 },
        { task_name: 'sleep', seconds: 5 },
        { task_name: 'sleep', seconds: 5 },
        { task_name: 'sleep', seconds: 5 },
      ]);
      const long = keys.slice(1);
      await untilAllStarted(first, long);
      const feed = readFeed(await first.fetch(`/v1/status_stream?tasks=${long[0]}`));
      await until(() => feed.lines.length > 0);
      const processes = descendants(first.pid);

      const startedAt = performance.now();
      const code = await first.stop(signal);
      const tookMs = performance.now() - startedAt;

      expect({ code, output: first.output() }).toMatchObject({ code: 0 });
      expect(tookMs).toBeLessThan(10_000);
      await untilGone(processes, 1_000);
      // To end it would say that all its tasks have ended.
      expect(await feed.closed).toBe('cut');
      // nats-server is the last to go, and nobody had to be forced.
      expect(first.output()).not.toMatch(/lost the connection|could not stop|died|is gone/);

      await using second = await Service.start(env, folder.path);
      const [short, ...handedBack] = await untilAllEnded(second, keys, 15_000);
      expect(short?.map(({ type }) => type).filter((type) => type !== 'progress')).toEqual([
        'queued',
        'started',
        'completed',
      ]);
      for (const history of handedBack) {
        expect(history.map(({ type }) => type).filter((type) => type !== 'progress')).toEqual([
          'queued',
          'started',
          'retried',
          'started',
          'completed',
        ]);
        const retried = history.find(({ type }) => type === 'retried');
        expect(retried?.data).toMatchObject({ attempt: 1, handed_back: true });
        expect(attemptsOf(history)).toEqual([1, 2]);
        expect(endOf(history)).toBe('completed');
      }
      await expectOneEndEach(second, keys);
    });

  test('takes the grace time that it was given, however long', { timeout: 60_000 }, async () => {
    await using service = await Service.start({ GRACE: '10' });
    const [short, long] = (await create(service, [
      { task_name: 'sleep', seconds: 9.5 },
      { task_name: 'sleep', seconds: 60 },
    ])) as [string, string];
    await untilAllStarted(service, [short, long]);
    expect(await service.stop()).toBe(0);
    expect(service.output()).not.toMatch(/could not stop|died|is gone/);
    await using again = await Service.start({ GRACE: '0' }, service.dataDir);
    const types = async (key: string) => new Set((await historyOf(again, key)).map(({ type }) => type));
    expect(await types(short)).toEqual(new Set(['queued', 'started', 'progress', 'completed']));
    expect(await types(long)).toEqual(new Set(['queued', 'started', 'progress', 'retried']));
  });

  test('while it starts ends all the same, and leaves nothing', { timeout: 60_000 }, async () => {
    await using service = await Service.start({ WORKERS: '1' });
    // A worker that was killed a moment ago is being started again when the signal comes.
    const [worker] = service.processes('worker');
    process.kill(worker?.pid as number, 'SIGKILL');
    const starting = await until(() => {
      const [next] = service.processes('worker');
      return next && next.pid !== worker?.pid ? next : undefined;
    });
    const processes = [...descendants(service.pid), starting];
    expect(await service.stop()).toBe(0);
    await untilGone(processes, 1_000);
  });
});

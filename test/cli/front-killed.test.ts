import { expect, test } from 'vitest';
import { readFeed } from '../support/feed-reader.ts';
import { attemptsOf, create, endOf, untilAllEnded, untilHistory } from '../support/histories.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

test('a front that is killed is back within 5 s, with all that it knew', { timeout: 60_000 }, async () => {
  await using service = await Service.start();
  const workers = service.processes('worker');
  const [front] = service.processes('front');
  const [ended] = (await create(service, [{ task_name: 'hello', name: 'before' }])) as [string];
  await untilAllEnded(service, [ended]);
  const [open] = (await create(service, [{ task_name: 'sleep', seconds: 6 }])) as [string];
  await untilHistory(service, open, (history) => attemptsOf(history).includes(1));
  const feed = readFeed(await service.fetch(`/v1/status_stream?tasks=${open}`));
  const block = service.post('/v1/status', { tasks: [open], block: true }).then(
    () => 'answered',
    () => 'cut',
  );
  await until(() => feed.lines.length > 0);
  process.kill(front?.pid as number, 'SIGKILL');

  // Its clients notice at once, and are answered again within 5 s.
  expect(await Promise.all([feed.closed, block])).toEqual(['cut', 'cut']);
  const statuses = await until(async () => {
    const answer = await service.post('/v1/status', { tasks: [ended, open] }).catch(() => undefined);
    return answer?.json() as Promise<{ key: string; status: string; result?: unknown }[]> | undefined;
  }, 5_000);
  expect(statuses).toMatchObject([
    { key: ended, status: 'success', result: 'Hello before' },
    { key: open, status: 'executing' },
  ]);
  expect(service.processes('front').map(({ pid }) => pid)).not.toContain(front?.pid);

  // The worker went on meanwhile; a feed that is opened again ends with its task.
  expect(service.processes('worker')).toEqual(workers);
  const again = readFeed(await service.fetch(`/v1/status_stream?tasks=${open}`));
  await service.untilReady(5_000);
  const [after] = (await create(service, [{ task_name: 'hello', name: 'after' }])) as [string];
  expect(await again.closed).toBe('ended');
  expect(again.lines.at(-1)).toMatchObject({ key: open, status: 'success', result: { slept: 6 } });
  const histories = await untilAllEnded(service, [ended, open, after]);
  expect(histories.map(endOf)).toEqual(['completed', 'completed', 'completed']);
  expect(histories.map(attemptsOf)).toEqual([[1], [1], [1]]);
});

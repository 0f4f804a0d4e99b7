import { afterAll, beforeAll, expect, test } from 'vitest';
import { gauge, type Status } from '../front/support.ts';
import { create } from '../support/histories.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';

let service: Service;
beforeAll(async () => {
  service = await Service.start({ MAX_LOG_EVENTS: '1000' });
});
afterAll(() => service[Symbol.asyncDispose]());

test('a full log refuses creates and says so, lets open tasks end, and takes creates again by itself', {
  timeout: 60_000,
}, async () => {
  const [oldest] = (await create(service, [{ task_name: 'sleep', seconds: 600, steps: 0 }])) as [string];
  const tasks = Array.from({ length: 20 }, (_, index) => ({ task_name: 'hello', name: `${index}` }));
  const createSome = () => service.post('/v1/create', { tasks, block: true });
  const ended: Status[] = [];
  const refused = await until(async () => {
    const answer = await createSome();
    if (answer.status !== 200) return answer;
    ended.push(...((await answer.json()) as Status[]));
    return undefined;
  });
  expect(refused.status).toBe(503);
  expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0);
  expect(await refused.json()).toEqual({
    status: 'error',
    errors: [{ name: 'log', location: 'path', description: 'the log is full, try again later' }],
  });
  expect(ended.length).toBeGreaterThan(200);
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['success']));

  expect(await gauge(service, 'wyvern_log_use_ratio')).toBeGreaterThan(0.85);
  expect(await gauge(service, 'wyvern_log_held_events')).toBeGreaterThan(600);
  expect(await gauge(service, 'wyvern_oldest_open_task_seconds')).toBeGreaterThan(0);
  const told = await until(
    () => /^.*its oldest open task keeps old events from going.*$/m.exec(service.output())?.[0],
  );
  expect(JSON.parse(told)).toMatchObject({ key: oldest, name: 'sleep', status: 'executing' });
  expect((await service.fetch('/readyz')).status).toBe(200);
  expect((await service.fetch(`/v1/status?tasks=${ended[0]?.key}`)).status).toBe(200);

  const canceled = await service.post('/v1/cancel', { tasks: oldest });
  expect(await canceled.json()).toMatchObject([{ key: oldest, status: 'error', result: 'canceled' }]);
  const again = await until(async () => {
    const answer = await createSome();
    return answer.status === 200 ? ((await answer.json()) as Status[]) : undefined;
  });
  expect(again.map(({ status }) => status)).toEqual(tasks.map(() => 'success'));
  expect(await gauge(service, 'wyvern_log_events')).toBeLessThan(950);
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { errorsOf, hello, jsonOf, problem, type Status, sleep } from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await Service.startFor([
    { name: 'first', secret: 'first-secret' },
    { name: 'narrow', secret: 'narrow-secret', limits: { active_tasks: 3 } },
    { name: 'bursty', secret: 'bursty-secret', limits: { active_tasks: 5 } },
    { name: 'slow', secret: 'slow-secret', limits: { tasks_per_minute: 5 } },
    { name: 'closed', secret: 'closed-secret', limits: { active_tasks: 0 } },
  ]);
});
afterAll(() => service[Symbol.asyncDispose]());

const post = (account: string, tasks: unknown, block = false, path = '/v1/create') =>
  service.post(
    path,
    { tasks, task: tasks, block },
    { headers: { Authorization: `Secret ${account}-secret` } },
  );
const refusal = async (account: string, tasks: unknown, path?: string) =>
  errorsOf(await post(account, tasks, false, path), 401);
const full = (current: number, added: number) =>
  problem(
    'active_tasks',
    `account 'narrow' may have 3 active tasks, it has ${current} and this request adds ${added}`,
  );

describe('active_tasks', () => {
  test('refuses a create that would pass it, whole, and names the limit', async () => {
    expect(await refusal('narrow', Array(4).fill(hello()))).toEqual([full(0, 4)]);
    const [status] = await jsonOf<[Status]>(await post('narrow', sleep(3_600)));
    expect(await refusal('narrow', Array(3).fill(hello()))).toEqual([full(1, 3)]);
    const two = await jsonOf<Status[]>(await post('narrow', [hello(), hello()], true));
    expect(two.map(({ result }) => result)).toEqual(['Hello John', 'Hello John']);
    expect(status.result).toBeUndefined();
  });

  test.each(['/v1/create_stream', '/v1/create_file'])('holds on %s too', async (path) => {
    expect(await refusal('closed', hello(), path)).toMatchObject([{ name: 'active_tasks' }]);
  });

  test('counts queued and executing tasks, and frees them after their end', async () => {
    const started = await jsonOf<Status[]>(await post('narrow', [sleep(0.4), sleep(0.4)]));
    expect(await refusal('narrow', hello())).toEqual([full(3, 1)]);
    const keys = started.map(({ key }) => `tasks=${key}`).join('&');
    await service.fetch(`/v1/status?${keys}&block=true`);
    expect(await jsonOf(await post('narrow', [hello(), hello()], true))).toHaveLength(2);
  });

  test('is not used up by tasks that end at once for their parameters', async () => {
    for (const _ of [1, 2, 3, 4, 5])
      expect(await jsonOf(await post('narrow', { task_name: 'hello' }))).toMatchObject([{ status: 'error' }]);
  });

  test('is never passed by creates that come at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => post('bursty', sleep(3_600))));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(5).fill(200), ...Array(35).fill(401)]);
    expect(await refusal('bursty', hello())).toEqual([
      problem('active_tasks', "account 'bursty' may have 5 active tasks, it has 5 and this request adds 1"),
    ]);
  });

  test('does not touch other accounts', async () => {
    expect(await jsonOf(await post('first', Array(50).fill(hello()), true))).toHaveLength(50);
  });
});

describe('tasks_per_minute', () => {
  test('refuses a create that would pass it, whole, and names the limit', async () => {
    expect(await jsonOf(await post('slow', Array(3).fill(hello()), true))).toHaveLength(3);
    expect(await refusal('slow', Array(3).fill(hello()))).toEqual([
      problem(
        'tasks_per_minute',
        "account 'slow' may create 5 tasks a minute, " +
          'it has created 3 in the last 60 seconds and this request adds 3',
      ),
    ]);
    expect(await jsonOf(await post('slow', [hello(), hello()], true))).toHaveLength(2);
    expect(await refusal('slow', hello())).toMatchObject([{ name: 'tasks_per_minute' }]);
  });
});

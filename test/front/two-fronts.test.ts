import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SecondFront } from '../support/second-front.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { errorsOf, gauge, hello, type Status, sleep, statusesOf } from './support.ts';

let service: Service;
let other: SecondFront;
beforeAll(async () => {
  const account = (name: string, limits?: object) => ({ name, secret: `${name}-secret`, limits });
  const accounts = [
    account('free'),
    account('narrow', { active_tasks: 20 }),
    account('slow', { tasks_per_minute: 30 }),
    account('both', { active_tasks: 1_000, tasks_per_minute: 25 }),
    account('single', { active_tasks: 1 }),
    account('wide', { active_tasks: 10_000 }),
  ];
  service = await Service.startFor(accounts, { SYNC: 'always' });
  other = await SecondFront.start(service);
});
afterAll(async () => {
  await other[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

type Front = 0 | 1;
const post = (front: Front, account: string, path: string, body: object, headers = {}) =>
  fetch([service.url, other.url][front] + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { Authorization: `Secret ${account}-secret`, ...headers },
  });
const create = (front: Front, account: string, tasks: unknown, headers = {}) =>
  post(front, account, '/v1/create', { tasks }, headers);

/** How often one front was faster than the other. */
async function lostTurns(): Promise<number> {
  const counts = [service.url, other.url].map((url) => gauge({ url }, 'wyvern_turns_lost_total'));
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** Sends creates of these sizes through both fronts at once; resolves with the keys of what was accepted. */
async function burst(account: string, sizes: readonly number[], task: unknown): Promise<string[]> {
  const answers = await Promise.all(
    sizes.map((size, index) => create((index % 2) as Front, account, Array(size).fill(task))),
  );
  const accepted = answers.filter(({ status }) => status === 200);
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(answers.length - accepted.length);
  const statuses = await Promise.all(accepted.map(statusesOf));
  return statuses.flat().map(({ key }) => key);
}

describe('two fronts that create at once', () => {
  test('fill active_tasks to the last place, and never pass it', async () => {
    const keys = await burst('narrow', Array(60).fill(1), sleep(3_600));
    expect(keys).toHaveLength(20);
    for (const front of [0, 1] as const) {
      const [refusal] = await errorsOf(await create(front, 'narrow', hello()), 401);
      expect(refusal?.description).toBe(
        "account 'narrow' may have 20 active tasks, it has 20 and this request adds 1",
      );
    }
    // What one of them ends makes room for both.
    await statusesOf(await post(0, 'narrow', '/v1/cancel', { tasks: keys }));
    const again = await burst('narrow', [7, 7, 7, 7], sleep(3_600));
    expect(again).toHaveLength(14);
    await statusesOf(await post(1, 'narrow', '/v1/cancel', { tasks: again }));
  });

  test('count the turns that one has lost to the other, and lose no task by it', async () => {
    await until(async () => {
      expect(await burst('wide', Array(20).fill(1), hello())).toHaveLength(20);
      return (await lostTurns()) > 0;
    });
  });

  test('count the same minute', async () => {
    expect(await burst('slow', Array(80).fill(1), hello())).toHaveLength(30);
  });

  test('take requests whole, whatever their sizes', async () => {
    const sizes = Array.from({ length: 40 }, (_, index) => 1 + (index % 5));
    const keys = await burst('both', sizes, hello());
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.length).toBeLessThanOrEqual(25);
  });

  test('do not slow down accounts without limits, nor refuse them', async () => {
    expect(await burst('free', Array(100).fill(2), hello())).toHaveLength(200);
  });

  test('count what was created before one of them started', { timeout: 60_000 }, async () => {
    const [first] = await burst('single', [1, 1, 1], sleep(3_600));
    await using late = await SecondFront.start(service);
    const answer = await fetch(`${late.url}/v1/create`, {
      method: 'POST',
      body: JSON.stringify({ tasks: hello() }),
      headers: { Authorization: 'Secret single-secret' },
    });
    await errorsOf(answer, 401);
    await statusesOf(await post(1, 'single', '/v1/cancel', { tasks: first }));
  });
});

describe('one named request that reaches two fronts at once', () => {
  const named = { 'Idempotency-Key': 'order 4711' };

  test.each([
    ['an account without limits', 'free'],
    ['an account that the request brings to its limit', 'single'],
  ])('is carried out once for %s', async (_, account) => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => create((index % 2) as Front, account, sleep(3_600), named)),
    );
    const isReplay = answers.map(({ headers }) => headers.get('idempotent-replayed') === 'true');
    const statuses = (await Promise.all(answers.map(statusesOf))) as [Status][];
    expect(new Set(statuses.map(([{ key }]) => key)).size).toBe(1);
    expect(isReplay.filter((is) => !is)).toHaveLength(1);
    const [[{ key }]] = statuses as [[Status]];
    await statusesOf(await post(1, account, '/v1/cancel', { tasks: key }));
  });

  test.each([
    ['an account without limits', 'free'],
    ['an account whose creates share turns', 'wide'],
  ])('is carried out once beside many others, for %s', async (_, account) => {
    const names = Array.from({ length: 40 }, (_, index) => `order ${index}`);
    const ask = (front: Front, name: string) =>
      create(front, account, hello(name), { 'Idempotency-Key': name });
    const answers = await Promise.all(names.flatMap((name) => [ask(0, name), ask(1, name)]));
    const keys = (await Promise.all(answers.map(statusesOf))).map(([status]) => status?.key);
    for (const index of names.keys()) expect(keys[2 * index]).toBe(keys[2 * index + 1]);
    expect(new Set(keys).size).toBe(names.length);
    expect(answers.filter(({ headers }) => headers.has('idempotent-replayed'))).toHaveLength(names.length);
  });

  test('is told from another with the same name by either', async () => {
    for (const front of [0, 1] as const) {
      const [status] = await statusesOf(await create(front, 'free', sleep(3_600), named));
      expect(status).toMatchObject({ status: 'error', result: 'canceled' });
      expect(await errorsOf(await create(front, 'free', sleep(3_599), named), 422)).toHaveLength(1);
    }
  });
});

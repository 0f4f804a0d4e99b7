import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HeldOrigin } from '../support/held-origin.ts';
import { SecondFront } from '../support/second-front.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import {
  createOne,
  type DetailedStatus,
  gauge,
  jsonOf,
  type Status,
  sampleUrl,
  sleep,
  thumb,
} from './support.ts';

let service: Service;
let origin: HeldOrigin;
beforeAll(async () => {
  origin = await HeldOrigin.start();
  service = await Service.start({ FETCH_ALLOW: '127.0.0.1' });
});
afterAll(async () => {
  origin.close();
  await service[Symbol.asyncDispose]();
});

type Parameters = Readonly<Record<string, string>>;

/** Asks for a thumb of the sample; a `width` of its own makes a definition that no other test uses. */
function get(parameters: Parameters, headers: Record<string, string> = {}, filename = ''): Promise<Response> {
  const query = new URLSearchParams({ task_name: 'image.thumb', url: sampleUrl(service), ...parameters });
  return service.fetch(`/v1/create_file${filename}?${query}`, { headers });
}

const keyOf = (response: Response): string => {
  expect(response.status).toBe(302);
  return /\/files\/([0-9A-Z]{26})\//.exec(response.headers.get('location') ?? '')?.[1] as string;
};
const maxAge = (response: Response): number =>
  Number(/^private, max-age=(\d+)$/.exec(response.headers.get('cache-control') ?? '')?.[1]);
const queuedTasks = () => gauge(service, 'wyvern_events_total{type="queued"}');

describe('A GET of create_file that asks for what was made before', () => {
  test('is redirected to it, and makes no task', async () => {
    const first = await get({ width: '101' });
    const before = await queuedTasks();
    const second = await get({ width: '101' });
    expect(keyOf(second)).toBe(keyOf(first));
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    expect((await fetch(second.headers.get('location') as string)).status).toBe(200);
    expect(await queuedTasks()).toBe(before);
  });

  test('says how long the answer holds, first and later', async () => {
    const ages = [maxAge(await get({ width: '102' })), maxAge(await get({ width: '102' }))];
    for (const age of ages) {
      expect(age).toBeGreaterThan(3_000);
      expect(age).toBeLessThanOrEqual(3_600);
    }
    expect(ages[1]).toBeLessThanOrEqual(ages[0] as number);
  });

  test('is known again however it is written, and whatever the file is called', async () => {
    const key = keyOf(await get({ width: '103' }));
    const others = [
      await get({ crop: '0', quality: '80', width: '103', format: 'jpeg' }),
      await get({ poster: 'false', width: '103', rotation: '0' }, {}, '/cat.jpg'),
    ];
    expect(others.map(keyOf)).toEqual([key, key]);
  });

  test('gets a task of its own for another source, or anything else that differs', async () => {
    const first = await get({ width: '104' });
    const url = first.headers.get('location') as string;
    const others = [{ width: '1040' }, { width: '104', quality: '79' }, { width: '104', url }];
    const answers = await Promise.all(others.map((parameters) => get(parameters)));
    expect(new Set([first, ...answers].map(keyOf)).size).toBe(4);
  });

  test('is answered by a task that a POST has made', async () => {
    const { key } = await createOne(service, thumb(service, { width: 105, format: 'png' }), true);
    expect(keyOf(await get({ width: '105', format: 'png' }))).toBe(key);
  });

  test.each(['no-cache', 'max-age=0, no-cache', 'No-Cache'])(
    'asks anew with Cache-Control: %s, and the newest answers from then on',
    async (header) => {
      const width = String(110 + header.length);
      const first = keyOf(await get({ width }));
      const second = keyOf(await get({ width }, { 'Cache-Control': header }));
      expect(second).not.toBe(first);
      expect(keyOf(await get({ width }))).toBe(second);
    },
  );

  test('gets a task of its own if it names the request, or sends task_metas', async () => {
    const key = keyOf(await get({ width: '106' }));
    const named = keyOf(await get({ width: '106' }, { 'Idempotency-Key': randomUUID() }));
    const metas = keyOf(await get({ width: '106', task_metas: '{"page":1}' }));
    expect(new Set([key, named, metas]).size).toBe(3);
  });

  test('never shows task_metas that came with another request, whether their task is done or open', async () => {
    const metas = { customer: 'only for whoever sent it' };
    const done = await createOne(service, thumb(service, { width: 108, task_metas: metas }), true);
    const url = origin.url();
    const open = await createOne(service, thumb(service, { url, width: 108, task_metas: metas }));
    await origin.waits(1);
    let joined: Response | undefined;
    void get({ url, width: '108' }).then((response) => {
      joined = response;
    });
    await until(async () => (await gauge(service, 'wyvern_watchers')) === 1);
    // The worker may fetch once for both, or once for each.
    const answered = await until(async () => {
      await origin.answer();
      return joined;
    });
    const keys = [keyOf(await get({ width: '108' })), keyOf(answered)];
    for (const key of keys) expect([done.key, open.key]).not.toContain(key);
    const asked = await service.post('/v1/status', { tasks: keys, details: true });
    const shown = await jsonOf<DetailedStatus[]>(asked);
    expect(shown.map(({ task_metas }) => task_metas)).toEqual([{}, {}]);
  });

  test('makes the file again when it is not in the store any more', async () => {
    const first = keyOf(await get({ width: '107' }));
    await rm(join(service.dataDir, 'files', first.slice(-2), `${first}.1.output.jpg`));
    const again = await get({ width: '107' });
    expect(keyOf(again)).not.toBe(first);
    expect((await fetch(again.headers.get('location') as string)).status).toBe(200);
  });

  test('never gets a failure from before', async () => {
    const url = `${service.url}/files/sample/nothing.jpg`;
    const [first, second] = [await get({ url }), await get({ url })];
    expect(first.headers.get('cache-control')).toBe('no-store');
    const [one, two] = [await jsonOf<Status>(first, 400), await jsonOf<Status>(second, 400)];
    expect(one.key).not.toBe(two.key);
  });
});

describe('GETs of create_file that ask for the same at once', () => {
  test('1,000 of them share one task, which is fetched and run once', async () => {
    const url = origin.url();
    const before = await queuedTasks();
    const asking = Array.from({ length: 1_000 }, () => get({ url, width: '92' }));
    await origin.waits(1);
    await until(async () => (await gauge(service, 'wyvern_watchers')) === 1_000, 20_000);
    expect(origin.waiting).toHaveLength(1);
    await origin.answer();
    const keys = new Set((await Promise.all(asking)).map(keyOf));
    expect(keys.size).toBe(1);
    expect(await queuedTasks()).toBe(before + 1);
  });

  test('share the failure of the one task', async () => {
    const url = origin.url();
    const asking = Array.from({ length: 20 }, () => get({ url }));
    await origin.waits(1);
    await until(async () => (await gauge(service, 'wyvern_watchers')) === 20);
    await origin.answer('no picture');
    const answers = await Promise.all(asking);
    const failures = await Promise.all(answers.map((answer) => jsonOf<Status>(answer, 400)));
    expect(new Set(failures.map(({ key }) => key)).size).toBe(1);
    expect(failures[0]?.result).toBe(`File '${url}' is not a valid image file`);
  });

  test('join a task that a POST has begun; when that is canceled they share another', async () => {
    const url = origin.url();
    const begun = await createOne(service, thumb(service, { url }));
    await origin.waits(1);
    const asking = Array.from({ length: 10 }, () => get({ url, width: '60' }));
    await until(async () => (await gauge(service, 'wyvern_watchers')) === 10);
    expect((await service.post('/v1/cancel', { tasks: begun.key })).status).toBe(200);
    await origin.waits(2);
    await until(async () => (await gauge(service, 'wyvern_watchers')) === 10);
    await origin.answer();
    const keys = new Set((await Promise.all(asking)).map(keyOf));
    expect(keys.size).toBe(1);
    expect(keys.has(begun.key)).toBe(false);
  });

  test('do not lose it when the one that came first hangs up', async () => {
    const url = origin.url();
    const leaver = new AbortController();
    const query = new URLSearchParams({ task_name: 'image.thumb', url, width: '92' });
    const left = service.fetch(`/v1/create_file?${query}`, { signal: leaver.signal }).catch(() => 'left');
    await origin.waits(1);
    const staying = get({ url, width: '92' });
    await until(async () => (await gauge(service, 'wyvern_watchers')) === 2);
    leaver.abort();
    expect(await left).toBe('left');
    await until(async () => (await gauge(service, 'wyvern_watchers')) === 1);
    await origin.answer();
    expect((await staying).status).toBe(302);
  });
});

describe('Accounts', () => {
  test('do not share with each other, and what was made counts against no limit', async () => {
    const accounts = [
      { name: 'one', secret: 'the-first-secret', limits: { active_tasks: 1 } },
      { name: 'two', secret: 'the-second-secret' },
    ];
    await using other = await Service.startFor(accounts, { GRACE: '0' });
    const ask = (secret: string, width = '92') => {
      const query = { task_name: 'image.thumb', url: sampleUrl(other), width, secret };
      return fetch(`${other.url}/v1/create_file?${new URLSearchParams(query)}`, { redirect: 'manual' });
    };
    const [one, two] = [await ask('the-first-secret'), await ask('the-second-secret')];
    expect(keyOf(one)).not.toBe(keyOf(two));
    await other.post('/v1/create', { tasks: sleep(50) });
    expect((await ask('the-first-secret', '93')).status).toBe(401);
    expect(keyOf(await ask('the-first-secret'))).toBe(keyOf(one));
    expect((await ask('a-wrong-secret')).status).toBe(401);
  });
});

test('What one front has had made the other one gives too, and joins what is at it', async () => {
  await using second = await SecondFront.start(service);
  const ask = (url: string, parameters: Parameters) => {
    const query = new URLSearchParams({ task_name: 'image.thumb', ...parameters });
    const headers = { Authorization: `Secret ${service.secret}` };
    return fetch(`${url}/v1/create_file?${query}`, { headers, redirect: 'manual' });
  };
  const done = { url: sampleUrl(service), width: '201' };
  expect(keyOf(await ask(second.url, done))).toBe(keyOf(await ask(service.url, done)));

  const open = { url: origin.url(), width: '201' };
  const first = ask(service.url, open);
  await origin.waits(1);
  await until(async () => (await gauge(second, 'wyvern_open_tasks')) > 0);
  const joining = ask(second.url, open);
  await until(async () => (await gauge(second, 'wyvern_watchers')) === 1);
  await origin.answer();
  expect(keyOf(await joining)).toBe(keyOf(await first));
});

test('With CACHE_SECONDS=0 every GET makes a task of its own', async () => {
  await using other = await Service.start({ CACHE_SECONDS: '0', GRACE: '0' });
  const query = new URLSearchParams({ task_name: 'image.thumb', url: sampleUrl(other), width: '92' });
  const answers = [
    await other.fetch(`/v1/create_file?${query}`),
    await other.fetch(`/v1/create_file?${query}`),
  ];
  expect(new Set(answers.map(keyOf)).size).toBe(2);
  for (const answer of answers) expect(answer.headers.get('cache-control')).toBeNull();
});

import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import {
  create,
  createOne,
  DATE,
  type DetailedStatus,
  errorsOf,
  exchangeRaw,
  hello,
  jsonOf,
  problem,
  rawHead,
  type Status,
  sleep,
  statusesOf,
  UNKNOWN_KEY,
} from './support.ts';

let service: Service;
let ended: Status[];
let sleeping: Status;
beforeAll(async () => {
  service = await Service.start();
  ended = await create(service, [hello('a'), { task_name: 'hello' }, hello('c')], true);
  sleeping = await createOne(service, sleep(3_600, 4));
});
afterAll(() => service[Symbol.asyncDispose]());

const keysOf = (statuses: readonly Status[]): string[] => statuses.map(({ key }) => key);
const get = (keys: readonly string[], rest: Record<string, string> = {}): Promise<Response> => {
  const query = new URLSearchParams(rest);
  for (const key of keys) query.append('tasks', key);
  return fetch(`${service.url}/v1/status?${query}`);
};
const post = (body: unknown): Promise<Response> =>
  fetch(`${service.url}/v1/status`, { method: 'POST', body: JSON.stringify(body) });

describe('A status', () => {
  test('has the keys status, key, events and result after success, in this order', () => {
    expect(Object.keys(ended[0] as Status)).toEqual(['status', 'key', 'events', 'result']);
    expect(Object.keys(ended[0]?.events as object)).toEqual(['queued', 'started', 'completed']);
  });

  test('has status, key, progress and events once the task has reported progress', async () => {
    const executing = await until(async () => {
      const [status] = await statusesOf(await get([sleeping.key]));
      return status?.progress === undefined ? undefined : status;
    });
    expect(executing).toMatchObject({ status: 'executing', progress: 0 });
    expect(Object.keys(executing)).toEqual(['status', 'key', 'progress', 'events']);
    expect(Object.keys(executing.events)).toEqual(['queued', 'started']);
  });

  test('keeps the last progress beside the result', async () => {
    const status = await createOne(service, sleep(0, 2), true);
    expect(Object.keys(status)).toEqual(['status', 'key', 'progress', 'events', 'result']);
    expect(status.progress).toBe(100);
  });

  test('of a task that ended without an attempt has no started date', () => {
    expect(Object.keys(ended[1]?.events as object)).toEqual(['queued', 'completed']);
  });

  test('has dates in ISO 8601, UTC, with microseconds, that never run backwards', async () => {
    const statuses = await create(
      service,
      Array.from({ length: 50 }, () => hello()),
      true,
    );
    for (const { events } of statuses) {
      const { queued, started = '', completed = '' } = events;
      for (const date of [queued, started, completed]) expect(date).toMatch(DATE);
      expect([queued, started, completed]).toEqual([queued, started, completed].sort());
    }
  });

  test('needs no credentials: the key is the capability', async () => {
    expect(await statusesOf(await get(keysOf(ended)))).toEqual(ended);
    const wrong = { headers: { Authorization: 'Secret wrong' } };
    expect((await fetch(`${service.url}/v1/status?tasks=${ended[0]?.key}`, wrong)).status).toBe(200);
  });
});

test('No cache between keeps what a GET is told now, be it that there is no such task', async () => {
  const told = [
    await get(keysOf(ended)),
    await get([UNKNOWN_KEY]),
    await get(['x']),
    await service.fetch(`/v1/history?task=${ended[0]?.key}`),
    await service.fetch(`/v1/file?task=${UNKNOWN_KEY}`),
    await fetch(`${service.url}/readyz`),
  ];
  expect(told.map(({ status }) => status)).toEqual([200, 404, 400, 200, 404, 200]);
  for (const { url, headers } of told) expect(headers.get('cache-control'), url).toBe('no-store');
});

describe.each([
  ['GET', (keys: readonly string[], rest = {}) => get(keys, rest), 'query'],
  ['POST', (keys: readonly string[], rest = {}) => post({ tasks: keys, ...rest }), 'body'],
] as const)('%s /v1/status', (method, ask, location) => {
  test('answers a list in the order asked', async () => {
    const keys = keysOf(ended).reverse();
    expect(keysOf(await statusesOf(await ask(keys)))).toEqual(keys);
  });

  test('answers a key that is asked twice twice', async () => {
    const keys = keysOf(ended);
    const asked = [...keys, ...keys, keys[1] as string];
    expect(keysOf(await statusesOf(await ask(asked)))).toEqual(asked);
  });

  test('answers a list for a single key', async () => {
    expect(await statusesOf(await ask(keysOf(ended).slice(0, 1)))).toEqual([ended[0]]);
  });

  test('waits with block until all tasks have completed', async () => {
    const queued = await create(service, [sleep(0.3), hello(), sleep(0.1)]);
    const keys = [...keysOf(queued), ended[0]?.key as string, queued[0]?.key as string];
    const block = method === 'GET' ? 'true' : true;
    const final = await statusesOf(await ask(keys, { block }));
    expect(keysOf(final)).toEqual(keys);
    expect(final.map(({ status }) => status)).toEqual(Array(5).fill('success'));
  });

  test('answers 404 for unknown keys, one error a key', async () => {
    const other = UNKNOWN_KEY.replace('7', '6');
    const keys = [UNKNOWN_KEY, ended[0]?.key as string, other];
    expect(await errorsOf(await ask(keys), 404)).toEqual([
      problem('tasks[0]', `no task has the key '${UNKNOWN_KEY}'`, location),
      problem('tasks[2]', `no task has the key '${other}'`, location),
    ]);
  });

  test('waits for nothing when one of the keys is unknown', async () => {
    const block = method === 'GET' ? 'true' : true;
    expect(await errorsOf(await ask([sleeping.key, UNKNOWN_KEY], { block }), 404)).toHaveLength(1);
  });

  test.each([
    '*',
    '>',
    '.',
    '*.*',
    'task.done.>',
    '',
    ' ',
    'sample',
    '$JS.API.STREAM.LIST',
    '../../etc/passwd',
    UNKNOWN_KEY.toLowerCase(),
    UNKNOWN_KEY.slice(1),
    `${UNKNOWN_KEY}Z`,
    `8${UNKNOWN_KEY.slice(1)}`,
    `${UNKNOWN_KEY.slice(1)}*`,
    `${UNKNOWN_KEY.slice(1)}I`,
    `${UNKNOWN_KEY}\n`,
    `${UNKNOWN_KEY.slice(1)}\u0000`,
    'x'.repeat(5_000),
  ])('answers 400 for the malformed key %j', async (key) => {
    expect(await errorsOf(await ask([key]))).toEqual([problem('tasks', 'tasks is not a task key', location)]);
  });

  test('reports every malformed key, and those only', async () => {
    const errors = await errorsOf(await ask(['*', UNKNOWN_KEY, '>'], { block: 'soon' }));
    const choices = method === 'GET' ? 'true, false, 1 or 0' : 'true or false';
    expect(errors).toContainEqual(problem('tasks[0]', 'tasks[0] is not a task key', location));
    expect(errors).toContainEqual(problem('tasks[2]', 'tasks[2] is not a task key', location));
    expect(errors).toContainEqual(problem('block', `block must be ${choices}`, location));
    expect(errors).toHaveLength(3);
  });

  test('answers 400 without tasks', async () => {
    const response = method === 'GET' ? await get([]) : await post({});
    expect(await errorsOf(response)).toEqual([problem('tasks', 'tasks is missing', location)]);
  });

  test('takes a thousand keys, and no more', async () => {
    const key = ended[0]?.key as string;
    expect(await statusesOf(await ask(Array(1_000).fill(key)))).toHaveLength(1_000);
    expect(await errorsOf(await ask(Array(1_001).fill(key)))).toEqual([
      problem('tasks', 'tasks has 1001 keys, the limit is 1000', location),
    ]);
  });

  test('adds the definition, the attempts and the metas with details', async () => {
    const task = { ...hello('d'), task_metas: { page: 3 } };
    const [plain] = (await create(service, [task], true)) as [Status];
    const details = method === 'GET' ? 'true' : true;
    const [detailed] = await jsonOf<DetailedStatus[]>(await ask([plain.key], { details }));
    expect(detailed).toEqual({ ...plain, task: hello('d'), attempts: 1, task_metas: { page: 3 } });
  });
});

describe('A boolean in a query', () => {
  test.each(['true', '1'])('%s means true', async (value) => {
    const { key } = await createOne(service, sleep(0.1));
    expect(await statusesOf(await get([key], { block: value }))).toMatchObject([{ status: 'success' }]);
    expect(await jsonOf(await get([key], { details: value }))).toMatchObject([{ attempts: 1 }]);
  });

  test.each(['false', '0'])('%s means false', async (value) => {
    const [status] = await statusesOf(await get([sleeping.key], { block: value, details: value }));
    expect(status?.status).not.toBe('success');
    expect(status).not.toHaveProperty('attempts');
  });

  test.each(['', 'yes', 'TRUE', '2', ' true'])('%j is none', async (value) => {
    expect(await errorsOf(await get([sleeping.key], { block: value }))).toEqual([
      problem('block', 'block must be true, false, 1 or 0', 'query'),
    ]);
  });
});

describe('A task of 250 kB that is asked for with details', () => {
  let large: Status;
  beforeAll(async () => {
    large = await createOne(service, hello('x'.repeat(250_000)), true);
  });

  test.each([
    ['/v1/status', {}],
    ['/v1/cancel', {}],
    ['/v1/status', { at: 10 ** 9 }],
  ])(
    'a thousand times is refused before it costs the front much, and nothing is done: %s %o',
    async (path, rest) => {
      const open = await createOne(service, sleep(3_600));
      const tasks = [open.key, ...Array<string>(999).fill(large.key)];
      expect(await errorsOf(await service.post(path, { tasks, details: true, ...rest }))).toEqual([
        problem('tasks', 'the answer would be larger than 64 MiB, ask for fewer tasks at a time'),
      ]);
      const [status] = await statusesOf(await get([open.key]));
      expect(status).not.toHaveProperty('events.completed');
      const [front] = service.processes('front');
      if (process.platform === 'linux') expect(await peakMiB(front?.pid as number)).toBeLessThan(500);
    },
  );

  test.each(['/v1/status', '/v1/cancel'])(
    'is answered as often as it was asked for, in its place: %s',
    async (path) => {
      const tasks = [large.key, ...keysOf(ended), large.key, large.key];
      const statuses = await jsonOf<DetailedStatus[]>(await service.post(path, { tasks, details: true }));
      expect(keysOf(statuses)).toEqual(tasks);
      const lengths = statuses.map(({ task: { name = '' } }) => String(name).length);
      expect(lengths).toEqual([250_000, 1, 0, 1, 250_000, 250_000]);
    },
  );
});

describe('Large answers that nobody takes', () => {
  test('are so many, and no more; small ones are given all the same', { timeout: 60_000 }, async () => {
    const { key } = await createOne(service, hello('y'.repeat(250_000)), true);
    const asked = (times: number) => ({ tasks: Array<string>(times).fill(key), details: true });
    const text = JSON.stringify(asked(240));
    const sockets: Socket[] = [];
    try {
      // One of them may be refused itself, while an answer that has been taken is not let go of yet.
      await until(async () => {
        const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
        sockets.push(socket.on('error', () => {}).pause());
        socket.write(`POST /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
        const response = await post(asked(240));
        await response.body?.cancel();
        return response.status === 503;
      }, 30_000);
      expect(await errorsOf(await post(asked(240)), 503)).toEqual([
        problem('tasks', expect.stringMatching(/^other large answers have not been taken yet/)),
      ]);
      expect((await post(asked(1))).status).toBe(200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    await until(async () => (await post(asked(100))).status === 200);
  });
});

/** The most memory that a process has had at once, in MiB. */
const peakMiB = async (pid: number): Promise<number> =>
  Number(/VmHWM:\s*(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

describe('POST /v1/status', () => {
  test('takes a single key for a list of one', async () => {
    expect(await statusesOf(await post({ tasks: ended[0]?.key }))).toEqual([ended[0]]);
  });

  test.each([
    [[], 'tasks is empty'],
    [{}, 'tasks must be a key or a list of keys'],
    [7, 'tasks must be a key or a list of keys'],
  ])('refuses tasks that are %j', async (tasks, description) => {
    expect(await errorsOf(await post({ tasks }))).toEqual([problem('tasks', description)]);
  });

  test('takes nothing but text for a key', async () => {
    const errors = await errorsOf(await post({ tasks: [7, null, {}, [UNKNOWN_KEY]] }));
    expect(errors.map(({ name }) => name)).toEqual(['tasks[0]', 'tasks[1]', 'tasks[2]', 'tasks[3]']);
  });
});

test.each(['%ff', '%c0%af', 'a%ed%a0%80'])('A query that is not UTF-8 is a 400: %s', async (text) => {
  expect(await errorsOf(await service.fetch(`/v1/create_file?task_name=hello&name=${text}`))).toEqual([
    problem('query', 'query is not valid UTF-8', 'query'),
  ]);
});

test('A query of bytes that are not UTF-8 is a 400', async () => {
  const head = rawHead(service, 'GET /v1/create_file?task_name=hello&name=gr\xf6');
  const { status, body } = await exchangeRaw(service, Buffer.from(head, 'latin1'));
  expect([status, body]).toEqual([400, expect.stringContaining('query is not valid UTF-8')]);
});

test('A query that is not validly percent-encoded is a 400', async () => {
  expect(await errorsOf(await fetch(`${service.url}/v1/status?tasks=%zz`))).toEqual([
    problem('query', 'query is not validly percent-encoded', 'query'),
  ]);
});

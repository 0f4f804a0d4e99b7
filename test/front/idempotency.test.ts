import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestSubject } from '../../src/log/subject.ts';
import { connectToLogOf, readRawLog } from '../support/raw-log.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { errorsOf, feedOf, gauge, hello, problem, sleep, statusesOf, thumb } from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await Service.startFor([
    { name: 'acme', secret: 'acme-secret' },
    { name: 'globex', secret: 'globex-secret' },
    { name: 'single', secret: 'single-secret', limits: { active_tasks: 1 } },
    { name: 'narrow', secret: 'narrow-secret', limits: { active_tasks: 1_000 } },
  ]);
});
afterAll(() => service[Symbol.asyncDispose]());

let count = 0;
/** A name that no request has had. */
const newName = (): string => `request ${count++}`;
const post = (name: string, body: object, path = '/v1/create', account = 'acme') =>
  service.post(path, body, {
    headers: { 'Idempotency-Key': name, Authorization: `Secret ${account}-secret` },
  });
const create = (name: string, tasks: unknown, account?: string) =>
  post(name, { tasks }, '/v1/create', account);
const isReplay = ({ headers }: Response): boolean => headers.get('idempotent-replayed') === 'true';
const keysOf = async (answer: Response): Promise<string[]> =>
  (await statusesOf(answer)).map(({ key }) => key);
const about = (description: string) => problem('Idempotency-Key', description, 'header');
const OTHER_BODY = [about('this Idempotency-Key was used with another body')];

describe('A create with an Idempotency-Key', () => {
  test('is carried out once: asked again, it answers with its tasks as they are now', async () => {
    const name = newName();
    const before = await gauge(service, 'wyvern_requests_replayed_total');
    const first = await create(name, [hello('John'), hello('Jane'), { task_name: 'hello' }]);
    expect(isReplay(first)).toBe(false);
    const keys = await keysOf(first);
    const again = await post(name, {
      tasks: [hello('John'), hello('Jane'), { task_name: 'hello' }],
      block: true,
    });
    expect(isReplay(again)).toBe(true);
    expect(again.headers.get('access-control-expose-headers')).toBe('Idempotent-Replayed');
    const statuses = await statusesOf(again);
    expect(statuses.map(({ key }) => key)).toEqual(keys);
    expect(statuses.map(({ status }) => status)).toEqual(['success', 'success', 'error']);
    expect(await gauge(service, 'wyvern_requests_replayed_total')).toBe(before + 1);
  });

  test('is the same however its JSON is written, whoever waits for it, and on every call that creates', async () => {
    const name = newName();
    const task = thumb(service);
    const [key] = await keysOf(await create(name, task));
    const { task_name, url, width } = task as { task_name: string; url: string; width: number };
    const written = `{ "block": true, "tasks": [ {"width": ${width}.0, "url": "${url}", "task_name": "${task_name}"} ] }`;
    const inBody = { secret: 'acme-secret', tasks: task };
    const headers = { 'Idempotency-Key': name };
    const answers = [
      await service.fetch('/v1/create', { method: 'POST', body: written, headers }),
      await fetch(`${service.url}/v1/create`, { method: 'POST', body: JSON.stringify(inBody), headers }),
    ];
    for (const answer of answers) {
      expect(isReplay(answer)).toBe(true);
      expect(await keysOf(answer)).toEqual([key]);
    }
    const stream = await post(name, { tasks: task }, '/v1/create_stream');
    expect(isReplay(stream)).toBe(true);
    expect((await feedOf(stream)).first).toMatchObject([{ key, status: 'success' }]);
    const query = new URLSearchParams({ task_name, url, width: String(width) });
    for (const file of [
      await post(name, { task }, '/v1/create_file/any.jpg'),
      await service.fetch(`/v1/create_file?${query}`, { headers }),
    ]) {
      expect([file.status, isReplay(file)]).toEqual([302, true]);
      expect(file.headers.get('location')).toBe(`${service.url}/files/${key}/output.jpg`);
    }
  });

  test('begins with create_stream or create_file too', async () => {
    const streamed = newName();
    const { first } = await feedOf(await post(streamed, { tasks: hello() }, '/v1/create_stream'));
    expect(await keysOf(await create(streamed, hello()))).toEqual([first[0]?.key]);
    const filed = newName();
    const file = await post(filed, { task: thumb(service) }, '/v1/create_file');
    const again = await keysOf(await create(filed, thumb(service)));
    expect(file.headers.get('location')).toContain(again[0]);
  });

  test.each([
    ['another task', [hello('Jane')]],
    ['more tasks', [hello('John'), hello('John')]],
    ['another order', [hello('Jane'), hello('John')]],
    ['metas', [{ ...hello('John'), task_metas: { page: 1 } }]],
  ])('refuses %s under its name, with 422', async (_, other) => {
    const name = newName();
    const tasks = other.length === 2 ? [hello('John'), hello('Jane')] : [hello('John')];
    const keys = await keysOf(await create(name, tasks));
    expect(await errorsOf(await create(name, other), 422)).toEqual(OTHER_BODY);
    expect(await keysOf(await create(name, tasks))).toEqual(keys);
  });

  test('belongs to its account', async () => {
    const name = newName();
    const ours = await keysOf(await create(name, hello()));
    const theirs = await create(name, hello('somebody else'), 'globex');
    expect(isReplay(theirs)).toBe(false);
    expect(await keysOf(theirs)).not.toEqual(ours);
  });

  test('leaves its name free when it is refused', async () => {
    const name = newName();
    const bad = await create(name, { task_name: 'nothing' });
    expect(bad.status).toBe(400);
    const all = await keysOf(await create(newName(), Array(1_000).fill(sleep(3_600)), 'narrow'));
    await errorsOf(await create(name, hello(), 'narrow'), 401);
    await errorsOf(await create(name, hello('Jane'), 'narrow'), 401);
    await service.post('/v1/cancel', { tasks: all }, { headers: { Authorization: 'Secret narrow-secret' } });
    const good = await create(name, hello('Jane'), 'narrow');
    expect([good.status, isReplay(good)]).toEqual([200, false]);
    expect(isReplay(await create(name, hello('Jane'), 'narrow'))).toBe(true);
  });

  test('is answered again also when its tasks have used up the limit', async () => {
    const name = newName();
    const last = await create(name, sleep(3_600), 'single');
    expect(await errorsOf(await create(newName(), hello(), 'single'), 401)).toHaveLength(1);
    const again = await create(name, sleep(3_600), 'single');
    expect(isReplay(again)).toBe(true);
    expect(await keysOf(again)).toEqual(await keysOf(last));
  });

  test.each([
    ['too long a name', 'x'.repeat(256), 'Idempotency-Key has 256 characters, the limit is 255'],
    ['what is not ASCII', 'Größe', 'Idempotency-Key must be printable ASCII'],
  ])('refuses %s, beside all else that is wrong', async (_, name, description) => {
    expect(await errorsOf(await create(name, hello()))).toEqual([about(description)]);
    expect(await errorsOf(await create(name, []))).toEqual([
      problem('tasks', 'tasks is empty'),
      about(description),
    ]);
    expect(await errorsOf(await post(name, { task: hello() }, '/v1/create_file'))).toEqual([
      about(description),
    ]);
  });

  test.each(['x'.repeat(255), '*', 'a.b.>', '"quoted"', '01M87DAQTR6TTWAF125V4KQ1RR'])(
    'takes the name %s',
    async (name) => {
      const first = await keysOf(await create(name, hello()));
      expect(await keysOf(await create(name, hello()))).toEqual(first);
    },
  );

  test('without a name is another one each time', async () => {
    const one = await keysOf(await create('', hello()));
    expect(await keysOf(await create('', hello()))).not.toEqual(one);
  });

  test('of a thousand tasks is carried out once, when many ask at the same time', async () => {
    const name = newName();
    const tasks = Array.from({ length: 1_000 }, (_, index) => hello(String(index)));
    const answers = await Promise.all(Array.from({ length: 8 }, () => create(name, tasks)));
    const lists = await Promise.all(answers.map(keysOf));
    expect(new Set(lists.map((keys) => keys.join())).size).toBe(1);
    expect(lists[0]).toHaveLength(1_000);
    expect(answers.filter((answer) => !isReplay(answer))).toHaveLength(1);
  });
});

describe('A named request outlives', { timeout: 60_000 }, () => {
  const until200 = (name: string, tasks: unknown): Promise<Response> =>
    until(async () => {
      const answer = await create(name, tasks).catch(() => undefined);
      return answer?.ok ? answer : undefined;
    }, 30_000);

  test('crashes of the front and of nats-server: repeated until it is answered, it is carried out once', async () => {
    const names = Array.from({ length: 40 }, newName);
    const ask = (name: string) => until200(name, [hello(name), hello(name)]);
    const asking = Promise.all(names.map(async (name) => keysOf(await ask(name))));
    for (const kind of ['front', 'nats-server', 'front'] as const) {
      const [victim] = await until(() => {
        const found = service.processes(kind);
        return found.length > 0 ? found : undefined;
      });
      process.kill(victim?.pid as number, 'SIGKILL');
    }
    const first = await asking;
    const again = await Promise.all(names.map(async (name) => keysOf(await ask(name))));
    expect(again).toEqual(first);
    const connection = await connectToLogOf(service.dataDir);
    try {
      const queued = (await readRawLog(connection)).filter(({ subject }) =>
        subject.startsWith('task.queued.'),
      );
      for (const [index, name] of names.entries()) {
        const own = queued.filter(({ data }) => data.includes(`"name":"${name}"`));
        expect(own.map(({ subject }) => subject.split('.')[3])).toEqual(first[index]);
      }
    } finally {
      await connection.close();
    }
  });

  test('its tasks: when the log has let go of them it says so, and creates nothing', async () => {
    const name = newName();
    const [gone] = (await keysOf(await post(name, { tasks: hello(), block: true }))) as [string];
    const connection = await connectToLogOf(service.dataDir);
    try {
      const manager = await jetstreamManager(connection);
      // It fills itself from the log, and takes some seconds to go on after a nats-server that was killed.
      const last_by_subj = requestSubject('acme', name);
      await until(async () => (await manager.streams.getMessage('REQUESTS', { last_by_subj })) ?? undefined);
      await manager.streams.purge('TASKS');
    } finally {
      await connection.close();
    }
    // A front that does not have them in its memory any more.
    const [front] = service.processes('front');
    process.kill(front?.pid as number, 'SIGKILL');
    await until(async () => (await fetch(`${service.url}/healthz`).catch(() => undefined))?.ok);
    const description = `the request was carried out, but its task '${gone}' has left the log`;
    expect(await errorsOf(await create(name, hello()), 404)).toEqual([about(description)]);
    expect(await errorsOf(await create(name, hello('Jane')), 422)).toEqual(OTHER_BODY);
    expect((await create(newName(), hello())).status).toBe(200);
  });
});

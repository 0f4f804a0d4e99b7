import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import {
  allOf,
  create,
  createOne,
  dial,
  errorsOf,
  feedOf,
  gauge,
  hello,
  next,
  partsOf,
  problem,
  rawHead,
  type Status,
  sleep,
  statusesOf,
  UNKNOWN_KEY,
} from './support.ts';

let service: Service;
let idle: { line: string; lines: AsyncGenerator<string> };
let idleEvents: AsyncGenerator<string>;
const SSE = { headers: { Accept: 'text/event-stream' } };

beforeAll(async () => {
  service = await Service.start();
  // Two feeds that fall silent now are looked at again by the tests at the end, when the rest has run.
  const lines = partsOf(await service.post('/v1/create_stream', { tasks: sleep(3_600) }));
  await next(lines);
  idle = { line: await next(lines), lines };
  idleEvents = partsOf(await service.post('/v1/create_stream', { tasks: sleep(3_600) }, SSE), '\n\n');
  await next(idleEvents);
  await next(idleEvents);
});
afterAll(() => service[Symbol.asyncDispose]());

/** The chunks of a body that have come with the line end that completes them. */
function wholeChunks(body: string): string[] {
  const chunks: string[] = [];
  for (let rest = body; ; ) {
    const [line = '', ...more] = rest.split('\r\n');
    const after = more.join('\r\n');
    const size = Number.parseInt(line, 16);
    if (more.length === 0 || after.length < size + 2) return chunks;
    chunks.push(after.slice(0, size));
    rest = after.slice(size + 2);
  }
}

const createStream = (tasks: unknown, init = {}) => service.post('/v1/create_stream', { tasks }, init);
const statusStream = (keys: readonly string[], path = '/v1/status_stream', init = {}) =>
  fetch(`${service.url}${path}?${keys.map((key) => `tasks=${key}`).join('&')}`, init);
const shown = (statuses: readonly Status[], key: string) =>
  statuses.filter((status) => status.key === key).map(({ status }) => status);

describe('POST /v1/create_stream', () => {
  test('streams what the specification shows for two tasks', async () => {
    const { first, then } = await feedOf(await createStream([hello('John'), hello('Jane')]));
    expect(first.map(({ status }) => status)).toEqual(['queued', 'queued']);
    for (const [index, result] of ['Hello John', 'Hello Jane'].entries()) {
      const { key, events } = first[index] as Status;
      expect(shown(then, key)).toEqual(['executing', 'success']);
      expect(then.findLast((status) => status.key === key)).toMatchObject({ result, events });
    }
    expect(then).toHaveLength(4);
  });

  test('has each line at once for clients that wait until a chunk is complete', async () => {
    const body = JSON.stringify({ tasks: sleep(3_600) });
    const agent = 'User-Agent: python-requests/2.32.3';
    const head = rawHead(service, 'POST /v1/create_stream', [agent, `Content-Length: ${body.length}`]);
    const socket = await dial(service);
    socket.write(head + body);
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes;
    });
    const lines = await until(() => {
      const told = wholeChunks(received.slice(received.indexOf('\r\n\r\n') + 4)).join('');
      return told.split('\n').length > 2 ? told.split('\n').slice(0, -1) : undefined;
    });
    socket.destroy();
    expect(lines.flatMap((line) => JSON.parse(line)).map(({ status }: Status) => status)).toEqual([
      'queued',
      'executing',
    ]);
  });

  test('takes a single definition too', async () => {
    const { first, then } = await feedOf(await createStream(hello()));
    expect(first).toHaveLength(1);
    expect(then.map(({ status }) => status)).toEqual(['executing', 'success']);
  });

  test('answers application/x-ndjson, and no proxy may keep it back', async () => {
    const response = await createStream(hello());
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    await allOf(partsOf(response));
  });

  test('shows the tasks of the first line in the order of tasks, always as they were queued', async () => {
    const tasks = Array.from({ length: 100 }, (_, index) => ({ ...hello(), task_metas: { index } }));
    const { first } = await feedOf(await createStream(tasks));
    for (const status of first) expect(Object.keys(status)).toEqual(['status', 'key', 'events']);
    expect(new Set(first.map(({ status }) => status))).toEqual(new Set(['queued']));
    const keys = first.map(({ key }) => `tasks=${key}`).join('&');
    const details = await (await service.fetch(`/v1/status?details=1&${keys}`)).json();
    expect(
      (details as { task_metas: { index: number } }[]).map(({ task_metas }) => task_metas.index),
    ).toEqual(tasks.map((_, index) => index));
  });

  test('shows executing and the end of each of five hundred tasks', async () => {
    const { first, then } = await feedOf(
      await createStream(Array.from({ length: 500 }, (_, index) => (index % 2 ? hello() : sleep(0.01, 3)))),
    );
    const told = new Map<string, string[]>();
    for (const { key, status } of then) told.set(key, [...(told.get(key) ?? []), status]);
    for (const { key } of first) {
      expect(told.get(key)?.[0]).toBe('executing');
      expect(told.get(key)?.filter((status) => status === 'success')).toHaveLength(1);
      expect(told.get(key)?.at(-1)).toBe('success');
    }
    expect(told.size).toBe(500);
  });

  test('shows progress as it happens, never backwards', async () => {
    const { then } = await feedOf(await createStream(sleep(1.2, 3)));
    const progress = then.flatMap((status) =>
      status.progress === undefined ? [] : [Number(status.progress)],
    );
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(100);
    expect(new Set(progress).size).toBeGreaterThan(2);
  });

  test('shows the end of a task that could not be attempted', async () => {
    const { first, then } = await feedOf(await createStream([{ task_name: 'hello' }, hello()]));
    expect(first.map(({ status }) => status)).toEqual(['queued', 'queued']);
    expect(shown(then, first[0]?.key as string)).toEqual(['error']);
    expect(shown(then, first[1]?.key as string)).toEqual(['executing', 'success']);
  });

  test('refuses as create does, with one JSON answer', async () => {
    const response = await createStream([hello(), { task_name: 7 }], SSE);
    expect(await errorsOf(response)).toEqual([
      problem('tasks[1].task_name', 'tasks[1].task_name must be a string'),
    ]);
  });
});

describe('A feed is Server-Sent Events when text/event-stream is accepted', () => {
  test('with one data line an event, and the same statuses', async () => {
    const response = await createStream([hello(), hello()], {
      headers: { Accept: 'Text/Event-Stream, */*;q=0.1' },
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const events = await allOf(partsOf(response, '\n\n'));
    for (const event of events) expect(event).toMatch(/^data: [^\r\n]+$/);
    const [first, ...then] = events.map((event) => JSON.parse(event.slice('data: '.length)));
    expect(first).toHaveLength(2);
    expect(then.map(({ status }: Status) => status).sort()).toEqual([
      'executing',
      'executing',
      'success',
      'success',
    ]);
  });

  test.each([
    'text/event-stream;q=0',
    'text/event-stream; q=0.000, */*',
    'text/event-stream;charset=utf-8;q=0',
  ])('but not by %s', async (accept) => {
    const response = await createStream([hello()], { headers: { Accept: accept } });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    await response.text();
  });

  test('from status_stream too', async () => {
    const { key } = await createOne(service, hello(), true);
    const response = await statusStream([key], '/v1/status_stream', SSE);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const [event, ...more] = await allOf(partsOf(response, '\n\n'));
    const [id, data] = event?.split('\n') ?? [];
    // What a browser that asks again says it has had.
    expect(id).toBe('id: end');
    expect(JSON.parse(data?.slice('data: '.length) ?? '')).toMatchObject([{ key, status: 'success' }]);
    expect(more).toEqual([]);
  });

  test('and whoever has had all of it, and asks again as browsers do, is told to stop', async () => {
    const { key } = await createOne(service, hello(), true);
    const again = (headers: Record<string, string>) =>
      statusStream([key], '/v1/status_stream', { headers: { 'Last-Event-ID': 'end', ...headers } });
    const over = await again(SSE.headers);
    expect([over.status, await over.text()]).toEqual([204, '']);
    expect((await again({})).status).toBe(200);
    const other = await again({ ...SSE.headers, 'Last-Event-ID': 'none' });
    expect(await other.text()).toContain('data: ');
    // Nobody has that id of a POST.
    const headers = { ...SSE.headers, 'Last-Event-ID': 'end' };
    const posted = await service.post('/v1/status_stream', { tasks: key }, { headers });
    expect(await posted.text()).toMatch(/^data: /);
  });
});

describe.each(['/v1/status_stream', '/v1/stream'])('GET and POST %s', (path) => {
  test('show ended tasks in the first line only, and close after the last end', async () => {
    const [old] = await create(service, [hello()], true);
    const [slow] = await create(service, [sleep(0.3)]);
    const keys = [old, slow, old].map((status) => status?.key as string);
    for (const response of [await statusStream(keys, path), await service.post(path, { tasks: keys })]) {
      const { first, then } = await feedOf(response);
      expect(first.map(({ key }) => key)).toEqual(keys);
      expect(first[0]).toEqual(old);
      expect(shown(then, old?.key as string)).toEqual([]);
      const [all] = await statusesOf(await fetch(`${service.url}/v1/status?tasks=${slow?.key}`));
      expect([first[1], ...then].at(-1)).toEqual(all);
    }
  });

  test('close after the first line when all tasks have ended', async () => {
    const ended = await create(service, [hello(), { task_name: 'hello' }], true);
    const { first, then } = await feedOf(
      await statusStream(
        ended.map(({ key }) => key),
        path,
      ),
    );
    expect(first).toEqual(ended);
    expect(then).toEqual([]);
  });

  test('answer 404 for unknown and 400 for malformed keys', async () => {
    expect(await errorsOf(await statusStream([UNKNOWN_KEY], path), 404)).toHaveLength(1);
    expect(await errorsOf(await statusStream(['*'], path))).toHaveLength(1);
    expect(await errorsOf(await service.post(path, {}))).toEqual([problem('tasks', 'tasks is missing')]);
  });
});

test('Many feeds on one task all show its end', async () => {
  const { key } = await createOne(service, sleep(0.5));
  const feeds = await Promise.all(Array.from({ length: 50 }, async () => feedOf(await statusStream([key]))));
  for (const { first, then } of feeds) expect([...first, ...then].at(-1)?.status).toBe('success');
});

test('A feed whose client has left holds nothing', async () => {
  const feeds = await gauge(service, 'wyvern_open_feeds');
  const lines = partsOf(await createStream(Array.from({ length: 20 }, () => sleep(3_600))));
  await next(lines);
  expect(await gauge(service, 'wyvern_open_feeds')).toBe(feeds + 1);
  await lines.return(undefined);
  await until(async () => (await gauge(service, 'wyvern_open_feeds')) === feeds);
});

describe('An idle feed is kept alive', () => {
  test('with the last status of an open task, again', async () => {
    expect(JSON.parse(idle.line)).toMatchObject({ status: 'executing' });
    expect(await next(idle.lines)).toBe(idle.line);
    await idle.lines.return(undefined);
  });

  test('with a comment in Server-Sent Events', async () => {
    expect(await next(idleEvents)).toMatch(/^:/);
    await idleEvents.return(undefined);
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseFile } from '../../src/front/endpoints/file.ts';
import { foldHistory } from '../../src/projection/state.ts';
import { Service } from '../support/service.ts';
import {
  CHOICES,
  createOne,
  type DetailedStatus,
  errorsOf,
  gauge,
  hello,
  jsonOf,
  problem,
  type Status,
  sampleUrl,
  sleep,
  thumb,
  UNKNOWN_KEY,
} from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await Service.start();
});
afterAll(() => service[Symbol.asyncDispose]());

const post = (task: unknown, filename = '') =>
  service.post(`/v1/create_file${filename}`, task === undefined ? {} : { task });
const get = (parameters: Readonly<Record<string, string>>, filename = '') =>
  service.fetch(`/v1/create_file${filename}?${new URLSearchParams(parameters)}`);
const file = (key: string, filename = '') =>
  fetch(`${service.url}/v1/file${filename}?task=${key}`, { redirect: 'manual' });

test('A query that is full of names that are repeated is answered, with all that is wrong with it', async () => {
  const names = Array.from({ length: 2_500 }, (_, index) => `task_${index}`);
  const query = [...names, ...names].map((name) => `${name}=`).join('&');
  const errors = await errorsOf(await service.fetch(`/v1/create_file?task_name=hello&name=John&${query}`));
  const repeated = names
    .slice(0, 2_000)
    .map((name) => problem(name, `${name} is given more than once`, 'query'));
  expect(errors.slice(0, 2_000)).toEqual(repeated);
});

test('A parameter that is repeated as often as a query holds is one that does not fit', async () => {
  const query = 'name=&'.repeat(10_000);
  const failed = await jsonOf<Status>(await service.fetch(`/v1/create_file?task_name=hello&${query}`), 400);
  expect(failed).toMatchObject({ status: 'error', result: { parameters: { name: ['must be a string'] } } });
});

describe('JSON in a query', () => {
  test.each(['task_metas', 'sizes'])('as %s may be 32 levels deep, like a body', async (name) => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
    const sent = { task_name: 'image.sizes', url: sampleUrl(service) };
    for (const levels of [33, 1_500])
      expect(await errorsOf(await get({ ...sent, [name]: deep(levels) }))).toEqual([
        problem(name, `${name} is nested more than 32 levels deep`, 'query'),
      ]);
  });

  test('is no text that is nothing but a text', async () => {
    const name = '['.repeat(40);
    const [error] = await errorsOf(await get({ task_name: 'hello', name, task_metas: '[]' }));
    expect(error?.description).toBe('task_metas must be an object');
  });

  test('may have no half of a character', async () => {
    const sent = { task_name: 'hello', name: 'x', task_metas: '{"a":"\\ud800"}' };
    expect(await errorsOf(await get(sent))).toEqual([
      problem(
        'task_metas',
        'task_metas has half of a character (a surrogate without the other one)',
        'query',
      ),
    ]);
  });
});

describe('All that is wrong is told at once', () => {
  const key = { 'Idempotency-Key': 'k'.repeat(256) };
  const tooLong = problem(
    'Idempotency-Key',
    'Idempotency-Key has 256 characters, the limit is 255',
    'header',
  );
  const unreadable = problem('filename', 'filename is not validly percent-encoded', 'path');

  test('with POST', async () => {
    const response = await service.post('/v1/create_file/%zz', {}, { headers: key });
    expect(await errorsOf(response)).toEqual([unreadable, problem('task', 'task is missing'), tooLong]);
  });

  test('with GET', async () => {
    const query = 'task_name=hello&task_name=sleep&task_foo=1';
    const response = await service.fetch(`/v1/create_file/%zz?${query}`, { headers: key });
    expect((await errorsOf(response)).map(({ name }) => name)).toEqual([
      'filename',
      'task_name',
      'task_foo',
      'Idempotency-Key',
    ]);
  });

  test('of a file that exists', async () => {
    expect(await errorsOf(await service.fetch('/v1/file/%zz?task=a&task=b'))).toEqual([
      unreadable,
      problem('task', 'task is given more than once', 'query'),
      problem('task', 'task is not a task key', 'query'),
    ]);
  });
});

/** Follows a redirect to an output; answers its key. */
async function expectRedirect(response: Response, type = 'image/jpeg'): Promise<string> {
  expect(response.status, await response.clone().text()).toBe(302);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  const location = response.headers.get('location') as string;
  const match = /^(.*)\/files\/([0-9A-Z]{26})\/output\.[a-z]+$/.exec(location);
  expect(match?.[1]).toBe(service.url);
  const output = await fetch(location);
  expect(output.status).toBe(200);
  expect(output.headers.get('content-type')).toBe(type);
  for (const { headers } of [response, output])
    expect(headers.get('cross-origin-resource-policy'), 'isolated pages may show it').toBe('cross-origin');
  expect((await output.arrayBuffer()).byteLength).toBeGreaterThan(100);
  return match?.[2] as string;
}

const detailsOf = async (key: string): Promise<DetailedStatus> =>
  (await jsonOf<[DetailedStatus]>(await service.fetch(`/v1/status?details=true&tasks=${key}`)))[0];

describe('POST /v1/create_file', () => {
  test('waits for the task and redirects to its output', async () => {
    const key = await expectRedirect(await post(thumb(service)));
    expect(await detailsOf(key)).toMatchObject({ status: 'success', result: { width: 60 } });
  });

  test.each([
    '/',
    '/cat.jpg',
    '/output',
    '/output.jpg',
    '/a/b/c',
    '/%2e%2e%2fpasswd',
    '/%0d%0aX-Evil:%201',
    '/☃',
  ])('serves any filename for a task with one output: %s', async (filename) => {
    const response = await post(thumb(service), filename);
    expect(response.headers.get('x-evil')).toBeNull();
    await expectRedirect(response);
  });

  test('answers 404 for a task that makes no file, with a hint', async () => {
    expect(await jsonOf(await post(hello(), '/cat.jpg'), 404)).toEqual({
      status: 'error',
      message: "the task 'hello' made no file",
    });
  });

  test('answers 400 with the status of a task that failed', async () => {
    const url = `${service.url}/files/sample/cat.jpg`;
    const status = await jsonOf<Status>(await post({ ...thumb(service), url }, '/cat.jpg'), 400);
    expect(Object.keys(status)).toEqual(['status', 'key', 'events', 'result']);
    expect(status).toMatchObject({ status: 'error', result: `File '${url}' answered 404` });
    expect(status.events.completed).toBeDefined();
    expect(await detailsOf(status.key)).toMatchObject(status);
  });

  test('answers 400 with the status of a task whose parameters do not fit', async () => {
    const status = await jsonOf<Status>(await post({ task_name: 'image.thumb' }), 400);
    expect(status).toMatchObject({
      status: 'error',
      result: { parameters: { url: ['this field is required'] } },
    });
  });

  test.each([
    [undefined, 'task', 'task is missing'],
    [null, 'task', 'task is missing'],
    [[hello()], 'task', 'task must be a task definition, an object'],
    ['hello', 'task', 'task must be a task definition, an object'],
    [{}, 'task.task_name', 'task.task_name is missing'],
    [{ task_name: 'nothing' }, 'task.task_name', `'nothing' is not a known task, choose one of: ${CHOICES}`],
  ])('refuses the task %j', async (task, name, description) => {
    expect(await errorsOf(await post(task))).toEqual([problem(name, description)]);
  });

  test('refuses a filename that is not validly percent-encoded before it queues anything', async () => {
    const queued = () => gauge(service, 'wyvern_events_total{type="queued"}');
    const before = await queued();
    expect(await errorsOf(await post(hello(), '/%zz'))).toEqual([
      problem('filename', 'filename is not validly percent-encoded', 'path'),
    ]);
    await createOne(service, hello(), true);
    expect(await queued()).toBe(before + 1);
  });
});

describe('GET /v1/create_file', () => {
  test('keeps task_metas, which arrive as JSON', async () => {
    const { secret } = service;
    const task = { task_name: 'image.thumb', url: sampleUrl(service), width: '20', secret };
    const key = await expectRedirect(await get({ ...task, task_metas: '{"page":7}' }));
    const [status] = await jsonOf<DetailedStatus[]>(
      await service.fetch(`/v1/status?tasks=${key}&details=true`),
    );
    expect(status?.task_metas).toEqual({ page: 7 });
    expect((await get({ ...task, task_metas: 'page 7' })).status).toBe(400);
  });

  test('creates a thumbnail directly in an image tag', async () => {
    const parameters = { task_name: 'image.thumb', url: sampleUrl(service), secret: service.secret };
    const query = new URLSearchParams({ ...parameters, width: '92' });
    const response = await fetch(`${service.url}/v1/create_file/cat.jpg?${query}`, { redirect: 'manual' });
    const key = await expectRedirect(response);
    expect((await detailsOf(key)).task).toEqual({
      task_name: 'image.thumb',
      url: sampleUrl(service),
      width: 92,
    });
  });

  test.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ])('converts numbers, and the boolean %s, by the schema', async (crop, converted) => {
    const parameters = { url: sampleUrl(service), width: '64', height: '64', crop, format: 'png' };
    const key = await expectRedirect(await get({ task_name: 'image.thumb', ...parameters }), 'image/png');
    const { task, result } = await detailsOf(key);
    expect(task).toMatchObject({ width: 64, height: 64, crop: converted, format: 'png' });
    expect(result).toMatchObject({ width: 64, height: converted ? 64 : 48, original_width: 1024 });
  });

  test.each([
    ['width', 'wide'],
    ['width', ''],
    ['width', '1e9'],
    ['crop', 'yes'],
    ['quality', '0'],
    ['widht', '92'],
  ])('ends the task in error for %s=%s', async (name, value) => {
    const parameters = { task_name: 'image.thumb', url: sampleUrl(service), [name]: value };
    const status = await jsonOf<Status>(await get(parameters), 400);
    expect(status.status).toBe('error');
    expect(Object.keys((status.result as { parameters: object }).parameters)).toEqual([name]);
  });

  test('names an unknown parameter as such', async () => {
    const status = await jsonOf<Status>(await get({ task_name: 'hello', name: 'John', nmae: 'Jane' }), 400);
    expect(status.result).toEqual({ parameters: { nmae: ['unknown parameter'] } });
  });

  test('keeps text that looks like a number where the schema wants text', async () => {
    expect(await jsonOf(await get({ task_name: 'hello', name: '0042' }), 404)).toMatchObject({
      message: "the task 'hello' made no file",
    });
    const { result } = await createOne(service, hello('0042'), true);
    expect(result).toBe('Hello 0042');
  });

  test('refuses a missing and an unknown task_name', async () => {
    expect(await errorsOf(await get({ url: sampleUrl(service) }))).toEqual([
      problem('task_name', 'task_name is missing', 'query'),
    ]);
    expect(await errorsOf(await get({ task_name: 'nothing' }))).toEqual([
      problem('task_name', `'nothing' is not a known task, choose one of: ${CHOICES}`, 'query'),
    ]);
  });

  test.each(['', '/cat.jpg', '?', '/cat.jpg?'])('refuses a request without a query: %s', async (rest) => {
    expect(await errorsOf(await service.fetch(`/v1/create_file${rest}`))).toEqual([
      problem('task_name', 'task_name is missing', 'query'),
    ]);
  });

  test('asks for credentials where there is neither a query nor a header', async () => {
    expect((await fetch(`${service.url}/v1/create_file`)).status).toBe(401);
  });

  test('answers 404 for a task that makes no file', async () => {
    expect(await jsonOf(await get({ task_name: 'hello', name: 'John' }, '/x.txt'), 404)).toEqual({
      status: 'error',
      message: "the task 'hello' made no file",
    });
  });
});

describe('GET /v1/file', () => {
  test('redirects to the output of a task that has ended, under any name or none', async () => {
    const { key } = await createOne(service, thumb(service), true);
    for (const filename of ['', '/', '/cat.jpg', '/output.jpg'])
      expect(await expectRedirect(await file(key, filename))).toBe(key);
  });

  test('waits for an existing task to complete', async () => {
    const { key } = await createOne(service, sleep(0.3));
    expect(await jsonOf(await file(key), 404)).toEqual({
      status: 'error',
      message: "the task 'sleep' made no file",
    });
  });

  test('answers 400 with the status of a task that failed', async () => {
    const failed = await createOne(service, { task_name: 'image.thumb' }, true);
    expect(await jsonOf(await file(failed.key), 400)).toEqual(failed);
  });

  test('answers 404 for an unknown and 400 for a malformed or missing key', async () => {
    expect(await errorsOf(await file(UNKNOWN_KEY), 404)).toEqual([
      problem('task', `no task has the key '${UNKNOWN_KEY}'`, 'query'),
    ]);
    for (const key of ['*', '%3E', 'a.b', UNKNOWN_KEY.toLowerCase()])
      expect(await errorsOf(await file(key))).toEqual([problem('task', 'task is not a task key', 'query')]);
    expect(await errorsOf(await fetch(`${service.url}/v1/file/x`))).toEqual([
      problem('task', 'task is missing', 'query'),
    ]);
  });
});

// How it goes in the service stands in partial-results.test.ts; here is every form of a name.
describe('The filename of a task with several outputs', () => {
  const state = foldHistory(
    [
      { type: 'queued' as const, task: { task_name: 'sizes' } },
      {
        type: 'completed' as const,
        attempt: 1,
        result: {},
        outputs: ['small', 'large'].map((name) => ({
          name,
          attempt: 1,
          file: `${name}.png`,
          content_type: 'image/png',
          bytes: 1,
          sha256: '0'.repeat(64),
        })),
        spent: { fetching: 0, running: 0, storing: 0 },
      },
    ].map((event, index) => ({
      id: '',
      bytes: 0,
      seq: index + 1,
      key: UNKNOWN_KEY,
      name: 'sizes',
      event: { ...event, at: '2013-04-03T15:47:27.707526+00:00', account: 'a' },
    })),
  );
  const choose = (filename: string) => chooseFile(state as NonNullable<typeof state>, filename);

  test.each(['small', 'small.png', 'small.jpg'])('may be exact or have an extension: %s', (filename) => {
    expect(choose(filename)).toMatchObject({ file: 'small.png' });
  });

  test('is one of theirs, or the answer is a hint as the specification words it', () => {
    expect(choose('medium')).toEqual({
      message: "'medium' is not a valid filename, choose one of: 'small', 'large'",
    });
    expect(choose('constructor')).toHaveProperty('message');
    expect(choose('small.jpg/large.jpg')).toHaveProperty('message');
  });

  test('must not be missing', () => {
    expect(choose('')).toEqual({ message: "a filename is missing, choose one of: 'small', 'large'" });
  });
});

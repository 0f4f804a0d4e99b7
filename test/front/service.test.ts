import { Compile } from 'typebox/schema';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OpenApiDocument, type Schema, schemaRef } from '../../src/front/openapi/parts.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { violations } from './openapi-support.ts';
import { parsePrometheus } from './prometheus.ts';
import {
  create,
  createOne,
  errorsOf,
  exchangeRaw,
  hello,
  jsonOf,
  next,
  partsOf,
  problem,
  rawHead,
  type Status,
  sleep,
  statusesOf,
  TASKS,
  thumb,
  UNKNOWN_KEY,
} from './support.ts';

let service: Service;
let thumbnail: Status;
beforeAll(async () => {
  service = await Service.start();
  thumbnail = await createOne(service, thumb(service), true);
});
afterAll(() => service[Symbol.asyncDispose]());

interface Described {
  readonly name: string;
  readonly description: string;
  readonly parameters: { readonly type: string; readonly properties: object; readonly required: string[] };
  readonly result: object;
  readonly files: readonly string[];
}

describe('GET /v1/tasks', () => {
  test('answers the catalogue: name, description, JSON Schemas of parameters and result, file names', async () => {
    const catalogue = await jsonOf<Described[]>(await fetch(`${service.url}/v1/tasks`));
    expect(catalogue.map(({ name }) => name)).toEqual(TASKS);
    for (const task of catalogue) {
      expect(Object.keys(task)).toEqual(['name', 'description', 'parameters', 'result', 'files']);
      expect(task.description).toMatch(/\.$/);
      expect(task.parameters).toMatchObject({ type: 'object', additionalProperties: false });
    }
    const [greeting, , , thumbnails] = catalogue;
    expect(greeting?.parameters).toMatchObject({
      properties: { name: { type: 'string' } },
      required: ['name'],
    });
    expect(greeting?.result).toMatchObject({ type: 'string' });
    expect(greeting?.files).toEqual([]);
    expect(thumbnails?.files).toEqual(['output']);
    expect(Object.keys(thumbnails?.parameters.properties ?? {}).sort()).toEqual(
      ['url', 'width', 'height', 'crop', 'rotation', 'poster', 'format', 'quality'].sort(),
    );
  });

  test('asks for nothing that may be left out, and neither does /openapi.json', async () => {
    const catalogue = await jsonOf<Described[]>(await fetch(`${service.url}/v1/tasks`));
    const document = await jsonOf<OpenApiDocument>(await fetch(`${service.url}/openapi.json`));
    const sent = { url: 'http://a.example/x', sizes: { a: { width: 5 } } };
    const { parameters } = catalogue.find(({ name }) => name === 'image.sizes') as Described;
    const check = Compile({ ...parameters });
    expect(check.Errors(sent)).toEqual([true, []]);
    expect(check.Check({ ...sent, sizes: { a: { width: '5' } } })).toBe(false);
    const definition = { task_name: 'image.sizes', ...sent };
    expect(violations(document, document.components.schemas['image.sizes'] as Schema, definition)).toEqual(
      [],
    );
    expect(violations(document, schemaRef('TaskDefinition'), definition)).toEqual([]);
  });
});

describe('The service tells how it is', () => {
  test('/healthz answers as long as the process does', async () => {
    expect(await jsonOf(await fetch(`${service.url}/healthz`))).toEqual({ status: 'ok' });
  });

  test.each(['/healthz', '/readyz', '/metrics', '/v1/tasks', '/openapi.json', '/docs'])(
    '%s answers HEAD as GET, without the body',
    async (path) => {
      const got = await fetch(service.url + path);
      const { status, body, head } = await exchangeRaw(service, rawHead(service, `HEAD ${path}`));
      expect({ status, body }).toEqual({ status: 200, body: '' });
      expect(head).toContain(`Content-Type: ${got.headers.get('content-type')}\r\n`);
    },
  );

  test('/readyz answers 200 when the log answers and a worker is known', async () => {
    expect(await jsonOf(await fetch(`${service.url}/readyz`))).toEqual({ status: 'ok' });
  });

  test('/metrics is valid Prometheus text', async () => {
    await create(service, [hello(), { task_name: 'hello' }], true);
    const response = await fetch(`${service.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const samples = parsePrometheus(await response.text());
    expect(samples.get('wyvern_workers')).toBe(1);
    expect(samples.get('wyvern_log_connected')).toBe(1);
    expect(samples.get('wyvern_log_unreadable_events')).toBe(0);
    expect(samples.get('wyvern_tasks_ended_total{task_name="hello",outcome="success"}')).toBeGreaterThan(0);
    expect(samples.get('wyvern_tasks_ended_total{task_name="hello",outcome="error"}')).toBeGreaterThan(0);
  });

  test('/metrics names counters as Prometheus does, and nothing else so', async () => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    // Those with a prefix of their own are named by prom-client.
    const types = [...text.matchAll(/^# TYPE (wyvern_(?!front_)\w+) (\w+)$/gm)];
    const counters = types.filter(([, , type]) => type === 'counter').map(([, name]) => name);
    expect(counters).toContain('wyvern_refused_connections_total');
    expect(types.map(([, name = '']) => name).filter((name) => name.endsWith('_total'))).toEqual(counters);
  });

  test('/metrics counts routes, not the paths that strangers make up', async () => {
    for (const path of ['/made/up', '/v1/file/made-up', `/files/${UNKNOWN_KEY}/made-up`])
      await fetch(service.url + path);
    const text = await (await fetch(`${service.url}/metrics`)).text();
    expect(text).not.toContain('made-up');
    expect(text).toMatch(/wyvern_http_requests_total\{route="none",status="404"\} \d/);
  });
});

describe('A 404 answers', () => {
  test.each([
    '/',
    '/v1',
    '/v1/',
    '/v1/create/',
    '/v1/createx',
    '/v2/create',
    '/V1/create',
    '//v1/create',
    '/v1/%63reate',
  ])('the path %s, where there is nothing', async (path) => {
    for (const method of ['GET', 'POST', 'OPTIONS'])
      expect(await errorsOf(await fetch(service.url + path, { method }), 404)).toEqual([
        problem('path', `there is nothing at '${path}'`, 'path'),
      ]);
  });
});

describe('A 405 answers a method that a path does not take, with Allow', () => {
  test.each([
    ['GET', '/v1/create', 'POST, OPTIONS'],
    ['PUT', '/v1/create', 'POST, OPTIONS'],
    ['GET', '/v1/create_stream', 'POST, OPTIONS'],
    ['DELETE', '/v1/create_file/x.jpg', 'GET, POST, OPTIONS'],
    ['DELETE', '/v1/status', 'GET, POST, OPTIONS'],
    ['PATCH', '/v1/stream', 'GET, POST, OPTIONS'],
    ['POST', '/v1/file/x.jpg', 'GET, OPTIONS'],
    ['POST', '/v1/history', 'GET, OPTIONS'],
    ['POST', '/v1/tasks', 'GET, HEAD, OPTIONS'],
    ['PUT', `/files/${UNKNOWN_KEY}/output.jpg`, 'GET, HEAD, OPTIONS'],
    ['POST', '/healthz', 'GET, HEAD, OPTIONS'],
    ['POST', '/metrics', 'GET, HEAD, OPTIONS'],
  ])('%s %s', async (method, path, allow) => {
    const response = await fetch(service.url + path, { method });
    expect(response.headers.get('allow')).toBe(allow);
    const [error] = await errorsOf(response, 405);
    expect(error?.description).toContain(`${method} is not allowed here`);
  });

  test('and to HEAD without a body, so that the connection stays in step', async () => {
    const head = rawHead(service, 'HEAD /v1/create').replace('Connection: close\r\n', '');
    const { body: second, head: first } = await exchangeRaw(service, head, rawHead(service, 'GET /healthz'));
    expect(first).toMatch(/^HTTP\/1\.1 405 /);
    expect(second).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('Browsers of any origin', () => {
  test.each([
    ['/v1/create', 'POST'],
    ['/v1/create_file/cat.jpg', 'GET'],
    ['/v1/status', 'POST'],
    ['/files/x/y.jpg', 'GET'],
  ])('get their preflight for %s answered', async (path, method) => {
    const headers = {
      Origin: 'https://example.com',
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': 'authorization, content-type, idempotency-key',
    };
    const response = await fetch(service.url + path, { method: 'OPTIONS', headers });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('access-control-allow-methods')).toContain(method);
    expect(response.headers.get('access-control-allow-headers')).toBe(
      'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Cache-Control, If-Modified-Since, If-None-Match, If-Range, Range',
    );
    expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThan(0);
    expect(await response.text()).toBe('');
  });

  test('may read every kind of answer, and get no cookies', async () => {
    const { output } = thumbnail.result as { output: string };
    const outputPath = new URL(output).pathname;
    const answers: [number, Promise<Response>][] = [
      [200, service.post('/v1/create', { tasks: hello() })],
      [400, service.post('/v1/create', {})],
      [400, service.post('/v1/create_file', { task: { task_name: 'hello' } })],
      [401, fetch(`${service.url}/v1/create`, { method: 'POST', body: '{}' })],
      [404, service.fetch(`/v1/status?tasks=${UNKNOWN_KEY}`)],
      [404, service.fetch('/nowhere')],
      [405, service.fetch('/v1/create')],
      [302, service.fetch(`/v1/file?task=${thumbnail.key}`)],
      [200, service.fetch(outputPath)],
      [206, service.fetch(outputPath, { headers: { Range: 'bytes=0-1' } })],
      [304, service.fetch(outputPath, { headers: { 'If-None-Match': '*' } })],
      [416, service.fetch(outputPath, { headers: { Range: 'bytes=99999999-' } })],
      [200, service.fetch('/v1/tasks')],
      [200, service.fetch('/metrics')],
      [200, service.fetch('/readyz')],
      [200, service.post('/v1/create_stream', { tasks: hello() })],
      [200, service.fetch(`/v1/stream?tasks=${thumbnail.key}`, { headers: { Accept: 'text/event-stream' } })],
    ];
    for (const [status, answer] of answers) {
      const response = await answer;
      await response.arrayBuffer();
      expect(response.status).toBe(status);
      expect(response.headers.get('access-control-allow-origin'), response.url).toBe('*');
      expect(response.headers.has('set-cookie')).toBe(false);
    }
  });
});

describe('Without any worker', () => {
  let idle: Service;
  beforeAll(async () => {
    idle = await Service.start({ WORKERS: '0' });
  });
  afterAll(() => idle[Symbol.asyncDispose]());

  test('/readyz answers 503 and says what is missing, while /healthz is well', async () => {
    const response = await idle.fetch('/readyz');
    expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(response.headers.get('access-control-expose-headers'), 'pages may read it').toBe('Retry-After');
    expect(await errorsOf(response, 503)).toEqual([problem('service', 'no worker is known', 'path')]);
    expect((await idle.fetch('/healthz')).status).toBe(200);
  });

  test('/readyz says nothing else when a named request is the last thing in the log', async () => {
    const headers = { 'Idempotency-Key': 'the last thing' };
    await jsonOf(await idle.post('/v1/create', { tasks: sleep(0) }, { headers }));
    const response = await idle.fetch('/readyz');
    expect(await errorsOf(response, 503)).toEqual([problem('service', 'no worker is known', 'path')]);
  });

  test('tasks are taken and wait, and their feeds show them as queued', async () => {
    const [status] = (await create(idle, [sleep(0)])) as [Status];
    expect(Object.keys(status)).toEqual(['status', 'key', 'events']);
    expect(Object.keys(status.events)).toEqual(['queued']);
    expect(await statusesOf(await idle.fetch(`/v1/status?tasks=${status.key}`))).toEqual([status]);
    const lines = partsOf(await idle.fetch(`/v1/status_stream?tasks=${status.key}`));
    expect(JSON.parse(await next(lines))).toEqual([status]);
    await lines.return(undefined);
    await until(async () => /^wyvern_open_feeds 0$/m.test(await (await idle.fetch('/metrics')).text()));
  });
});

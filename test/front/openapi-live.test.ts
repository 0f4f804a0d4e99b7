import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Method, OpenApiDocument } from '../../src/front/openapi/parts.ts';
import { Service } from '../support/service.ts';
import { answerOf, callsOf, published, violations } from './openapi-support.ts';
import { create, createOne, hello, sampleUrl, sleep, thumb, UNKNOWN_KEY } from './support.ts';

let service: Service;
let document: OpenApiDocument;
let key: string;
let failed: string;
beforeAll(async () => {
  service = await Service.start();
  document = (await (await fetch(`${service.url}/openapi.json`)).json()) as OpenApiDocument;
  key = (await createOne(service, thumb(service), true)).key;
  failed = (await createOne(service, thumb(service, { url: `${service.url}/files/sample/no.jpg` }), true))
    .key;
});
afterAll(() => service?.[Symbol.asyncDispose]());

/** What of an answer the document does not say: its code, its type, its headers, its body, or each line of it. */
async function surprises(method: Method, path: string, response: Response): Promise<string[]> {
  const operation = document.paths[path]?.[method];
  const answer = operation && answerOf(document, operation, String(response.status));
  const text = await response.text();
  if (!answer) return [`${response.status} is not described: ${text}`];
  const missing = Object.keys(answer.headers ?? {}).filter((name) => !response.headers.has(name));
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
  const media = answer.content?.[type] ?? answer.content?.['*/*'];
  if (!media) return text === '' ? missing : [...missing, `${type} is not described: ${text}`];
  const lines = media['x-line-schema'];
  if (!lines)
    return type === 'application/json'
      ? [...missing, ...violations(document, media.schema, JSON.parse(text))]
      : missing;
  const values = text
    .split('\n')
    .flatMap((line) => (/^(data: )?[[{]/.test(line) ? [JSON.parse(line.replace('data: ', ''))] : []));
  return [
    ...missing,
    ...values.flatMap((value) => violations(document, lines, value)),
    ...(values.length < 2 ? ['no lines'] : []),
  ];
}

test('The document that is served is the one that the other tests know', () => {
  const own = callsOf(published()).map(({ name }) => name);
  expect(callsOf(document).map(({ name }) => name)).toEqual(own);
});

interface Sent {
  readonly code: number;
  readonly method: Method;
  readonly path: string;
  /** The path and query as they are sent, where they are not the template itself. */
  readonly address?: () => string;
  readonly body?: () => unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
const tasks = () => [hello(), { task_name: 'hello' }, sleep(0.05, 2), thumb(service)];
const SSE = { Accept: 'text/event-stream' };
const NAMED = { 'Idempotency-Key': 'order-4711' };
const WRONG = { Authorization: 'Secret wrong' };
const image = () => `task_name=image.thumb&width=20&url=${encodeURIComponent(sampleUrl(service))}`;

const CALLS: readonly Sent[] = [
  { code: 200, method: 'post', path: '/v1/create', body: () => ({ tasks: tasks() }) },
  { code: 200, method: 'post', path: '/v1/create', body: () => ({ tasks: tasks(), block: true }) },
  { code: 400, method: 'post', path: '/v1/create', body: () => ({ tasks: [{}], block: 1 }) },
  { code: 401, method: 'post', path: '/v1/create', body: () => ({ tasks: tasks() }), headers: WRONG },
  { code: 200, method: 'post', path: '/v1/create', body: () => ({ tasks: hello() }), headers: NAMED },
  { code: 200, method: 'post', path: '/v1/create', body: () => ({ tasks: hello() }), headers: NAMED },
  { code: 422, method: 'post', path: '/v1/create', body: () => ({ tasks: tasks() }), headers: NAMED },
  {
    code: 422,
    method: 'post',
    path: '/v1/create_file',
    body: () => ({ task: thumb(service) }),
    headers: NAMED,
  },
  { code: 413, method: 'post', path: '/v1/create', body: () => 'x'.repeat(9_000_000) },
  { code: 200, method: 'post', path: '/v1/create_stream', body: () => ({ tasks: tasks() }) },
  { code: 200, method: 'post', path: '/v1/create_stream', body: () => ({ tasks: tasks() }), headers: SSE },
  { code: 302, method: 'post', path: '/v1/create_file', body: () => ({ task: thumb(service) }) },
  {
    code: 400,
    method: 'post',
    path: '/v1/create_file',
    body: () => ({ task: { task_name: 'image.thumb' } }),
  },
  { code: 400, method: 'post', path: '/v1/create_file', body: () => ({}) },
  { code: 404, method: 'post', path: '/v1/create_file', body: () => ({ task: hello() }) },
  { code: 302, method: 'get', path: '/v1/create_file', address: () => `/v1/create_file?${image()}` },
  {
    code: 302,
    method: 'get',
    path: '/v1/create_file/{filename}',
    address: () => `/v1/create_file/a.jpg?${image()}`,
  },
  {
    code: 401,
    method: 'get',
    path: '/v1/create_file',
    address: () => `/v1/create_file?${image()}`,
    headers: WRONG,
  },
  { code: 200, method: 'get', path: '/v1/status', address: () => `/v1/status?tasks=${key}&tasks=${failed}` },
  {
    code: 200,
    method: 'get',
    path: '/v1/status',
    address: () => `/v1/status?tasks=${key}&details=true&block=1`,
  },
  { code: 400, method: 'get', path: '/v1/status' },
  { code: 404, method: 'get', path: '/v1/status', address: () => `/v1/status?tasks=${UNKNOWN_KEY}` },
  { code: 200, method: 'post', path: '/v1/status', body: () => ({ tasks: [key, failed], details: true }) },
  { code: 302, method: 'get', path: '/v1/file', address: () => `/v1/file?task=${key}` },
  { code: 400, method: 'get', path: '/v1/file/{filename}', address: () => `/v1/file/a.jpg?task=${failed}` },
  { code: 404, method: 'get', path: '/v1/file', address: () => `/v1/file?task=${UNKNOWN_KEY}` },
  { code: 200, method: 'post', path: '/v1/cancel', body: () => ({ tasks: [key, failed] }) },
  { code: 401, method: 'post', path: '/v1/cancel', body: () => ({ tasks: key }), headers: WRONG },
  { code: 404, method: 'post', path: '/v1/cancel', body: () => ({ tasks: UNKNOWN_KEY }) },
  { code: 200, method: 'get', path: '/v1/history', address: () => `/v1/history?task=${key}` },
  { code: 200, method: 'get', path: '/v1/history', address: () => `/v1/history?task=${failed}` },
  { code: 401, method: 'get', path: '/v1/history', address: () => `/v1/history?task=${key}`, headers: WRONG },
  { code: 404, method: 'get', path: '/v1/history', address: () => `/v1/history?task=${UNKNOWN_KEY}` },
  { code: 200, method: 'get', path: '/v1/history_stream', address: () => `/v1/history_stream?tasks=${key}` },
  { code: 200, method: 'get', path: '/v1/history_stream', headers: SSE },
  {
    code: 200,
    method: 'get',
    path: '/v1/history_stream',
    headers: { Accept: 'application/cloudevents+json' },
  },
  {
    code: 204,
    method: 'get',
    path: '/v1/history_stream',
    address: () => '/v1/history_stream?until=1',
    headers: { ...SSE, 'Last-Event-ID': '1' },
  },
  {
    code: 204,
    method: 'get',
    path: '/v1/status_stream',
    address: () => `/v1/status_stream?tasks=${key}`,
    headers: { ...SSE, 'Last-Event-ID': 'end' },
  },
  { code: 400, method: 'get', path: '/v1/history_stream', address: () => '/v1/history_stream?from=soon' },
  { code: 401, method: 'get', path: '/v1/history_stream', headers: WRONG },
  { code: 200, method: 'get', path: '/files/{key}/{file}', address: () => '/files/sample/raccoon.jpg' },
  { code: 200, method: 'head', path: '/files/{key}/{file}', address: () => '/files/sample/raccoon.jpg' },
  {
    code: 206,
    method: 'get',
    path: '/files/{key}/{file}',
    address: () => '/files/sample/raccoon.jpg',
    headers: { Range: 'bytes=0-9' },
  },
  {
    code: 416,
    method: 'get',
    path: '/files/{key}/{file}',
    address: () => '/files/sample/raccoon.jpg',
    headers: { Range: 'bytes=999999-' },
  },
  {
    code: 304,
    method: 'get',
    path: '/files/{key}/{file}',
    address: () => '/files/sample/raccoon.jpg',
    headers: { 'If-None-Match': '*' },
  },
  { code: 404, method: 'get', path: '/files/{key}/{file}', address: () => '/files/sample/no.jpg' },
  { code: 200, method: 'get', path: '/v1/tasks' },
  { code: 200, method: 'get', path: '/healthz' },
  { code: 200, method: 'get', path: '/readyz' },
  { code: 200, method: 'get', path: '/metrics' },
  { code: 200, method: 'get', path: '/openapi.json' },
  { code: 200, method: 'get', path: '/docs' },
];

describe('The service answers as the document says', () => {
  test.each(CALLS)('$code to $method $path', async ({ code, method, path, address, body, headers = {} }) => {
    const init = { method: method.toUpperCase(), headers, ...(body && { body: JSON.stringify(body()) }) };
    const response = await service.fetch(address?.() ?? path, init);
    expect(response.status).toBe(code);
    expect(await surprises(method, path, response)).toEqual([]);
  });

  test.each(['/v1/status_stream', '/v1/stream'])('200 to both methods of %s', async (path) => {
    for (const headers of [{}, SSE]) {
      const get = await create(service, [sleep(0.3, 3), hello()]);
      const query = new URLSearchParams(get.map((status): [string, string] => ['tasks', status.key]));
      expect(await surprises('get', path, await service.fetch(`${path}?${query}`, { headers }))).toEqual([]);
      const post = await createOne(service, sleep(0.3, 3));
      expect(
        await surprises('post', path, await service.post(path, { tasks: post.key }, { headers })),
      ).toEqual([]);
    }
  });

  test('the examples of bodies are taken as they stand', async () => {
    for (const { name, path, operation } of callsOf(document)) {
      const { examples = {} } = operation.requestBody?.content['application/json'] ?? {};
      for (const { value } of Object.values(examples)) {
        if (path.startsWith('/v1/create') === false) continue;
        const { secret: _, ...body } = value as Record<string, unknown>;
        const response = await service.post(path.replace('{filename}', 'thumb.jpg'), body);
        expect([200, 302], `${name}: ${await response.text()}`).toContain(response.status);
      }
    }
  });

  test('every call that it describes is among these', () => {
    const tried = new Set(CALLS.map(({ method, path }) => `${method.toUpperCase()} ${path}`));
    const rest = callsOf(document).filter(({ name, path }) => !tried.has(name) && !path.includes('stream'));
    expect(rest.map(({ name }) => name)).toEqual(['POST /v1/create_file/{filename}']);
  });
});

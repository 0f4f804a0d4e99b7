import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import {
  create,
  dial,
  errorsOf,
  exchangeRaw,
  hello,
  JSON_TYPE,
  problem,
  rawHead,
  statusesOf,
} from './support.ts';

const MAX_BODY = 8 * 1024 * 1024;
const CRLF = Buffer.from('\r\n');

let service: Service;
let frontPid: number | undefined;
beforeAll(async () => {
  service = await Service.start();
  frontPid = service.processes('front')[0]?.pid;
});
afterAll(() => service[Symbol.asyncDispose]());

const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
  service.fetch('/v1/create', { method: 'POST', body, headers });
const greeting = JSON.stringify({ tasks: hello(), block: true });
const nested = (levels: number): string => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;

describe('A body is parsed as JSON', () => {
  test.each([
    'text/plain;charset=UTF-8',
    'application/json',
    'application/x-www-form-urlencoded',
    'image/png',
  ])('whatever its Content-Type, %s too', async (type) => {
    const [status] = await statusesOf(await post(greeting, { 'Content-Type': type }));
    expect(status?.result).toBe('Hello John');
  });

  test('without any Content-Type', async () => {
    const head = rawHead(service, 'POST /v1/create', [`Content-Length: ${greeting.length}`]);
    const { status, body } = await exchangeRaw(service, head, greeting);
    expect(status).toBe(200);
    expect(JSON.parse(body)[0].result).toBe('Hello John');
  });

  test('that comes in chunks, cut anywhere', async () => {
    const bytes = Buffer.from(JSON.stringify({ tasks: hello('Zoë 🦝'), block: true }));
    const chunks = Array.from(bytes, (byte) => Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), CRLF]));
    const head = rawHead(service, 'POST /v1/create', ['Transfer-Encoding: chunked']);
    const { status, body } = await exchangeRaw(service, head, Buffer.concat(chunks), '0\r\n\r\n');
    expect(status).toBe(200);
    expect(JSON.parse(body)[0].result).toBe('Hello Zoë 🦝');
  });

  test('with a byte order mark in front', async () => {
    const [status] = await statusesOf(await post(`\uFEFF${greeting}`));
    expect(status?.result).toBe('Hello John');
  });

  test('where of two members of one name the last counts', async () => {
    const body = '{"tasks":{"task_name":"nothing","task_name":"hello","name":"a","name":"b"},"block":true}';
    const [status] = await statusesOf(await post(body));
    expect(status?.result).toBe('Hello b');
  });

  test('where the names of prototypes are members like any other', async () => {
    const body = `{"__proto__":{"tasks":1},"constructor":{"prototype":{"block":true}},${greeting.slice(1)}`;
    const [status] = await statusesOf(await post(body));
    expect(status?.result).toBe('Hello John');
    expect(await errorsOf(await post(`{"__proto__":${greeting}}`))).toEqual([
      problem('tasks', 'tasks is missing'),
    ]);
  });

  test.each([
    ['up to 32 levels deep', nested(32)],
    ['with brackets in its texts, after quotes and backslashes too', `{"a\\"[":"\\\\${'{['.repeat(50)}\\""}`],
    ['with any number of lists side by side', `{"a":[${Array(100).fill('[{}]').join()}]}`],
  ])('%s', async (_, body) => {
    const [error] = await errorsOf(await post(body));
    expect(error).toEqual(problem('tasks', 'tasks is missing'));
  });
});

describe('A 400 answers', () => {
  test.each([
    ['bad JSON', '{"tasks":'],
    ['two values', '{} {}'],
    ['a single quote', "{'tasks':1}"],
    ['NaN', '{"tasks":NaN}'],
    ['undefined', 'undefined'],
    ['a control character', '{"tasks":"\n"}'],
  ])('%s', async (_, body) => {
    const [error] = await errorsOf(await post(body));
    expect(error).toMatchObject({ name: 'body', location: 'body' });
    expect(error?.description).toMatch(/^body is not valid JSON: /);
  });

  test.each(['[]', '"text"', '7', 'null', 'true', '[{"tasks":{}}]'])(
    'a JSON value that is not an object: %s',
    async (body) => {
      expect(await errorsOf(await post(body))).toEqual([problem('body', 'body must be a JSON object')]);
    },
  );

  test('an empty body', async () => {
    expect(await errorsOf(await post(''))).toEqual([
      problem('body', 'body is missing, it must be a JSON object'),
    ]);
  });

  test('an empty body behind headers that come in pieces', async () => {
    const head = rawHead(service, 'POST /v1/create', ['Content-Length: 0']);
    const socket = await dial(service);
    socket.setNoDelay(true);
    const answer = text(socket);
    socket.write(head.slice(0, -20));
    await delay(20);
    socket.write(head.slice(-20));
    expect(await answer).toContain('body is missing, it must be a JSON object');
  });

  test.each([
    ['a lone continuation', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0xe9]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('invalid UTF-8: %s', async (_, bytes) => {
    const body = Buffer.concat([Buffer.from('{"tasks":"'), Buffer.from(bytes), Buffer.from('"}')]);
    expect(await errorsOf(await post(body))).toEqual([problem('body', 'body is not valid UTF-8')]);
  });

  test.each([33, 10_000])('nesting of %d levels, in objects and in lists', async (levels) => {
    const tooDeep = [problem('body', 'body is nested more than 32 levels deep')];
    expect(await errorsOf(await post(nested(levels)))).toEqual(tooDeep);
    const lists = `{"tasks":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect(await errorsOf(await post(lists))).toEqual(tooDeep);
  });

  test.each([
    ['a text', '{"tasks":{"task_name":"hello","name":"\\ud800x"}}'],
    ['the name of a member', '{"tasks":{"task_name":"hello","\\uDFFF":1}}'],
    ['a list inside', '{"tasks":[{"task_name":"hello","task_metas":{"a":[{"b":"x\\udbff"}]}}]}'],
  ])('half of a character in %s, which UTF-8 cannot write', async (_, body) => {
    expect(await errorsOf(await post(body))).toEqual([
      problem('body', 'body has half of a character (a surrogate without the other one)'),
    ]);
  });

  test('but not a whole one that is escaped, nor the text of an escape', async () => {
    const body = '{"tasks":{"task_name":"hello","name":"\\ud83d\\ude00 \\\\ud800"},"block":true}';
    const [status] = await statusesOf(await post(body));
    expect(status?.result).toBe('Hello \u{1f600} \\ud800');
  });

  test('nesting before anything is parsed, and so also where the rest is no JSON', async () => {
    expect(await errorsOf(await post(`{"tasks":${'['.repeat(4_000_000)}`))).toEqual([
      problem('body', 'body is nested more than 32 levels deep'),
    ]);
  });

  test('more members than 100,000, of one object or of many', async () => {
    const members = (count: number) => Array.from({ length: count }, (_, at) => `"m${at}":0`).join();
    const small = Array(1_000)
      .fill(`{${members(100)}}`)
      .join();
    for (const body of [`{${members(100_001)}}`, `{"tasks":[${small}]}`])
      expect(await errorsOf(await post(body))).toEqual([
        problem('body', 'body has more than 100,000 members'),
      ]);
    for (const empty of ['{}', '[]'])
      expect(await errorsOf(await post(`{"tasks":[${Array(100_000).fill(empty).join()}]}`))).toEqual([
        problem('body', 'body has more than 100,000 members'),
      ]);
    for (const body of [`{${members(99_999)}}`, `{"text":"${':'.repeat(200_000)}"}`])
      expect(await errorsOf(await post(body))).toEqual([problem('tasks', 'tasks is missing')]);
  });

  test('names that belong to the service, of each task the first 50', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `"task_${at}":0`).join();
    const [first, ...others] = await errorsOf(await post(`{"tasks":[{"task_name":"hello",${names}}]}`));
    expect(first).toMatchObject({
      name: 'tasks[0].task_0',
      description: expect.stringMatching(/^'task_0' is not supported/),
    });
    expect(others).toHaveLength(50);
    expect(others.at(-1)).toEqual(problem('tasks[0].…', 'and 9950 more that are not supported'));
  });

  test('many problems, of which the first 2,000 are told', async () => {
    const task = `{"task_name":"hello","task_a":1,"task_b":2,"task_c":3}`;
    const errors = await errorsOf(await post(`{"tasks":[${Array(1_000).fill(task).join()}]}`));
    expect(errors).toHaveLength(2_001);
    expect(errors.at(-1)?.description).toBe('and 1000 more problems');
  });

  test('and never repeats a credential that stands near a syntax error', async () => {
    for (const body of ['{"secret":"s3same-0pen" "tasks":1}', '{"secret":s3same-0pen}', 's3same-0pen'])
      expect(await (await post(body)).text()).not.toContain('s3s');
  });
});

describe('A 413 answers a body over MAX_BODY', () => {
  const tooLarge = [problem('body', `body is larger than ${MAX_BODY} bytes`)];

  test('by its Content-Length, before a byte of it has come', async () => {
    const head = rawHead(service, 'POST /v1/create', [`Content-Length: ${MAX_BODY + 1}`]);
    const answer = await exchangeRaw(service, head);
    expect(answer.status).toBe(413);
    expect(answer.head).toContain(`Content-Type: ${JSON_TYPE}`);
    expect(answer.head).toContain('Access-Control-Allow-Origin: *');
    expect(JSON.parse(answer.body)).toEqual({ status: 'error', errors: tooLarge });
  });

  test('as soon as its chunks pass the limit', async () => {
    const socket = await dial(service);
    const megabyte = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000, ' '), CRLF]);
    socket.write(rawHead(service, 'POST /v1/create', ['Transfer-Encoding: chunked']));
    for (let sent = 0; sent < MAX_BODY; sent += 0x100000) socket.write(megabyte);
    socket.write('1\r\n \r\n');
    const answer = await new Promise<string>((resolve) =>
      socket.once('data', (data) => resolve(String(data))),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  test('to a client that sends all of it before it listens', async () => {
    const tasks = [hello('x'.repeat(MAX_BODY))];
    for (const _ of [1, 2, 3])
      expect(await errorsOf(await service.post('/v1/create', { tasks }), 413)).toEqual(tooLarge);
  });

  test('to one that sends all of it before it listens, and wants the connection closed', async () => {
    const length = MAX_BODY * 2;
    for (const headers of [[`Content-Length: ${length}`], ['Transfer-Encoding: chunked']]) {
      const isChunked = headers[0]?.startsWith('T');
      const frame = isChunked ? [`${length.toString(16)}\r\n`, '\r\n0\r\n\r\n'] : ['', ''];
      const body = Buffer.concat([
        Buffer.from(frame[0] as string),
        Buffer.alloc(length, ' '),
        Buffer.from(frame[1] as string),
      ]);
      const socket = await dial(service);
      socket.pause();
      socket.write(rawHead(service, 'POST /v1/create', headers));
      await new Promise((resolve) => socket.write(body, resolve));
      let answer = '';
      for await (const data of socket) answer += data;
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toContain(`body is larger than ${MAX_BODY} bytes`);
    }
  });

  test('and the connection stays in step for the next request', async () => {
    const length = MAX_BODY + 1;
    const head = rawHead(service, 'POST /v1/create', [`Content-Length: ${length}`]);
    const sent = [head.replace('Connection: close\r\n', ''), Buffer.alloc(length, ' ')];
    const answer = await exchangeRaw(service, ...sent, rawHead(service, 'GET /healthz'));
    expect(answer.status).toBe(413);
    expect(answer.body).toMatch(/HTTP\/1\.1 200 OK\r\n/);
  });

  test('and no body that just fits', async () => {
    const body = greeting.padEnd(MAX_BODY, ' ');
    const [status] = await statusesOf(await post(body));
    expect(status?.result).toBe('Hello John');
  });
});

test('through all of this the process notices nothing', async () => {
  expect(await create(service, hello(), true)).toMatchObject([{ result: 'Hello John' }]);
  expect(service.processes('front')[0]?.pid).toBe(frontPid);
  expect(service.output()).not.toMatch(/"level":"(error|fatal)"/);
});

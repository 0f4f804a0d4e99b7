import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import {
  createOne,
  dial,
  errorsOf,
  exchangeRaw,
  historyOf,
  rawHead,
  type Status,
  sampleUrl,
  thumb,
  UNKNOWN_KEY,
} from './support.ts';

let service: Service;
let made: Status;
let url: string;
let bytes: Buffer;
let etag: string;
let modified: string;
beforeAll(async () => {
  service = await Service.start();
  made = await createOne(service, thumb(service, { width: 300 }), true);
  url = (made.result as { output: string }).output;
  const response = await fetch(url);
  bytes = Buffer.from(await response.arrayBuffer());
  etag = response.headers.get('etag') as string;
  modified = response.headers.get('last-modified') as string;
});
afterAll(() => service[Symbol.asyncDispose]());

const get = (headers: Record<string, string> = {}, method = 'GET') => fetch(url, { method, headers });
const ranged = async (range: string, headers: Record<string, string> = {}) => {
  const response = await get({ Range: range, ...headers });
  return { response, body: Buffer.from(await response.arrayBuffer()) };
};

const COMMON = {
  'access-control-allow-origin': '*',
  'cache-control': 'public, max-age=31536000, immutable',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'content-disposition': 'inline',
  'accept-ranges': 'bytes',
};
const expectCommon = (response: Response) =>
  expect(Object.fromEntries(response.headers)).toMatchObject({ ...COMMON, etag, 'last-modified': modified });

describe('An output', () => {
  test('is named in the result by an absolute URL on PUBLIC_URL', () => {
    expect(url).toBe(`${service.url}/files/${made.key}/output.jpg`);
    expect(made.result).toMatchObject({ width: 300, content_type: 'image/jpeg' });
  });

  test('is served whole, with its type and for ever', async () => {
    const response = await get();
    expect(response.status).toBe(200);
    expectCommon(response);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
    expect([...bytes.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
  });

  test('is the one that the history promises', async () => {
    const completed = (await historyOf(service, made.key)).at(-1);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(completed?.data).toMatchObject({ outputs: [{ sha256, bytes: bytes.length }] });
  });

  test('needs no credentials', async () => {
    expect((await get({ Authorization: 'Secret wrong' })).status).toBe(200);
  });

  test('is told of by HEAD, without a body', async () => {
    const { status, head, body } = await exchangeRaw(
      service,
      rawHead(service, `HEAD ${new URL(url).pathname}`),
    );
    expect(status).toBe(200);
    expect(head).toContain(`ETag: ${etag}`);
    expect(head).toContain(`Content-Length: ${bytes.length}`);
    expect(head).toContain('Content-Type: image/jpeg');
    expect(body).toBe('');
  });
});

test('a client that takes nothing for longer than uWebSockets.js itself would wait gets the whole file', {
  timeout: 60_000,
}, async () => {
  const large = await createOne(service, thumb(service, { width: 5_000, format: 'png' }), true);
  const path = new URL((large.result as { output: string }).output).pathname;
  const length = Number((await fetch(service.url + path, { method: 'HEAD' })).headers.get('content-length'));
  // More than the system takes off our hands at once.
  expect(length).toBeGreaterThan(10_000_000);
  const socket = await dial(service);
  socket.pause();
  socket.write(rawHead(service, `GET ${path}`));
  await delay(13_000);
  let received = 0;
  let head = -1;
  for await (const chunk of socket) {
    if (head < 0) head = (chunk as Buffer).indexOf('\r\n\r\n') + 4;
    received += (chunk as Buffer).length;
  }
  expect(received - head).toBe(length);
});

describe('304 answers', () => {
  test.each([
    ['the same ETag', () => etag],
    ['a weak form of it', () => `W/${etag}`],
    ['a list with it', () => `"other", ${etag} , W/"third"`],
    ['a star', () => '*'],
  ])('If-None-Match with %s', async (_, tag) => {
    for (const method of ['GET', 'HEAD']) {
      const response = await get({ 'If-None-Match': tag() }, method);
      expect(response.status).toBe(304);
      expectCommon(response);
      expect(await response.text()).toBe('');
    }
  });

  test('If-Modified-Since with the date of the file, or a later one', async () => {
    for (const since of [modified, new Date(Date.parse(modified) + 5_000).toUTCString()])
      expect((await get({ 'If-Modified-Since': since })).status).toBe(304);
  });

  test('neither another ETag, nor an earlier date, nor a date beside another ETag, nor no date', async () => {
    const earlier = new Date(Date.parse(modified) - 1_000).toUTCString();
    for (const headers of [
      { 'If-None-Match': '"other"' },
      { 'If-Modified-Since': earlier },
      { 'If-None-Match': '"other"', 'If-Modified-Since': modified },
      { 'If-Modified-Since': 'yesterday' },
    ])
      expect((await get(headers as Record<string, string>)).status).toBe(200);
  });
});

describe('A range', () => {
  test.each([
    ['the first bytes', 'bytes=0-99', 0, 100],
    ['one byte', 'bytes=7-7', 7, 8],
    ['from a place on', 'bytes=50-', 50, undefined],
    ['the last bytes', 'bytes=-20', -20, undefined],
    ['more than there is', 'bytes=10-999999999', 10, undefined],
    ['a suffix longer than the file', 'bytes=-999999999', 0, undefined],
  ])('of %s is a 206 with exactly those', async (_, range, start, end) => {
    const { response, body } = await ranged(range);
    const wanted = bytes.subarray(start, end);
    expect(response.status).toBe(206);
    expectCommon(response);
    expect(body.equals(wanted)).toBe(true);
    const first = bytes.length - bytes.subarray(start).length;
    expect(response.headers.get('content-range')).toBe(
      `bytes ${first}-${first + wanted.length - 1}/${bytes.length}`,
    );
    expect(response.headers.get('content-length')).toBe(String(wanted.length));
  });

  test('that begins beyond the end is a 416 that says how long the file is', async () => {
    for (const range of [`bytes=${bytes.length}-`, 'bytes=999999999-', 'bytes=-0']) {
      const { response } = await ranged(range);
      expect(response.status).toBe(416);
      expect(response.headers.get('content-range')).toBe(`bytes */${bytes.length}`);
    }
  });

  test('that begins beyond the end is told as every error is, and not to be kept for a year', async () => {
    const { response, body } = await ranged('bytes=999999999-');
    expect(JSON.parse(body.toString())).toEqual({
      status: 'error',
      errors: [{ name: 'Range', location: 'header', description: `the file has ${bytes.length} bytes` }],
    });
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('may be asked for in either case', async () => {
    const { response } = await ranged('Bytes=0-9');
    expect(response.status).toBe(206);
  });

  test.each(['bytes=9-5', 'bytes=-', 'bytes=a-b', 'lines=0-5', 'bytes=0-1,5-6', '0-5'])(
    'that is not understood is not looked at: %s',
    async (range) => {
      const { response, body } = await ranged(range);
      expect(response.status).toBe(200);
      expect(body.equals(bytes)).toBe(true);
    },
  );

  test('holds with If-Range only while the file is the same', async () => {
    for (const same of [etag, modified])
      expect((await ranged('bytes=0-9', { 'If-Range': same })).response.status).toBe(206);
    for (const other of ['"other"', `W/${etag}`, new Date(0).toUTCString(), 'nonsense'])
      expect((await ranged('bytes=0-9', { 'If-Range': other })).response.status).toBe(200);
  });

  test('gives way to a 304', async () => {
    expect((await ranged('bytes=0-9', { 'If-None-Match': etag })).response.status).toBe(304);
  });

  test('is for GET only: HEAD tells of the whole', async () => {
    const response = await get({ Range: 'bytes=0-9' }, 'HEAD');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
  });
});

describe('A 404 answers', () => {
  const paths = (key: string): string[] => [
    '/files/',
    `/files/${key}`,
    `/files/${key}/`,
    `/files/${key}/output`,
    `/files/${key}/output.png`,
    `/files/${key}/OUTPUT.JPG`,
    `/files/${key}/output.jpg/`,
    `/files/${key}//output.jpg`,
    `/files//${key}/output.jpg`,
    `/files/${key}/1/output.jpg`,
    `/files/${key}/./output.jpg`,
    `/files/${key}/../${key}/output.jpg`,
    `/files/${key}%2foutput.jpg`,
    `/files/${key}%2foutput.jpg/x`,
    `/files/${key}/%zz`,
    `/files/${key}/output.jpg%00`,
    `/files/${key}/output.jpg%00.png`,
    `/files/${key}/output.jpg%20`,
    `/files/${key}/.%2f1%2foutput.jpg`,
    `/files/${key.toLowerCase()}/output.jpg`,
    `/files/${key.slice(1)}/output.jpg`,
    `/files/${UNKNOWN_KEY}/output.jpg`,
    '/files/*/output.jpg',
    '/files/%3E/output.jpg',
    '/files/sample/',
    '/files/sample/nothing.jpg',
    '/files/sample/raccoon.constructor',
    '/files/sample/..%2f..%2faccounts.json',
    '/files/../accounts.json',
    '/files/../../accounts.json',
    '/files/%2e%2e/accounts.json',
    '/files/%2e%2e%2faccounts.json',
    '/files/%2e%2e%2f%2e%2e%2faccounts.json',
    '/files/..%5c..%5caccounts.json',
    '/files/%252e%252e%252faccounts.json',
    '/files//etc/passwd',
    '/files/%2fetc%2fpasswd',
    '/files/%00',
    '/files/..',
    '/files/.',
    `/files/${'a'.repeat(5_000)}/x.jpg`,
  ];

  test('every path that is not an output, however it is written', async () => {
    for (const path of paths(made.key)) {
      const { status, head, body } = await exchangeRaw(service, rawHead(service, `GET ${path}`));
      expect(status, path).toBe(404);
      expect(head).toContain('Access-Control-Allow-Origin: *');
      expect(JSON.parse(body).status).toBe('error');
      expect(body).not.toContain(service.secret);
    }
  });

  test('a HEAD without a body', async () => {
    const answer = await exchangeRaw(service, rawHead(service, `HEAD /files/${UNKNOWN_KEY}/output.jpg`));
    expect(answer.status).toBe(404);
    expect(answer.body).toBe('');
  });

  test('a task that failed', async () => {
    const { key } = await createOne(service, { task_name: 'image.thumb' }, true);
    expect(await errorsOf(await fetch(`${service.url}/files/${key}/output.jpg`), 404)).toHaveLength(1);
  });
});

describe('A source', () => {
  test('may be an output of ours, so tasks chain', async () => {
    const chained = await createOne(service, { ...thumb(service, { width: 30 }), url }, true);
    expect(chained.result).toMatchObject({ width: 30, original_width: 300 });
    const info = await createOne(service, { task_name: 'image.info', url }, true);
    expect(info.result).toMatchObject({ content_type: 'image/jpeg', width: 300, bytes: bytes.length });
  });

  test('may be the sample picture', async () => {
    const { result } = await createOne(service, { task_name: 'image.info', url: sampleUrl(service) }, true);
    expect(result).toMatchObject({ content_type: 'image/jpeg', width: 1024, height: 768 });
  });

  test('that is no output of ours ends the task with a 404 of its own', async () => {
    const missing = `${service.url}/files/${UNKNOWN_KEY}/output.jpg`;
    const { result } = await createOne(service, { task_name: 'image.info', url: missing }, true);
    expect(result).toBe(`File '${missing}' answered 404`);
  });

  test.each([
    'http://127.0.0.1/x.jpg',
    'http://localhost/x.jpg',
    'http://[::1]/x.jpg',
    'http://2130706433/x.jpg',
    'http://169.254.169.254/latest/meta-data/',
    'http://10.0.0.1/x.jpg',
    'https://192.168.1.1/x.jpg',
    'http://[::ffff:127.0.0.1]/x.jpg',
  ])('at a private address is refused: %s', async (privateUrl) => {
    const status = await createOne(service, { task_name: 'image.info', url: privateUrl }, true);
    expect(status).toMatchObject({
      status: 'error',
      result: `File '${privateUrl}' is not at a public address`,
    });
  });
});

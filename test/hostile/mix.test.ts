import { afterAll, beforeAll, expect, test } from 'vitest';
import { gauge, type Status, sampleUrl, statusesOf } from '../front/support.ts';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { PRIVATE_URLS } from '../worker/source/address-vectors.ts';
import { type Origin, startOrigin } from '../worker/source/origin.ts';
import { type Footprint, watchFootprint } from './footprint.ts';
import { type Misbehaviour, misbehaviours } from './origin-answers.ts';

/** URLs that are wrong as they stand, by the number of their case, and what is said of them. */
const WRONG_URLS: readonly (readonly [number, string, string | RegExp])[] = [
  [22, 'http://localhost/', 'is not at a public address'],
  [31, 'http://user:pw@93.184.215.14/', 'names user information'],
  [31, 'http://a@b:80@c.example/', 'names user information'],
  ...[22, 25, 6379, 0].map((port) => [32, `http://93.184.215.14:${port}/`, `is at port ${port}`] as const),
  [33, 'http://127.0\r\n.0.1/', 'is not at a public address'],
];
/** URLs that no schema lets through. */
const NO_URLS: readonly (readonly [number, string])[] = [
  ...[
    'file:///etc/passwd',
    'ftp://a/',
    'gopher://a/',
    'data:image/png;base64,AA==',
    'javascript:alert(1)',
  ].map((url) => [30, url] as const),
  [32, 'http://93.184.215.14:65536/'],
  [33, 'http://a\0b/'],
  [33, 'http://93.184.215.14\r\nHost: x/'],
  [33, `http://93.184.215.14/${'a'.repeat(65_536)}`],
];

let origin: Origin;
let service: Service;
let all: Misbehaviour[];
beforeAll(async () => {
  const made = await misbehaviours();
  all = made.all;
  origin = await startOrigin(made.answer);
  service = await Service.start({
    FETCH_ALLOW: `127.0.0.1:${origin.port}`,
    TASK_TIMEOUT: '8',
    ATTEMPTS: '1',
    WORKERS: '1',
  });
}, 60_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

const info = (url: string) => ({ task_name: 'image.info', url });
/** The same source, wherever a task takes one. */
const everywhere = (url: string) => [
  info(url),
  { task_name: 'image.thumb', url, width: 50 },
  { task_name: 'image.gif', images: [sampleUrl(service), url] },
  { task_name: 'image.strip', urls: [url, sampleUrl(service)] },
];
const run = async (tasks: readonly object[]): Promise<Status[]> =>
  statusesOf(await service.post('/v1/create', { tasks, block: true }));
const text = ({ result }: Status): string => (typeof result === 'string' ? result : JSON.stringify(result));

/** Every status is an error that says `expected` of its source. */
function expectErrors(statuses: readonly Status[], expected: readonly (string | RegExp)[]): void {
  for (const [index, status] of statuses.entries()) {
    const said = expected[index] as string | RegExp;
    expect(status.status, text(status)).toBe('error');
    expect(text(status)).not.toMatch(/unexpected|Error:|ENO|EACC|\bat .*:\d+:\d+/);
    if (typeof said === 'string') expect(text(status)).toContain(said);
    else expect(text(status).replace(/^File '[^']*' /, '')).toMatch(said);
  }
}

/** All that hurts at once, and what is answered. */
async function attack(): Promise<void> {
  const addresses = PRIVATE_URLS.map(([, url]) => url);
  const [first, ...others] = [
    run(addresses.map(info)),
    run(addresses.slice(0, 40).flatMap((url) => everywhere(url).slice(1))),
    run(all.map(({ path }) => info(origin.url + path))),
    run(all.map(({ path }) => everywhere(origin.url + path)[1] as object)),
    run(WRONG_URLS.map(([, url]) => info(url))),
    run(NO_URLS.map(([, url]) => info(url))),
  ] as const;
  const [byAddress, elsewhere, byOrigin, thumbs, wrong, no] = await Promise.all([first, ...others]);
  expectErrors(
    byAddress,
    addresses.map(() => 'is not at a public address'),
  );
  expectErrors(
    elsewhere as Status[],
    (elsewhere as Status[]).map(() => 'is not at a public address'),
  );
  for (const statuses of [byOrigin, thumbs])
    expectErrors(
      statuses as Status[],
      all.map(({ error }) => error),
    );
  expectErrors(
    wrong as Status[],
    WRONG_URLS.map(([, , error]) => error),
  );
  expectErrors(
    no as Status[],
    NO_URLS.map(() => '"url":["must'),
  );
}

/** Requests that are wrong themselves; none is answered by a 5xx. */
async function badger(): Promise<void> {
  const body = (bytes: string | Uint8Array<ArrayBuffer>) =>
    service.fetch('/v1/create', { method: 'POST', body: bytes });
  const deep = `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`;
  const answers = await Promise.all([
    body(`{"tasks":"${'x'.repeat(10_000_000)}"}`),
    body(deep),
    body(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])),
    body('{"tasks":7}'),
    body(JSON.stringify({ tasks: Array.from({ length: 1_001 }, () => info('http://a.example/')) })),
    body('{"tasks":{"task_name":"__proto__"}}'),
    body('{"tasks":{"task_name":"constructor","__proto__":{"url":"x"}}}'),
    ...[
      '..%2f..%2fetc%2fpasswd',
      '%00',
      '-rf',
      '%0d%0aX-Evil:%201',
      'http:%2f%2fevil.example',
      'a'.repeat(4_096),
    ].map((name) => service.fetch(`/files/${name}`)),
    ...['*', '>', '0'.repeat(26).toLowerCase(), 'a', '%00'].map((key) =>
      service.fetch(`/v1/status?tasks=${key}`),
    ),
  ]);
  for (const answer of answers) {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get('x-evil')).toBeNull();
    expect(await answer.json()).toMatchObject({ status: 'error' });
  }
}

/** Clients that ask and do not wait. */
async function hangUp(): Promise<void> {
  for (let count = 0; count < 40; count += 1) {
    const leaving = new AbortController();
    const tasks = info(`${origin.url}/silent`);
    const paths = ['/v1/create', '/v1/create_stream'] as const;
    const asked = service.post(
      paths[count % 2] as string,
      { tasks, block: true },
      { signal: leaving.signal },
    );
    setTimeout(() => leaving.abort(), count * 10);
    await asked.then((answer) => answer.text()).catch(() => undefined);
  }
}

test('Through all of it health answers, memory stays under 1 GB, no process ends and neighbours run', {
  timeout: 120_000,
}, async () => {
  const kinds = ['nats-server', 'front', 'worker'] as const;
  const pids = () => kinds.flatMap((kind) => service.processes(kind).map(({ pid }) => pid));
  const before = pids();
  const watching = watchFootprint(service);
  let neighbours = 0;
  let isOver = false;
  const living = (async () => {
    while (!isOver) {
      const [status] = await run([
        { task_name: 'image.thumb', url: sampleUrl(service), width: 40 + neighbours },
      ]);
      expect(status).toMatchObject({ status: 'success', result: { width: 40 + neighbours } });
      neighbours += 1;
    }
  })();
  const attacks = Promise.all([attack(), badger(), hangUp()]).finally(() => {
    isOver = true;
  });
  await Promise.all([attacks, living]);
  const { health, memory }: Footprint = await watching.stop();

  expect(neighbours).toBeGreaterThan(3);
  expect(health.length).toBeGreaterThan(10);
  expect(new Set(health)).toEqual(new Set([200]));
  expect(Math.max(...memory)).toBeLessThan(1_000_000_000);
  expect(pids()).toEqual(before);
  await until(async () => (await gauge(service, 'wyvern_open_tasks')) === 0, 30_000);
  await until(async () => (await gauge(service, 'wyvern_watchers')) === 0);
});

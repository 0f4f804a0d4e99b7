import { rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { createOne, dial, errorsOf, gauge, problem, rawHead, type Status, thumb } from './support.ts';

let service: Service;
let made: Status;
let url: string;
let shard: string;
let stored: string;
beforeAll(async () => {
  service = await Service.start();
  made = await createOne(service, thumb(service), true);
  url = (made.result as { output: string }).output;
  shard = join(service.dataDir, 'files', made.key.slice(-2));
  stored = join(shard, `${made.key}.1.output.jpg`);
});
afterAll(() => service[Symbol.asyncDispose]());

test('A store that cannot be reached is a 503, and its files are there again afterwards', async () => {
  await rename(shard, `${shard}-away`);
  await writeFile(shard, 'a file in the place of the folder');
  const refused = await fetch(url);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(refused.headers.get('access-control-expose-headers'), 'pages may read it').toBe('Retry-After');
  expect(await errorsOf(refused, 503)).toEqual([
    problem('storage', 'the outputs are out of reach, try again later', 'path'),
  ]);
  expect((await service.fetch('/healthz')).status).toBe(200);
  await rename(shard, `${shard}-file`);
  await rename(`${shard}-away`, shard);
  expect((await fetch(url)).status).toBe(200);
});

test('A file that becomes shorter while it is read cuts the connection, so that no part passes for the whole', async () => {
  const promised = 64_000_000;
  await writeFile(stored, Buffer.alloc(promised));
  const socket = await dial(service);
  socket.write(rawHead(service, `GET ${new URL(url).pathname}`));
  const [first] = await new Promise<[Buffer]>((resolve) => socket.once('data', (data) => resolve([data])));
  socket.pause();
  expect(first.toString('latin1')).toMatch(/^HTTP\/1.1 200 /);
  await truncate(stored, 1_000_000);

  let received = first.length;
  socket.on('data', (data) => {
    received += data.length;
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  socket.resume();
  await closed;

  expect(received).toBeLessThan(promised);
  await until(async () => (await gauge(service, 'wyvern_open_requests')) === 1);
});

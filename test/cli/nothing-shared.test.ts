import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { freePort } from '../../src/free-port.ts';
import { temporaryFolder } from '../support/folder.ts';
import { TestLog } from '../support/nats.ts';
import { Program } from '../support/program.ts';
import { until } from '../support/until.ts';

test('a front and a worker that share nothing but nats-server make thumbs and serve them', {
  timeout: 60_000,
}, async () => {
  await using nats = await TestLog.start({ STORAGE: 'jetstream' });
  await using here = await temporaryFolder();
  await using there = await temporaryFolder();
  const PORT = String(await freePort());
  const url = `http://127.0.0.1:${PORT}`;
  const env = { NATS_URL: nats.url, STORAGE: 'jetstream', PUBLIC_URL: url };
  await using _worker = new Program('worker', { ...env, DATA_DIR: there.path });
  await using _front = new Program('front', { ...env, DATA_DIR: here.path, PORT });
  await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok, 20_000);
  const { accounts } = JSON.parse(await readFile(join(here.path, 'accounts.json'), 'utf8'));
  const make = async (parameters: object): Promise<string> => {
    const task = { task_name: 'image.thumb', url: `${url}/files/sample/raccoon.jpg`, ...parameters };
    const answer = await fetch(`${url}/v1/create_file`, {
      method: 'POST',
      headers: { Authorization: `Secret ${accounts[0].secret}` },
      body: JSON.stringify({ task }),
      redirect: 'manual',
    });
    return answer.headers.get('location') as string;
  };

  const small = await fetch(await make({ width: 100 }));
  expect(await sharp(await small.arrayBuffer()).metadata()).toMatchObject({ width: 100, height: 75 });

  const address = await make({ width: 1_000, format: 'png' });
  const large = await fetch(address);
  const bytes = Buffer.from(await large.arrayBuffer());
  expect(bytes.length).toBeGreaterThan(1_048_576);
  expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', width: 1_000 });
  const part = await fetch(address, { headers: { Range: 'bytes=500000-1100000' } });
  expect(part.status).toBe(206);
  expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(500_000, 1_100_001))).toBe(true);
  const etag = large.headers.get('etag') as string;
  expect((await fetch(address, { headers: { 'If-None-Match': etag } })).status).toBe(304);

  expect(await readdir(here.path)).toEqual(['accounts.json']);
  expect(await readdir(there.path)).toEqual(['spool']);
});

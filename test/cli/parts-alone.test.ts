import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../src/free-port.ts';
import { temporaryFolder } from '../support/folder.ts';
import { create, endOf, untilAllEnded } from '../support/histories.ts';
import { TestLog } from '../support/nats.ts';
import { Program } from '../support/program.ts';
import { until } from '../support/until.ts';

test('a front and two workers, started alone on one nats-server, work together', {
  timeout: 60_000,
}, async () => {
  await using nats = await TestLog.start();
  await using folder = await temporaryFolder();
  const env = { NATS_URL: nats.url, DATA_DIR: folder.path, PORT: String(await freePort()) };
  const url = `http://127.0.0.1:${env.PORT}`;
  // The workers come first: the parts may be started in any order.
  await using _first = new Program('worker', env);
  await using _second = new Program('worker', env);
  await using _front = new Program('front', env);
  await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok, 20_000);
  const { accounts } = JSON.parse(await readFile(join(folder.path, 'accounts.json'), 'utf8'));
  const headers = { Authorization: `Secret ${accounts[0].secret}` };
  const service = {
    fetch: (path: string) => fetch(url + path, { headers }),
    post: (path: string, body: unknown) =>
      fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) }),
  };
  const keys = await create(
    service,
    Array.from({ length: 20 }, (_, index) => ({ task_name: 'hello', name: `number ${index}` })),
  );
  const histories = await untilAllEnded(service, keys);
  expect(histories.map(endOf)).toEqual(keys.map(() => 'completed'));
});

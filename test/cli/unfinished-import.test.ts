import { jetstreamManager } from '@nats-io/jetstream';
import { expect, test } from 'vitest';
import { freePort } from '../../src/free-port.ts';
import { importMark } from '../../src/log/jetstream/import-mark.ts';
import { streamConfig } from '../../src/log/jetstream/stream.ts';
import { Bench } from '../replay/import-support.ts';
import { Program } from '../support/program.ts';
import { until } from '../support/until.ts';

test('a front that finds an unfinished import says what to do, at its port too, and starts when it is done', async () => {
  await using bench = await Bench.start();
  const manager = await jetstreamManager(bench.connection);
  await manager.streams.add({ ...streamConfig(bench.config), metadata: importMark('unfinished') });
  const port = await freePort();
  const PORT = String(port);
  await using front = new Program('front', { NATS_URL: bench.url, DATA_DIR: bench.folder, PORT });
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
  const waiting = await until(() => ask('/readyz'), 20_000);
  expect(waiting.status).toBe(503);
  const said = /import was cut off.*'wyvern replay --import'.*same file/;
  expect(await waiting.json()).toMatchObject({
    errors: [{ name: 'log', description: expect.stringMatching(said) }],
  });
  expect(front.output).toMatch(said);
  expect((await ask('/healthz'))?.status).toBe(200);
  expect((await ask('/v1/status?tasks=x'))?.status).toBe(503);

  await manager.streams.update('TASKS', { metadata: importMark('whole', { through: 0, lost: [] }) });
  await until(async () => (await ask('/v1/tasks'))?.ok, 20_000);
  expect(front.output).not.toMatch(/cannot listen/);
});

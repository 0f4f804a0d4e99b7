import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Revival } from '../../src/cli/revival.ts';
import { deferred } from '../../src/deferred.ts';
import { createLogger } from '../../src/logger.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';

const EVERY_MS = 20;

let health = { status: 'ok' } as { status: string; error?: string };
let asked = 0;
let restarts = 0;
/** While it is held, an answer waits. */
let hold: Promise<void> | undefined;
const server = createServer(async (_, response) => {
  asked++;
  await hold;
  response.writeHead(health.error ? 503 : 200).end(JSON.stringify(health));
});
let revival: Revival;
let disk: Awaited<ReturnType<typeof temporaryFolder>>;
let folder: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  disk = await temporaryFolder();
  folder = join(disk.path, 'nats');
  await mkdir(folder);
  revival = new Revival({
    healthUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`,
    folder,
    logger: createLogger('test', { LOG_LEVEL: 'fatal' }),
    everyMs: EVERY_MS,
    restart: () => {
      restarts++;
      health = { status: 'ok' };
    },
  });
});
afterAll(async () => {
  revival.close();
  server.close();
  await disk[Symbol.asyncDispose]();
});

/** Waits until the health has been asked for, and judged, with what it is now. */
const judged = async (): Promise<void> => {
  const before = asked;
  await until(() => asked >= before + 2);
};

it('leaves a nats-server alone that is well, or unwell for another reason', async () => {
  await judged();
  health = { status: 'unavailable', error: "JetStream stream '$G > TASKS' is not current" };
  await judged();
  expect(restarts).toBe(0);
});

it('asks once more only when it has been answered, so that looks do not pile up', async () => {
  const { promise, resolve } = deferred<void>();
  hold = promise;
  const before = asked;
  await until(() => asked > before);
  await delay(10 * EVERY_MS);
  expect(asked).toBe(before + 1);
  hold = undefined;
  resolve();
  await judged();
});

const WRITE_ERROR = {
  status: 'unavailable',
  error: "JetStream stream '$G > TASKS' write error: write 1.blk: no space left on device",
};

it('waits for a disk that does not say how much room it has', async () => {
  await rm(folder, { recursive: true });
  health = WRITE_ERROR;
  await judged();
  expect(restarts).toBe(0);
  health = { status: 'ok' };
  await judged();
  await mkdir(folder);
});

it('starts a nats-server anew that could not write, once there is room', async () => {
  health = WRITE_ERROR;
  await until(() => restarts === 1);
  await judged();
  expect(restarts).toBe(1);
});

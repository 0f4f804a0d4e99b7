import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Revival } from '../../src/cli/revival.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { until } from '../support/until.ts';

let health = { status: 'ok' } as { status: string; error?: string };
let asked = 0;
let restarts = 0;
const server = createServer((_, response) => {
  asked++;
  response.writeHead(health.error ? 503 : 200).end(JSON.stringify(health));
});
let revival: Revival;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  revival = new Revival({
    healthUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`,
    folder: tmpdir(),
    logger: createLogger('test', readConfig({ LOG_LEVEL: 'fatal' })),
    restart: () => {
      restarts++;
      health = { status: 'ok' };
    },
  });
});
afterAll(() => {
  revival.close();
  server.close();
});

/** Waits until the health has been asked for, and judged, with what it is now. */
const judged = async (): Promise<void> => {
  const before = asked;
  await until(() => asked >= before + 2 || undefined);
};

it('leaves a nats-server alone that is well, or unwell for another reason', async () => {
  await judged();
  health = { status: 'unavailable', error: "JetStream stream '$G > TASKS' is not current" };
  await judged();
  expect(restarts).toBe(0);
});

it('starts a nats-server anew that could not write, once there is room', async () => {
  health = {
    status: 'unavailable',
    error: "JetStream stream '$G > TASKS' write error: write 1.blk: no space left on device",
  };
  await until(() => restarts === 1 || undefined);
  await judged();
  expect(restarts).toBe(1);
});

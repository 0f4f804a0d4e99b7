import { expect, test } from 'vitest';
import { freePort, probePort } from '../src/free-port.ts';

const HOST = '127.0.0.1';
const count = 1_000;

test('No port is given out twice: a nats-server that was to listen on one for two things would never start', async () => {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  expect(new Set(ports).size).toBe(count);
});

test('No port is given out that was found free for somebody else: nats-server would have that of the front', async () => {
  const first = 20_000;
  for (let port = first; port < first + count; port++) await probePort(HOST, port).catch(() => {});
  for (let tries = 0; tries < 300; tries++) {
    const port = await freePort();
    expect(port < first || port >= first + count, `${port}`).toBe(true);
  }
});

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { create, dial, hello, rawHead } from './support.ts';

/** Longer than uWebSockets.js waits for a client that takes nothing. */
const PAUSE_MS = 12_000;
/** Together more than the system holds for a connection that is not read: 9 MB. */
const TASKS = 1_000;
const NAME = 'x'.repeat(9_000);

let service: Service;
const keys: string[] = [];
beforeAll(async () => {
  service = await Service.start();
  for (let made = 0; made < TASKS; made += 250) {
    const tasks = Array.from({ length: 250 }, () => hello(NAME));
    keys.push(...(await create(service, tasks, true)).map(({ key }) => key));
  }
}, 60_000);
afterAll(() => service[Symbol.asyncDispose]());

test.concurrent.each(['/v1/status', '/v1/status_stream'])(
  'a client that pauses in the middle of a long answer has all of it: %s',
  { timeout: 60_000 },
  async (path) => {
    const body = JSON.stringify({ tasks: keys });
    const socket = await dial(service);
    socket.write(rawHead(service, `POST ${path}`, [`Content-Length: ${body.length}`]) + body);
    let received = 0;
    let end = '';
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.once('data', async () => {
      socket.pause();
      await delay(PAUSE_MS);
      socket.resume();
    });
    socket.on('data', (bytes: Buffer) => {
      received += bytes.length;
      end = (end + bytes.toString('latin1')).slice(-200);
    });
    await ended;
    expect(received).toBeGreaterThan(TASKS * NAME.length);
    expect(end).toContain(path === '/v1/status' ? '"}]' : '\r\n0\r\n\r\n');
  },
);

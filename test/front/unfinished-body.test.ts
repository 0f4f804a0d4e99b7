import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Service } from '../support/service.ts';
import { until } from '../support/until.ts';
import { create, dial, hello, rawHead } from './support.ts';

const MB = 1_000_000;

let service: Service;
let front: number | undefined;
const sockets: Socket[] = [];
beforeAll(async () => {
  service = await Service.start();
  front = service.processes('front')[0]?.pid;
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await service[Symbol.asyncDispose]();
});

const residentMb = async (): Promise<number> =>
  Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${front}/status`, 'utf8'))?.[1]) / 1_000;

/** A client that sends so much of its body and no more; resolves when the system has taken that. */
async function stall(bytes: number): Promise<{ readonly answer: () => string }> {
  const socket = await dial(service);
  sockets.push(socket);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1');
  });
  socket.write(rawHead(service, 'POST /v1/create', ['Content-Length: 8000000']));
  await new Promise((resolve) => socket.write(Buffer.alloc(bytes, ' '), resolve));
  return { answer: () => answer };
}

describe.runIf(process.platform === 'linux')('Bodies that never end', () => {
  test('have bounded memory: the oldest are refused, and whole requests are answered', async () => {
    const before = await residentMb();
    const clients: { readonly answer: () => string }[] = [];
    for (let made = 0; made < 100; made += 1) {
      clients.push(await stall(7 * MB));
      if (made % 20 === 0) await create(service, [hello()], true);
    }
    await create(service, [hello()], true);
    const isRefused = ({ answer }: (typeof clients)[number]) => answer().startsWith('HTTP/1.1 503');
    const refused = await until(() => {
      const refused = clients.filter(isRefused);
      return refused.length > 60 ? refused : undefined;
    });
    expect(refused).toEqual(clients.slice(0, refused.length));
    expect(refused[0]?.answer()).toMatch(/Retry-After: 1/i);
    expect(refused[0]?.answer()).toContain('"name":"body","location":"body"');
    expect((await residentMb()) - before).toBeLessThan(450);
  });

  test('cost what they send, however small their chunks are', async () => {
    const before = await residentMb();
    const socket = await dial(service);
    sockets.push(socket);
    socket.write(rawHead(service, 'POST /v1/create', ['Transfer-Encoding: chunked']));
    const chunks = Buffer.from('1\r\n \r\n'.repeat(2 * MB));
    await new Promise((resolve) => socket.write(chunks, resolve));
    await create(service, [hello()], true);
    expect((await residentMb()) - before).toBeLessThan(100);
  });
});

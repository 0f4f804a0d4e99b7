import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../../src/worker/source/connection.ts';
import { exchange, type Outcome } from '../../../src/worker/source/exchange.ts';
import { LendingSocket } from '../../../src/worker/source/lending-socket.ts';
import { FETCH_LIMITS } from '../../../src/worker/source/limits.ts';
import type { Sink } from '../../../src/worker/source/sink.ts';
import { Watch } from '../../../src/worker/source/watch.ts';
import { startFetching } from './fetching.ts';
import { type Origin, send, startOrigin } from './origin.ts';

/** Keeps copies of all pieces, and makes the sender wait after those of which `isFull` says so. */
class SlowSink implements Sink {
  readonly pieces: Buffer[] = [];
  readonly drained: () => Promise<void>;
  readonly #isFull: (piece: number) => boolean;

  constructor(isFull: (piece: number) => boolean, drained: () => Promise<void> = twoTurns) {
    this.#isFull = isFull;
    this.drained = drained;
  }

  expect(): void {}

  add(piece: Uint8Array): boolean {
    this.pieces.push(Buffer.from(piece));
    return !this.#isFull(this.pieces.length);
  }

  finish = () => Promise.reject(new Error('nobody asks'));
  discard = () => Promise.reject(new Error('nobody asks'));

  get whole(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

async function twoTurns(): Promise<void> {
  await turn();
  await turn();
}

async function openSocket(port: number): Promise<LendingSocket> {
  const socket = new LendingSocket();
  socket.on('error', () => undefined);
  socket.connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  return socket;
}

const openConnection = async ({ url, port }: Origin): Promise<Connection> =>
  new Connection(url, await openSocket(port), FETCH_LIMITS.maxHeaderBytes);

async function ask(connection: Connection, sink: Sink): Promise<Outcome> {
  const watch = new Watch(new AbortController().signal, 20_000, undefined as never);
  try {
    return await exchange(connection, '/', { limits: FETCH_LIMITS, sink, watch });
  } finally {
    watch.end();
  }
}

/** Writes an answer cut at these places, each part in a turn of its own. */
async function writeInParts(socket: Socket, answer: Buffer, cuts: readonly number[]): Promise<void> {
  const places = [...new Set(cuts.map((cut) => cut % answer.length))].sort((a, b) => a - b);
  for (const [index, place] of [0, ...places].entries()) {
    socket.write(answer.subarray(place, places[index] ?? answer.length));
    await turn();
  }
}

const pattern = (bytes: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => at * 7 + (at >> 8)));

const chunked = (body: Buffer, chunk: number): Buffer => {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += chunk) {
    const part = body.subarray(at, at + chunk);
    chunks.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]);
};

const headers = fc.array(fc.nat(1_500), { maxLength: 6 });
const answers = fc.record({
  headers,
  bytes: fc.oneof(fc.nat(3), fc.nat(5_000), fc.nat(400_000)),
  chunk: fc.option(fc.integer({ min: 1, max: 100_000 })),
  cuts: fc.array(fc.oneof(fc.nat(600), fc.nat(400_000)), { maxLength: 12 }),
});

/** Each header has its own value, so that one which was written over would show. */
const writeHeaders = (lengths: readonly number[]): string =>
  lengths.map((length, at) => `x-${at}: ${String(at).repeat(length)}\r\n`).join('');

describe('a socket that lends', () => {
  it('gives each body whole, however it is cut, whoever has to wait', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(answers, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 5 }),
        async (all, pace) => {
          await using origin = await startOrigin((socket, _request, { requests }) => {
            const answer = all[requests.length - 1];
            if (answer === undefined) throw new Error('there was one request too many');
            const body = pattern(answer.bytes);
            const chunk = answer.chunk === null ? undefined : Math.max(answer.chunk, answer.bytes >> 8);
            const framing = chunk ? 'transfer-encoding: chunked' : `content-length: ${body.length}`;
            const head = `HTTP/1.1 200 OK\r\n${writeHeaders(answer.headers)}${framing}\r\n\r\n`;
            const framed = chunk ? chunked(body, chunk) : body;
            void writeInParts(socket, Buffer.concat([Buffer.from(head), framed]), answer.cuts);
          });
          const connection = await openConnection(origin);
          try {
            for (const { bytes } of all) {
              const sink = new SlowSink((piece) => piece % pace === 0);
              expect(await ask(connection, sink)).toMatchObject({ kind: 'whole', bytes });
              expect(sink.whole.equals(pattern(bytes))).toBe(true);
            }
            expect(origin.accepted).toBe(1);
          } finally {
            connection.destroy();
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('keeps the bodies of many sockets apart', async () => {
    await using origin = await startOrigin((socket, request) => {
      const body = Buffer.alloc(300_000, request.split(' ')[1]?.slice(1));
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
    await using fetching = await startFetching();
    const names = [...'abcdefghijklmnop'];
    const texts = await Promise.all(names.map((name) => fetching.text(`${origin.url}/${name}`)));
    for (const [at, text] of texts.entries()) expect(text).toBe(names[at]?.repeat(300_000));
  });

  it('lets a place to go to be cut anywhere', async () => {
    const path = `/${'a'.repeat(3_000)}/${'b'.repeat(3_000)}`;
    await using origin = await startOrigin((socket, request) => {
      if (request.startsWith(`GET ${path} `)) return send(socket, '200 OK', {}, 'there');
      const answer = Buffer.from(
        `HTTP/1.1 302 Found\r\nlocation: ${path}\r\nx: ${'c'.repeat(3_000)}\r\n\r\n`,
      );
      void writeInParts(socket, answer, [20, 22, 30, 1_000, 4_000, 6_030, 6_100, 9_000]);
    });
    await using fetching = await startFetching();
    expect(await fetching.text(`${origin.url}/`)).toBe('there');
  });

  it.each([0, 1, 65_536, 1_000_000])(
    'ends a body with its connection after a wait: %d bytes',
    async (bytes) => {
      await using origin = await startOrigin((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.end(pattern(bytes));
      });
      const connection = await openConnection(origin);
      const sink = new SlowSink(() => true);
      expect(await ask(connection, sink)).toMatchObject({ kind: 'whole', bytes });
      expect(sink.whole.equals(pattern(bytes))).toBe(true);
    },
  );

  it('tells of a reset after a wait', async () => {
    await using origin = await startOrigin((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.write(pattern(1_000), () => socket.resetAndDestroy());
    });
    const connection = await openConnection(origin);
    await expect(ask(connection, new SlowSink(() => true))).rejects.toThrow(/was cut off|without an answer/);
  });

  it('keeps what waits apart from what others read meanwhile', async () => {
    await using origin = await startOrigin((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n`);
      socket.write(chunked(pattern(200_000), 6_000));
    });
    await using other = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'.repeat(70_000)));
    await using fetching = await startFetching();
    const connection = await openConnection(origin);
    const sink = new SlowSink(
      () => true,
      async () => expect(await fetching.text(other.url)).toHaveLength(70_000),
    );
    expect(await ask(connection, sink)).toMatchObject({ kind: 'whole', bytes: 200_000 });
    expect(sink.whole.equals(pattern(200_000))).toBe(true);
    connection.destroy();
  });

  it('does not take for an answer what came before it was asked', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('SSH-2.0-OpenSSH_9.2\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = await openSocket(port);
    await expect.poll(() => socket.bytesRead).toBeGreaterThan(0);
    const connection = new Connection(`http://127.0.0.1:${port}`, socket, FETCH_LIMITS.maxHeaderBytes);
    await expect(ask(connection, new SlowSink(() => false))).rejects.toThrow('without an answer');
    server.close();
  });
});

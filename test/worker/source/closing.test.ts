import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RoomPart } from '../../../src/worker/source/source-room.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { makeCertificate } from './certificates.ts';
import { fileRoom, startFetching } from './fetching.ts';
import { startOrigin } from './origin.ts';
import { startTlsOrigin } from './tls-origin.ts';

const HOST = 'a.example';
const certificate = makeCertificate({ names: [HOST] });
const body = Buffer.alloc(3_000, 'wyvern');
const heads = {
  'no length': 'connection: close\r\n',
  'a length': `connection: close\r\ncontent-length: ${body.length}\r\n`,
  chunks: 'connection: close\r\ntransfer-encoding: chunked\r\n',
};
const { signal } = new AbortController();

/** A room whose files are there only when `isReady` says so. */
const slowRoom = (part: RoomPart, isReady: Promise<unknown>): RoomPart => ({
  ...part,
  file: async () => {
    await isReady;
    return part.file();
  },
});

/** The end of a connection is seen in one of the next turns of the event loop. */
async function someTurns(): Promise<void> {
  for (let count = 0; count < 50; count += 1) await turn();
}

describe.each(['http', 'https'])('a source over %s', (scheme) => {
  const start = (answer: (socket: Socket) => void) =>
    scheme === 'http' ? startOrigin(answer) : startTlsOrigin(certificate, answer);
  const fetcher = () => startFetching({ ca: certificate.cert, resolver: async () => ['127.0.0.1'] });

  it.each(Object.entries(heads))(
    'may close its connection while there is no room yet for its body, of %s',
    async (what, head) => {
      const closed = new EventEmitter();
      await using origin = await start((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
        const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
        socket.end(what === 'chunks' ? chunk : body, () => closed.emit('closed'));
      });
      await using fetching = await fetcher();
      await using folder = await temporaryFolder();
      const part = fileRoom(folder.path).part();
      const isReady = once(closed, 'closed').then(someTurns);
      const url = `${scheme}://${HOST}:${origin.port}/`;
      const source = await fetching.fetcher.fetch(url, slowRoom(part, isReady), signal);
      expect(source.bytes).toBe(body.length);
      await part.leave();
    },
  );

  it('may be asked again over its connection while there is no room yet for its body', async () => {
    await using origin = await start((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
    await using fetching = await fetcher();
    await using folder = await temporaryFolder();
    const url = `${scheme}://${HOST}:${origin.port}/`;
    const room = fileRoom(folder.path);
    const parts = [room.part(), room.part()] as const;
    const second = new EventEmitter();
    const first = fetching.fetcher.fetch(url, slowRoom(parts[0], once(second, 'over')), signal);
    await expect.poll(() => origin.requests.length).toBe(1);
    await someTurns();
    expect((await fetching.fetcher.fetch(url, parts[1], signal)).bytes).toBe(body.length);
    second.emit('over');
    expect((await first).bytes).toBe(body.length);
    for (const part of parts) await part.leave();
  });
});

import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readHead } from '../../../src/worker/source/answer.ts';
import { FETCH_LIMITS } from '../../../src/worker/source/limits.ts';
import { failureWhen, pour, raw, rawThenEnd } from './answering.ts';
import { type Answer, send } from './origin.ts';

const KB = { limits: { maxBytes: 1_000 } };

describe('an answer that is too large', () => {
  it.each(['1001', '10000000000', '18446744073709551615'])(
    'is refused by its length of %s',
    async (length) => {
      expect(await failureWhen((socket) => send(socket, '200 OK', { 'content-length': length }), KB)).toBe(
        'is larger than 1 kB',
      );
    },
  );

  it('is refused in the tasks\u2019 own words', async () => {
    expect(await failureWhen((socket) => send(socket, '200 OK', { 'content-length': '50000001' }))).toBe(
      'is larger than 50 MB',
    );
  });

  it('is refused while it comes, when it has no length', async () => {
    const answer: Answer = (socket) => {
      send(socket, '200 OK', { 'transfer-encoding': 'chunked' });
      pour(socket, `2710\r\n${'x'.repeat(10_000)}\r\n`);
    };
    expect(await failureWhen(answer, { limits: { maxBytes: 5_000_000 } })).toBe('is larger than 5 MB');
  });

  it('is refused while it comes, when it would end with its connection', async () => {
    const answer: Answer = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      pour(socket, Buffer.alloc(65_536));
    };
    expect(await failureWhen(answer, { limits: { maxBytes: 5_000_000 } })).toBe('is larger than 5 MB');
  });

  it.each([
    ['100 MB of one header', `x: ${'y'.repeat(65_536)}`],
    ['headers without end', 'x: y\r\n'.repeat(10_000)],
  ])('is refused for %s', async (_what, piece) => {
    const answer: Answer = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      pour(socket, piece);
    };
    expect(await failureWhen(answer)).toBe('answered with headers larger than 16.384 kB');
  });
});

describe('a coded body', () => {
  const bomb = gzipSync(Buffer.alloc(1_000_000)).toString('latin1');
  it.each([
    [{ 'content-encoding': 'gzip' }, 'gzip'],
    [{ 'content-encoding': 'GZIP' }, 'gzip'],
    [{ 'content-encoding': 'br' }, 'br'],
    [{ 'content-encoding': 'zstd' }, 'zstd'],
    [{ 'content-encoding': 'gzip, gzip' }, 'gzip, gzip'],
    [{ 'content-encoding': 'identity, gzip' }, 'identity, gzip'],
    [{ 'content-encoding': "<b>'" }, 'unknown'],
    [{ 'content-encoding': 'x'.repeat(5_000) }, 'x'.repeat(40)],
  ])('is refused: %j', async (headers, name) => {
    expect(await failureWhen((socket) => send(socket, '200 OK', headers, bomb))).toBe(
      `is compressed (${name})`,
    );
  });

  it('is refused when two headers say so', async () => {
    const head =
      'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nContent-Encoding: br\r\ncontent-length: 1\r\n\r\nx';
    expect(await failureWhen(raw(head))).toBe('is compressed (gzip, br)');
  });

  it('is refused when the transfer is coded', async () => {
    const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n';
    expect(await failureWhen(raw(head))).toBe('is compressed (gzip)');
  });

  it('takes no time to be refused, whatever stands between the names of codings', () => {
    for (const between of [' '.repeat(300_000), ', '.repeat(150_000)])
      for (const name of ['transfer-encoding', 'content-encoding']) {
        const startedAt = performance.now();
        expect(() => readHead(200, { [name]: `a${between}b` }, FETCH_LIMITS)).toThrow('is compressed');
        expect(performance.now() - startedAt).toBeLessThan(5_000);
      }
  });
});

describe('a body that is not whole', () => {
  const resets: Answer = (socket) => void setImmediate(() => socket.resetAndDestroy());

  it('is cut off when less came than was promised', async () => {
    const answer = rawThenEnd(`HTTP/1.1 200 OK\r\ncontent-length: 5678\r\n\r\n${'x'.repeat(1_234)}`);
    expect(await failureWhen(answer)).toBe('(passing) was cut off after 1234 of 5678 bytes');
  });

  it('is cut off when less came than was promised, connection: close or not', async () => {
    const answer = rawThenEnd(
      `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5678\r\n\r\n${'x'.repeat(1_234)}`,
    );
    expect(await failureWhen(answer)).toBe('(passing) was cut off after 1234 of 5678 bytes');
  });

  it('is cut off when the last chunk is missing', async () => {
    const answer = rawThenEnd('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n');
    expect(await failureWhen(answer)).toBe('(passing) was cut off after 4 bytes');
  });

  it.each([
    ['a length', 'HTTP/1.1 200 OK\r\ncontent-length: 5000000\r\n\r\n'],
    [
      'a length, connection: close',
      'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5000000\r\n\r\n',
    ],
    ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffff\r\n'],
    ['neither', 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'],
  ])('is cut off by a reset, with %s', async (_what, head) => {
    const failure = await failureWhen((socket, request, origin) => {
      socket.write(head);
      socket.write('x'.repeat(1_000), () => resets(socket, request, origin));
    });
    expect(failure).toMatch(/^\(passing\) was cut off after \d+( of 5000000)? bytes$/);
  });

  it('is cut off by a reset that comes some time after the bytes', async () => {
    const failure = await failureWhen((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhalf of it');
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    expect(failure).toBe('(passing) was cut off after 10 bytes');
  });

  it('is no answer at all when the connection closes before the head', async () => {
    const closed = '(passing) closed the connection without an answer';
    expect(await failureWhen((socket) => void socket.end())).toBe(closed);
    expect(await failureWhen(rawThenEnd('HTTP/1.1 200 OK\r\ncontent-le'))).toMatch(
      /without an answer|not answer in HTTP/,
    );
    expect(await failureWhen((socket) => void socket.resetAndDestroy())).toBe(closed);
  });
});

describe('an answer that is not HTTP', () => {
  it.each([
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['Redis', '-ERR unknown command\r\n'],
    ['HTTP/2', '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    ],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx'],
    ['a length beyond 64 bits', 'HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nx'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
    ['a chunk that is none', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n'],
    ['a wish to continue', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ])('ends the task: %s', async (_what, bytes) => {
    expect(await failureWhen(raw(bytes))).toBe('did not answer in HTTP');
  });
});

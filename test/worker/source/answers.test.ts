import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { TaskFailure } from '../../../actors/failure.ts';
import { failureWhen, pour, raw, rawThenEnd, textWhen } from './answering.ts';
import { startFetching } from './fetching.ts';
import { type Answer, send, startOrigin } from './origin.ts';

describe('a whole answer', () => {
  it('is spooled, counted, and named as the client wrote it', async () => {
    const body = Buffer.alloc(3_000_000, 'wyvern');
    await using origin = await startOrigin((socket) => {
      send(socket, '200 OK', { 'content-length': `${body.length}` });
      socket.write(body);
    });
    await using fetching = await startFetching();
    const url = `${origin.url.toUpperCase()}/a%20b.jpg?c=d&e#f`;
    const source = await fetching.fetch(url);
    expect(source).toEqual({ url, bytes: 3_000_000, path: fetching.spooling() });
    expect((await readFile(source.path ?? '')).equals(body)).toBe(true);
    expect(origin.requests[0]).toMatch(/^GET \/a%20b\.jpg\?c=d&e HTTP\/1\.1\r\n/);
  });

  it.each([
    ['image/jpeg', 'image/jpeg'],
    ['Image/SVG+XML; charset="utf-8"', 'image/svg+xml'],
    ['text/html;charset=utf-8', 'text/html'],
    ['', undefined],
    ['jpeg', undefined],
    ['image/jpeg<script>', undefined],
    [`image/${'x'.repeat(100)}`, undefined],
    ['image/*', undefined],
  ])('of the type %j is noted as %j', async (type, noted) => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', { 'content-type': type }, 'x'));
    await using fetching = await startFetching();
    expect((await fetching.fetch(`${origin.url}/`)).contentType).toBe(noted);
  });

  it('is asked for with these headers and no others', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', { 'set-cookie': 'a=b' }, 'x'));
    await using fetching = await startFetching();
    await fetching.text(`${origin.url}/`);
    await fetching.text(`${origin.url}/`);
    const headers = [
      'accept-encoding: identity',
      'accept: */*',
      'connection: keep-alive',
      `host: 127.0.0.1:${origin.port}`,
      'user-agent: Wyvern',
    ];
    expect(origin.requests).toHaveLength(2);
    for (const request of origin.requests) expect(request.split('\r\n').slice(1).sort()).toEqual(headers);
  });

  it.each([
    ['empty', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', ''],
    [
      'chunked',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\na: b\r\n\r\n',
      'abcde',
    ],
    [
      'told to be identity',
      'HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\ncontent-length: 3\r\n\r\nabc',
      'abc',
    ],
    [
      'after a hint',
      'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc',
      'abc',
    ],
    [
      'of a login page',
      'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>',
      '<html>',
    ],
    [
      'as long as the limit',
      `HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n${'x'.repeat(1_000)}`,
      'x'.repeat(1_000),
    ],
  ])('may be %s', async (_what, answer, body) => {
    expect(await textWhen(raw(answer), { limits: { maxBytes: 1_000 } })).toBe(body);
  });

  it.each([
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nabc'],
    ['no length', 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc'],
  ])('may end with its connection: %s', async (_what, answer) => {
    expect(await textWhen(rawThenEnd(answer))).toBe('abc');
  });

  it('may come byte by byte', async () => {
    const body = '1\r\nx\r\n'.repeat(20_000);
    expect(await textWhen(raw(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body}0\r\n\r\n`))).toBe(
      'x'.repeat(20_000),
    );
  });

  it('ends where its length says, and what follows is not taken for the next answer', async () => {
    await using origin = await startOrigin((socket, _request, { requests }) => {
      const forged = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged';
      send(socket, '200 OK', { 'content-length': '5' }, requests.length === 1 ? `first${forged}` : 'again');
    });
    await using fetching = await startFetching();
    expect(await fetching.text(`${origin.url}/`)).toBe('first');
    expect(await fetching.text(`${origin.url}/`)).toBe('again');
  });
});

describe('a status that is not 200', () => {
  it.each([
    201, 202, 203, 204, 205, 206, 226, 300, 304, 305, 306, 400, 401, 402, 403, 404, 405, 407, 410, 418, 451,
    600, 999,
  ])('%i ends the task', async (status) => {
    expect(await failureWhen((socket) => send(socket, `${status} X`, {}, 'body'))).toBe(`answered ${status}`);
  });

  it.each([408, 429, 500, 502, 503, 504, 599])('%i may pass', async (status) => {
    expect(await failureWhen((socket) => send(socket, `${status} X`, {}, 'body'))).toBe(
      `(passing) answered ${status}`,
    );
  });

  it.each([
    ['120', 120_000],
    ['0', 0],
    [new Date(Date.now() + 90_000).toUTCString(), 90_000],
    ['Tue, 01 Jan 2008 00:00:00 GMT', 0],
    ['9'.repeat(400), Number.POSITIVE_INFINITY],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['2', 2_000],
  ])('that says Retry-After: %s is left alone for that time', async (value, milliseconds) => {
    await using origin = await startOrigin((socket) => send(socket, '503 X', { 'retry-after': value }));
    await using fetching = await startFetching();
    const { retryAfterMs } = (await fetching.rejection(`${origin.url}/`)) as TaskFailure;
    if (milliseconds && Number.isFinite(milliseconds) && value.includes('GMT')) {
      expect(retryAfterMs).toBeGreaterThan(milliseconds - 20_000);
      expect(retryAfterMs).toBeLessThanOrEqual(milliseconds);
    } else expect(retryAfterMs).toBe(milliseconds);
  });

  it('is not looked at any further, endless though its body may be', async () => {
    const answer: Answer = (socket) => {
      send(socket, '404 Not Found', { 'transfer-encoding': 'chunked' });
      pour(socket, '3e8\r\n'.concat('x'.repeat(1_000), '\r\n'));
    };
    expect(await failureWhen(answer)).toBe('answered 404');
  });
});

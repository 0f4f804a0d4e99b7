import { createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startFetching } from './fetching.ts';
import { pathOf, send, startOrigin } from './origin.ts';

describe('a connection', () => {
  it('is kept for the next request to the same origin', async () => {
    await using origin = await startOrigin((socket, request) => send(socket, '200 OK', {}, pathOf(request)));
    await using fetching = await startFetching();
    for (const path of ['/a', '/b', '/c']) expect(await fetching.text(origin.url + path)).toBe(path);
    expect(origin.accepted).toBe(1);
  });

  it('is made anew for each of many requests at once, and a few are kept', async () => {
    const waiting: (() => void)[] = [];
    await using origin = await startOrigin((socket, request) => {
      waiting.push(() => send(socket, '200 OK', {}, pathOf(request)));
      if (waiting.length === 40) for (const answer of waiting) answer();
    });
    await using fetching = await startFetching();
    const paths = Array.from({ length: 40 }, (_, index) => `/${index}`);
    expect(await Promise.all(paths.map((path) => fetching.text(origin.url + path)))).toEqual(paths);
    expect(origin.accepted).toBe(40);
    await expect.poll(() => origin.open).toBe(8);
  });

  it('is not shared with another name for the same address', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'));
    const resolver = async (name: string) => [name === 'a.example' ? '127.0.0.1' : '10.0.0.1'];
    await using fetching = await startFetching({ resolver });
    await fetching.text(`http://a.example:${origin.port}/`);
    for (const host of ['b.example', 'a.example.', '127.0.0.2'])
      expect(await fetching.failure(`http://${host}:${origin.port}/`)).toContain('which sources may not use');
    expect(origin.requests).toHaveLength(1);
  });

  it('is not shared between http and https', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'));
    await using fetching = await startFetching({ limits: { connectMs: 100 } });
    await fetching.text(`${origin.url}/`);
    const failure = await fetching.failure(`${origin.url.replace('http:', 'https:')}/`);
    expect(failure).toContain('could not be reached within 0.1 s');
    expect(origin.requests).toHaveLength(1);
  });

  it('that was closed in the meantime is replaced', async () => {
    await using origin = await startOrigin((socket, _request, { requests }) => {
      send(socket, '200 OK', {}, `${requests.length}`);
      setTimeout(() => socket.end(), 5);
    });
    await using fetching = await startFetching();
    expect(await fetching.text(`${origin.url}/`)).toBe('1');
    await expect.poll(() => origin.open).toBe(0);
    expect(await fetching.text(`${origin.url}/`)).toBe('2');
  });

  it.each([
    ['closed', ''],
    ['answered with the rest of the answer before', 'and more of that'],
  ])('that is %s upon the second request is replaced by a new one', async (_what, rest) => {
    await using origin = await startOrigin((socket, request, { requests }) => {
      if (requests.length === 2) socket.end(rest);
      else send(socket, '200 OK', {}, pathOf(request));
    });
    await using fetching = await startFetching();
    expect(await fetching.text(`${origin.url}/a`)).toBe('/a');
    expect(await fetching.text(`${origin.url}/b`)).toBe('/b');
    expect(origin.requests.map(pathOf)).toEqual(['/a', '/b', '/b']);
    expect(origin.accepted).toBe(2);
  });

  it('is not kept after a body that was cut off', async () => {
    await using origin = await startOrigin((socket, _request, { requests }) => {
      if (requests.length === 1) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc');
      else send(socket, '200 OK', {}, 'whole');
    });
    await using fetching = await startFetching();
    expect(await fetching.failure(`${origin.url}/`)).toContain('was cut off after 3 of 5 bytes');
    expect(await fetching.text(`${origin.url}/`)).toBe('whole');
  });

  it('that is refused may not be the next time', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    await using fetching = await startFetching();
    const url = `http://127.0.0.1:${port}/`;
    expect(await fetching.failure(url)).toBe(
      `(passing) File '${url}' could not be reached: connection refused`,
    );
  });

  it('is closed with the fetcher', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'));
    const fetching = await startFetching();
    await fetching.text(`${origin.url}/`);
    expect(origin.open).toBe(1);
    await fetching[Symbol.asyncDispose]();
    await expect.poll(() => origin.open).toBe(0);
  });
});

describe('the proxy variables', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('are ignored', async () => {
    await using proxy = await startOrigin((socket) => send(socket, '200 OK', {}, 'proxy'));
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'origin'));
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'])
      vi.stubEnv(name, proxy.url);
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    await using fetching = await startFetching();
    expect(await fetching.text(`${origin.url}/`)).toBe('origin');
    expect(proxy.accepted).toBe(0);
  });
});

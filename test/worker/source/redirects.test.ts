import { describe, expect, it } from 'vitest';
import { startFetching } from './fetching.ts';
import { type Answer, pathOf, send, startOrigin } from './origin.ts';

const redirectTo =
  (location: string, status = '302 Found'): Answer =>
  (socket) =>
    send(socket, status, { location });

/** What becomes of `/`, which redirects to `location`; `ORIGIN` stands for the origin's own URL. */
async function failureOf(location: string): Promise<string> {
  await using origin = await startOrigin((socket, _request, { url }) =>
    redirectTo(location.replace('ORIGIN', url))(socket, '', origin),
  );
  await using fetching = await startFetching();
  return (await fetching.failure(`${origin.url}/`)).replaceAll(origin.url, 'ORIGIN');
}

describe('a redirect', () => {
  it.each([
    ['301', 'absolute', (url: string) => `${url}/b/c?d`, '/b/c?d'],
    ['302', 'from the root', () => '/b/c?d', '/b/c?d'],
    ['303', 'relative', () => 'c?d', '/b/c?d'],
    ['307', 'to the same host', (url: string) => `${url.replace('http:', '')}/b/c?d`, '/b/c?d'],
    ['308', 'with a fragment', () => '../x#y', '/x'],
    ['302', 'a query alone', () => '?e', '/b/a?e'],
    ['302', 'with spaces around it', () => '  /b/c  ', '/b/c'],
  ])('%s is followed: %s', async (status, _what, location, path) => {
    await using origin = await startOrigin((socket, request, { url }) => {
      if (pathOf(request) === '/b/a') redirectTo(location(url), `${status} X`)(socket, request, origin);
      else send(socket, '200 OK', {}, pathOf(request));
    });
    await using fetching = await startFetching();
    const source = await fetching.fetch(`${origin.url}/b/a`);
    expect(source.url).toBe(`${origin.url}/b/a`);
    expect(pathOf(origin.requests[1] ?? '')).toBe(path);
    expect(origin.requests).toHaveLength(2);
  });

  it('goes to another origin without anything of the first', async () => {
    await using second = await startOrigin((socket) => send(socket, '200 OK', {}, 'there'));
    await using first = await startOrigin((socket) =>
      send(socket, '302 Found', { location: `${second.url}/x`, 'set-cookie': 'a=b; path=/' }),
    );
    await using fetching = await startFetching();
    expect(await fetching.text(`${first.url}/secret-path`)).toBe('there');
    expect(second.requests.join()).not.toMatch(/secret-path|cookie|referer|authorization/i);
  });

  it('is followed five times', async () => {
    await using origin = await startOrigin((socket, request) => {
      const hop = Number(pathOf(request).slice(1));
      if (hop < 5) redirectTo(`/${hop + 1}`)(socket, request, origin);
      else send(socket, '200 OK', {}, 'there');
    });
    await using fetching = await startFetching();
    expect(await fetching.text(`${origin.url}/0`)).toBe('there');
    expect(await fetching.failure(`${origin.url}/-1`)).toBe(
      `File '${origin.url}/-1' redirects more than 5 times`,
    );
    expect(origin.requests).toHaveLength(12);
  });

  it.each(['/', '', '//ORIGIN_HOST/', '#x'])(
    'may go round in circles, and is left then: %j',
    async (location) => {
      await using origin = await startOrigin((socket, request, { port }) => {
        const to = location.replace('ORIGIN_HOST', `127.0.0.1:${port}`);
        if (to === '') send(socket, '302 Found', { location: request.includes('GET / ') ? '/a' : '/' });
        else redirectTo(to)(socket, request, origin);
      });
      await using fetching = await startFetching();
      expect(await fetching.failure(`${origin.url}/`)).toBe(
        `File '${origin.url}/' redirects more than 5 times`,
      );
      expect(origin.requests).toHaveLength(6);
    },
  );

  it.each([
    ['file:///etc/passwd', "'file:///etc/passwd', which is not an http or https URL"],
    ['ftp://127.0.0.1/', "'ftp://127.0.0.1/', which is not an http or https URL"],
    ['data:image/png;base64,AA==', "'data:image/png;base64,AA==', which is not an http or https URL"],
    ['http://', "'http://', which is not an http or https URL"],
    ['http://127.0.0.1:99999/', "'http://127.0.0.1:99999/', which is not an http or https URL"],
    ['http://user:pw@127.0.0.1/', "'http://***@127.0.0.1/', which names user information"],
    ['//user:pw@127.0.0.1/', "'http://***@127.0.0.1/', which names user information"],
    [
      'http://a..b/',
      "'http://a..b/', which names a host that cannot exist: it may have 253 characters, and 1 to 63 between two dots",
    ],
    ['http://8.8.8.8:22/', "'http://8.8.8.8:22/', which is at port 22, which sources may not use"],
    ['http://10.0.0.1/', "'http://10.0.0.1/', which is not at a public address"],
    ['http://169.254.169.254/latest/', "'http://169.254.169.254/latest/', which is not at a public address"],
    ['http://0x7f000002/', "'http://127.0.0.2/', which is not at a public address"],
    ['http://[::ffff:10.0.0.1]/', "'http://[::ffff:a00:1]/', which is not at a public address"],
    [
      `/${'a'.repeat(9_000)}`,
      `'ORIGIN/${'a'.repeat(300 - 2 - 'http://127.0.0.1:12345'.length)}…', which is longer than 8192 characters`,
    ],
  ])('is not followed to %s', async (location, text) => {
    expect(await failureOf(location)).toBe(`File 'ORIGIN/' leads to ${text}`);
  });

  it('is not followed to a name that is private, and the address stays unsaid', async () => {
    await using origin = await startOrigin(redirectTo('http://inside.example/'));
    await using fetching = await startFetching({ resolver: async () => ['10.1.2.3'] });
    const failure = await fetching.failure(`${origin.url}/`);
    expect(failure).toBe(
      `File '${origin.url}/' leads to 'http://inside.example/', which is not at a public address`,
    );
  });

  it('names its target when that is at fault', async () => {
    await using origin = await startOrigin((socket, request) => {
      if (pathOf(request) === '/') redirectTo('/gone')(socket, request, origin);
      else send(socket, '404 Not Found', {});
    });
    await using fetching = await startFetching();
    expect(await fetching.failure(`${origin.url}/`)).toBe(
      `File '${origin.url}/' leads to '${origin.url}/gone', which answered 404`,
    );
  });

  it.each([[{}], [{ location: '' }]])('must say where to go: %j', async (headers) => {
    await using origin = await startOrigin((socket) => send(socket, '302 Found', headers));
    await using fetching = await startFetching();
    expect(await fetching.failure(`${origin.url}/`)).toBe(
      `File '${origin.url}/' answered 302 and does not say where to go`,
    );
  });

  it('must say it once', async () => {
    const head = 'HTTP/1.1 302 Found\r\nlocation: /a\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n';
    await using origin = await startOrigin((socket) => void socket.write(head));
    await using fetching = await startFetching();
    expect(await fetching.failure(`${origin.url}/`)).toContain('answered 302 and does not say where to go');
  });

  it('may have an endless body, which is not read', async () => {
    await using origin = await startOrigin((socket, request) => {
      if (pathOf(request) === '/b') send(socket, '200 OK', {}, 'there');
      else
        send(socket, '302 Found', { location: '/b', 'content-length': '10000000000' }, 'x'.repeat(100_000));
    });
    await using fetching = await startFetching();
    expect(await fetching.text(`${origin.url}/`)).toBe('there');
  });
});

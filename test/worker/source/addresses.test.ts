import { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { PRIVATE_URLS } from './address-vectors.ts';
import { startFetching } from './fetching.ts';
import { send, startOrigin } from './origin.ts';

const systemError = (code: string) => Object.assign(new Error(`getaddrinfo ${code}`), { code });

/** What becomes of `http://a.example/` when its name is resolved so. */
async function failureWith(
  resolver: (name: string) => Promise<string[]>,
  url = 'http://a.example/',
): Promise<string> {
  await using fetching = await startFetching({ allow: [], resolver });
  return await fetching.failure(url);
}

describe('a literal address', () => {
  it('is never asked of the name service, and refused when it is not public', async () => {
    const resolver = vi.fn(async () => ['8.8.8.8']);
    await using fetching = await startFetching({ allow: [], resolver });
    for (const [, url] of PRIVATE_URLS)
      expect(await fetching.failure(url)).toBe(`File '${url}' is not at a public address`);
    expect(resolver).not.toHaveBeenCalled();
  });

  it.each([
    ['http://8.8.8.8:22/', 22],
    ['http://8.8.8.8:25/', 25],
    ['http://127.0.0.1:6379/', 6_379],
    ['https://8.8.8.8:0/', 0],
  ])('is refused for its port: %s', async (url, port) => {
    await using fetching = await startFetching({ allow: [] });
    expect(await fetching.failure(url)).toBe(`File '${url}' is at port ${port}, which sources may not use`);
  });

  it('of IPv6 is fetched from when it is allowed', async () => {
    const origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'six'), '::1').catch(
      () => undefined,
    );
    if (origin === undefined) return;
    await using _origin = origin;
    await using fetching = await startFetching({ allow: ['::1'] });
    expect(await fetching.text(`${origin.url}/`)).toBe('six');
    expect(origin.requests[0]).toContain(`\r\nhost: [::1]:${origin.port}`);
  });
});

describe('a name', () => {
  it.each(['localhost', 'LOCALHOST', 'loc\nalhost', 'ｌｏｃａｌｈｏｓｔ'])(
    'of this machine is refused: %j',
    async (name) => {
      await using fetching = await startFetching({ allow: [] });
      expect(await fetching.failure(`http://${name}/`)).toMatch(/is not at a public address$/);
    },
  );

  it.each(['localhost.', 'foo.localhost', 'localhost。', 'metadata.google.internal'])(
    'is judged by its addresses and not by its letters: %s',
    async (name) => {
      const resolver = async () => [name.startsWith('m') ? '169.254.169.254' : '127.0.0.1'];
      expect(await failureWith(resolver, `http://${name}/`)).toBe(
        `File 'http://${name}/' is not at a public address`,
      );
    },
  );

  it.each([
    ['private', ['10.0.0.1']],
    ['public and private', ['8.8.8.8', '10.0.0.1']],
    ['private and public', ['169.254.169.254', '8.8.8.8']],
    [
      'public and private at the end of many',
      [...Array.from({ length: 50 }, (_, i) => `8.8.8.${i}`), 'fd00:ec2::254'],
    ],
    ['mapped', ['::ffff:8.8.8.8']],
    ['link-local with its zone', ['fe80::1%lo']],
    ['no address at all', ['metadata']],
  ])('is refused when what it resolves to is %s', async (_what, addresses) => {
    const failure = await failureWith(async () => addresses);
    expect(failure).toBe("File 'http://a.example/' is not at a public address");
  });

  it('is not even looked up when its port is closed', async () => {
    const resolver = vi.fn(async () => ['8.8.8.8']);
    expect(await failureWith(resolver, 'http://a.example:6379/')).toMatch(
      'is at port 6379, which sources may not use',
    );
    expect(resolver).not.toHaveBeenCalled();
  });

  it.each([
    ['ENOTFOUND', 'could not be found'],
    ['ENODATA', 'could not be found'],
    ['EAI_AGAIN', '(passing) could not be looked up'],
    ['EMFILE', '(passing) could not be looked up'],
  ])('that the name service answers with %s', async (code, text) => {
    const failure = await failureWith(() => Promise.reject(systemError(code)));
    expect(failure.replace("File 'http://a.example/' ", '')).toBe(text);
  });

  it('without an address could not be found', async () => {
    expect(await failureWith(async () => [])).toBe("File 'http://a.example/' could not be found");
  });

  it('is looked up as it is parsed, and asked for by that name', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'));
    const resolver = vi.fn(async () => ['127.0.0.1']);
    await using fetching = await startFetching({ resolver });
    await fetching.text(`http://B\u00fccher.Example.:${origin.port}/`);
    expect(resolver.mock.calls).toEqual([['xn--bcher-kva.example.']]);
    expect(origin.requests[0]).toContain(`\r\nhost: xn--bcher-kva.example.:${origin.port}\r\n`);
  });

  it('is reached at the next of its addresses when the first does not answer', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'second'), '127.0.0.2');
    await using fetching = await startFetching({
      allow: ['127.0.0.0/8'],
      resolver: async () => ['127.0.0.3', '127.0.0.2'],
    });
    expect(await fetching.text(`http://a.example:${origin.port}/`)).toBe('second');
  });

  it('is tried at no more than four addresses', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'), '127.0.0.9');
    const addresses = Array.from({ length: 7 }, (_, index) => `127.0.0.${index + 3}`);
    await using fetching = await startFetching({ allow: ['127.0.0.0/8'], resolver: async () => addresses });
    const url = `http://a.example:${origin.port}/`;
    expect(await fetching.failure(url)).toBe(
      `(passing) File '${url}' could not be reached: connection refused`,
    );
    expect(origin.accepted).toBe(0);
  });

  it('is tried at addresses of both families in turn, however many the first has', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'four'));
    await using fetching = await startFetching({
      allow: ['127.0.0.1', '::1'],
      resolver: async () => ['::1', '::1', '::1', '::1', '127.0.0.1'],
    });
    expect(await fetching.text(`http://a.example:${origin.port}/`)).toBe('four');
  });

  it('that may be named goes wherever it resolves to', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'));
    await using fetching = await startFetching({
      allow: ['inside.example'],
      resolver: async () => ['127.0.0.1'],
    });
    expect(await fetching.text(`http://inside.example:${origin.port}/`)).toBe('x');
    expect(await fetching.failure(`http://other.example:${origin.port}/`)).toContain(
      `is at port ${origin.port}, which`,
    );
  });
});

describe('a name that is resolved otherwise the second time', () => {
  it('is connected to where it was checked', async () => {
    await using good = await startOrigin((socket) => send(socket, '200 OK', { connection: 'close' }, 'good'));
    await using bad = await startOrigin(
      (socket) => send(socket, '200 OK', {}, 'bad'),
      '127.0.0.2',
      good.port,
    );
    const answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.1', '127.0.0.2']];
    await using fetching = await startFetching({ resolver: async () => answers.shift() ?? [] });
    const url = `http://a.example:${good.port}/`;
    expect(await fetching.text(url)).toBe('good');
    expect(await fetching.failure(url)).toContain(`is at port ${good.port}, which sources may not use`);
    expect(await fetching.failure(url)).toContain(`is at port ${good.port}, which sources may not use`);
    expect(bad.accepted).toBe(0);
  });

  it('keeps to the connection that was checked, as long as that lives', async () => {
    await using good = await startOrigin((socket) => send(socket, '200 OK', {}, 'good'));
    await using bad = await startOrigin(
      (socket) => send(socket, '200 OK', {}, 'bad'),
      '127.0.0.2',
      good.port,
    );
    const answers = [['127.0.0.1'], ['127.0.0.2']];
    await using fetching = await startFetching({ resolver: async () => answers.shift() ?? [] });
    expect(await fetching.text(`http://a.example:${good.port}/`)).toBe('good');
    expect(await fetching.text(`http://a.example:${good.port}/`)).toBe('good');
    expect([good.accepted, bad.accepted, answers.length]).toEqual([1, 0, 1]);
  });

  it('is not asked for anything when the socket turns out to lead elsewhere', async () => {
    await using elsewhere = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'), '127.0.0.2');
    await using fetching = await startFetching();
    const { connect } = Socket.prototype;
    const detour = vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket) {
      return Reflect.apply(connect, this, [elsewhere.port, '127.0.0.2']);
    });
    const url = `http://127.0.0.1:${elsewhere.port}/`;
    const failure = await fetching.failure(url).finally(() => detour.mockRestore());
    expect(failure).toBe(`File '${url}' is at port ${elsewhere.port}, which sources may not use`);
    expect([elsewhere.accepted, elsewhere.requests.length]).toEqual([1, 0]);
  });
});

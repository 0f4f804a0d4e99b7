import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Body } from '../../../src/worker/source/body.ts';
import { Room } from '../../../src/worker/source/room.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startFetching } from './fetching.ts';
import { send, startOrigin } from './origin.ts';

const pieces = [1, 0, 20_000, 65_536, 7, 100_000].map((size, index) => Buffer.alloc(size, index + 1));
const whole = Buffer.concat(pieces);

async function takeIn(body: Body): Promise<void> {
  for (const piece of pieces) if (!body.add(piece)) await body.drained();
}

describe('a body', () => {
  it.each([0, 1, whole.length, 300_000])(
    'stays in memory where there is room, whatever length was promised: %d',
    async (promised) => {
      await using folder = await temporaryFolder();
      const body = new Body(join(folder.path, 'own', 'x'), new Room(10 ** 6, 10 ** 6).part());
      body.expect(promised);
      await takeIn(body);
      expect(await body.finish()).toEqual({ data: whole });
      await body.discard();
      expect(await readdir(folder.path)).toEqual([]);
    },
  );

  it.each([0, 10_000, 50_000, whole.length - 1])(
    'goes to a file, in a folder that is made for it, where there is no room: %d bytes of it',
    async (bytes) => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, 'own', 'x');
      const body = new Body(path, new Room(bytes, bytes).part());
      body.expect(whole.length);
      await takeIn(body);
      expect(await body.finish()).toEqual({ path });
      expect((await readFile(path)).equals(whole)).toBe(true);
      await body.discard();
      expect(await readdir(join(folder.path, 'own'))).toEqual([]);
    },
  );

  it('loses nothing of what comes while the file is being made', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'x');
    const body = new Body(path, new Room(0).part());
    for (const piece of pieces) body.add(piece);
    await body.finish();
    expect((await readFile(path)).equals(whole)).toBe(true);
  });

  it('copies what it is given, so that the sender may use its buffer again', async () => {
    const body = new Body('/nowhere/x', new Room(10 ** 6, 10 ** 6).part());
    const piece = Buffer.from('a');
    for (const letter of 'bcdef') {
      body.add(piece);
      piece.write(letter);
    }
    expect(await body.finish()).toEqual({ data: Buffer.from('abcde') });
  });

  it('that is empty is kept in memory', async () => {
    expect(await new Body('/nowhere/x', new Room(0).part()).finish()).toEqual({ data: Buffer.of() });
  });

  it('that finds no place on the disk says so, and can be discarded all the same', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'x');
    await writeFile(path, 'before');
    const body = new Body(path, new Room(0).part());
    expect(body.add(Buffer.from('a'))).toBe(false);
    await expect(body.drained()).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(body.finish()).rejects.toMatchObject({ code: 'EEXIST' });
    await body.discard();
    expect(await readFile(path, 'utf8')).toBe('before');
  });
});

describe('the room for sources', () => {
  it('is shared by all work, of which each has no more than its share', () => {
    const room = new Room(100, 60);
    const [one, other] = [room.part(), room.part()];
    expect(one.take(50)).toBe(true);
    expect(one.take(11)).toBe(false);
    expect(other.take(51)).toBe(false);
    expect(other.take(50)).toBe(true);
    one.leave();
    one.leave();
    expect(room.part().take(51)).toBe(false);
    expect(one.take(50)).toBe(true);
  });
});

describe('a fetch with room', () => {
  const { signal } = new AbortController();

  it.each([
    ['a length', { 'content-length': '200000' }],
    ['no length', { connection: 'close' }],
  ])('holds a body of %s in memory, and one that is too large in a file', async (_what, headers) => {
    const text = 'wyvern! '.repeat(25_000);
    await using origin = await startOrigin((socket) => send(socket, '200 OK', headers, text));
    await using fetching = await startFetching();
    await using folder = await temporaryFolder();
    const url = `${origin.url}/`;
    const held = await fetching.fetcher.fetch(
      url,
      join(folder.path, 'a'),
      signal,
      new Room(10 ** 6, 10 ** 6).part(),
    );
    expect(held).toMatchObject({ url, bytes: 200_000, data: Buffer.from(text) });
    expect(await readdir(folder.path)).toEqual([]);
    const own = join(folder.path, 'b');
    const filed = await fetching.fetcher.fetch(url, own, signal, new Room(199_999, 199_999).part());
    expect(filed).toEqual({ url, bytes: 200_000, contentType: undefined, path: expect.any(String) });
    expect(await readFile(filed.path ?? '', 'utf8')).toBe(text);
  });

  it('leaves nothing of a body that is cut off', async () => {
    const cut = { 'content-length': '200000' };
    await using origin = await startOrigin((socket) => {
      send(socket, '200 OK', cut, 'x'.repeat(100_000));
      socket.end();
    });
    await using fetching = await startFetching();
    await using folder = await temporaryFolder();
    for (const room of [new Room(10 ** 6, 10 ** 6), new Room(10)]) {
      const own = join(folder.path, 'own');
      await mkdir(own, { recursive: true });
      const fetched = fetching.fetcher.fetch(`${origin.url}/`, own, signal, room.part());
      await expect(fetched).rejects.toThrow('was cut off after 100000 of 200000 bytes');
      expect(await readdir(own)).toEqual([]);
    }
  });
});

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Body } from '../../../src/worker/source/body.ts';
import { SourceRoom } from '../../../src/worker/source/source-room.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { fileRoom, startFetching } from './fetching.ts';
import { send, startOrigin } from './origin.ts';

const pieces = [1, 0, 20_000, 65_536, 7, 100_000].map((size, index) => Buffer.alloc(size, index + 1));
const whole = Buffer.concat(pieces);

const memory = (folder: string): SourceRoom => new SourceRoom(folder, { workBytes: 10 ** 6 });

async function takeIn(body: Body): Promise<void> {
  for (const piece of pieces) if (!body.add(piece)) await body.drained();
}

describe('a body', () => {
  it.each([0, 1, whole.length, 300_000])(
    'stays in memory where there is room, whatever length was promised: %d',
    async (promised) => {
      await using folder = await temporaryFolder();
      const body = new Body(memory(folder.path).part());
      body.expect(promised);
      await takeIn(body);
      expect(await body.finish()).toEqual({ data: whole });
      expect(await readdir(folder.path)).toEqual([]);
    },
  );

  it.each([0, 10_000, 50_000, whole.length - 1])(
    'goes to a file where there is no room in memory: %d bytes of it',
    async (bytes) => {
      await using folder = await temporaryFolder();
      const part = new SourceRoom(folder.path, { workerBytes: bytes, workBytes: bytes, idleFiles: 0 }).part();
      const body = new Body(part);
      body.expect(whole.length);
      await takeIn(body);
      const { path } = (await body.finish()) as { path: string };
      expect((await readFile(path)).equals(whole)).toBe(true);
      await part.leave();
      expect(await readdir(folder.path)).toEqual([]);
    },
  );

  it('loses nothing of what comes while the file is being made', async () => {
    await using folder = await temporaryFolder();
    const part = fileRoom(folder.path).part();
    const body = new Body(part);
    for (const piece of pieces) body.add(piece);
    const { path } = (await body.finish()) as { path: string };
    expect((await readFile(path)).equals(whole)).toBe(true);
    await part.leave();
  });

  it('is not copied again for each of thousands of pieces that come while the file is being made', async () => {
    await using folder = await temporaryFolder();
    const part = new SourceRoom(folder.path, { workBytes: 200_000, idleFiles: 0 }).part();
    const body = new Body(part);
    while (body.add(Buffer.alloc(1_000, 'a')));
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow');
    try {
      for (let count = 0; count < 10_000; count += 1) body.add(Buffer.from('b'));
      expect(allocate.mock.calls.length).toBeLessThan(5);
    } finally {
      allocate.mockRestore();
    }
    const { path } = (await body.finish()) as { path: string };
    expect((await readFile(path, 'latin1')).endsWith('b'.repeat(10_000))).toBe(true);
    await part.leave();
  });

  it('copies what it is given, so that the sender may use its buffer again', async () => {
    const body = new Body(memory('/nowhere').part());
    const piece = Buffer.from('a');
    for (const letter of 'bcdef') {
      body.add(piece);
      piece.write(letter);
    }
    expect(await body.finish()).toEqual({ data: Buffer.from('abcde') });
  });

  it('that is empty is kept in memory', async () => {
    expect(await new Body(fileRoom('/nowhere').part()).finish()).toEqual({ data: Buffer.of() });
  });

  it('that finds no place on the disk says so, and can be discarded all the same', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, '1');
    await writeFile(path, 'before');
    const body = new Body(fileRoom(folder.path).part());
    expect(body.add(Buffer.from('a'))).toBe(false);
    await expect(body.drained()).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(body.finish()).rejects.toMatchObject({ code: 'EEXIST' });
    await body.discard();
    expect(await readFile(path, 'utf8')).toBe('before');
  });
});

describe('the room for sources', () => {
  it('is shared by all work, of which each has no more than its share', async () => {
    const room = new SourceRoom('/nowhere', { workerBytes: 100, workBytes: 60 });
    const [one, other] = [room.part(), room.part()];
    expect(one.takeMemory(50)).toBe(true);
    expect(one.takeMemory(11)).toBe(false);
    expect(other.takeMemory(51)).toBe(false);
    expect(other.takeMemory(50)).toBe(true);
    await one.leave();
    await one.leave();
    expect(room.part().takeMemory(51)).toBe(false);
    expect(one.takeMemory(50)).toBe(true);
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
    const held = await fetching.fetcher.fetch(url, memory(folder.path).part(), signal);
    expect(held).toMatchObject({ url, bytes: 200_000, data: Buffer.from(text) });
    expect(await readdir(folder.path)).toEqual([]);
    const part = new SourceRoom(folder.path, { workBytes: 199_999, idleFiles: 0 }).part();
    const filed = await fetching.fetcher.fetch(url, part, signal);
    expect(filed).toEqual({ url, bytes: 200_000, contentType: undefined, path: expect.any(String) });
    expect(await readFile(filed.path ?? '', 'utf8')).toBe(text);
    await part.leave();
  });

  it('leaves nothing of a body that is cut off', async () => {
    const cut = { 'content-length': '200000' };
    await using origin = await startOrigin((socket) => {
      send(socket, '200 OK', cut, 'x'.repeat(100_000));
      socket.end();
    });
    await using fetching = await startFetching();
    await using folder = await temporaryFolder();
    for (const room of [memory(folder.path), fileRoom(folder.path)]) {
      const part = room.part();
      const fetched = fetching.fetcher.fetch(`${origin.url}/`, part, signal);
      await expect(fetched).rejects.toThrow('was cut off after 100000 of 200000 bytes');
      await part.leave();
      expect(await readdir(folder.path)).toEqual([]);
    }
  });
});

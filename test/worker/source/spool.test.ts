import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type RoomPart, SourceRoom } from '../../../src/worker/source/source-room.ts';
import { Spool } from '../../../src/worker/source/spool.ts';
import { hasPrlimit } from '../../support/prlimit.ts';
import { until } from '../../support/until.ts';
import { fileRoom, startFetching } from './fetching.ts';
import { send, startOrigin } from './origin.ts';

/** Two blocks, so that the second one is full while the first one is written. */
const BURST = 524_288;

/** Lets no file of this process grow beyond `bytes` while `work` is done, as a full disk would. */
async function withFilesUpTo<T>(bytes: number, work: () => Promise<T>): Promise<T> {
  const limit = (to: string) => execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${to}:`]);
  limit(`${bytes}`);
  try {
    return await work();
  } finally {
    limit('unlimited');
  }
}

let folder: string;
let part: RoomPart;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wyvern-spool-'));
  part = fileRoom(folder).part();
});
afterEach(async () => {
  await part.leave();
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

const newSpool = async (): Promise<Spool> => new Spool(await part.file(), part);

describe('the spool', () => {
  it('writes pieces of all sizes in their order', async () => {
    const spool = await newSpool();
    const sizes = [1, 0, 262_143, 1, 262_144, 7, 800_000, 3, 262_145, 1];
    const pieces = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    for (const piece of pieces) if (!spool.add(piece)) await spool.drained();
    const { path } = await spool.finish();
    expect((await readFile(path)).equals(Buffer.concat(pieces))).toBe(true);
  });

  it('copies what it is given, so that the sender may use its buffer again', async () => {
    const spool = await newSpool();
    const piece = Buffer.from('a');
    for (const letter of 'bcdef') {
      spool.add(piece);
      piece.write(letter);
    }
    const { path } = await spool.finish();
    expect(await readFile(path, 'utf8')).toBe('abcde');
  });

  it('says when it is full, and takes more when it is drained', async () => {
    const spool = await newSpool();
    expect(spool.add(Buffer.alloc(1_000))).toBe(true);
    expect(spool.add(Buffer.alloc(260_000))).toBe(true);
    expect(spool.add(Buffer.alloc(260_000))).toBe(false);
    await spool.drained();
    expect(spool.add(Buffer.alloc(1_000))).toBe(true);
    await spool.discard();
  });

  it('is not put off by an empty piece, however it comes', async () => {
    const spool = await newSpool();
    expect(spool.add(Buffer.alloc(0))).toBe(true);
    for (let count = 0; count < 3; count += 1) {
      expect(spool.add(Buffer.alloc(270_000, 1))).toBe(true);
      await spool.drained();
      expect(spool.add(Buffer.alloc(0))).toBe(true);
    }
    const { path } = await spool.finish();
    expect((await stat(path)).size).toBe(810_000);
  });

  it('keeps apart what several write at once, and what was written before with the same memory', async () => {
    const discarded = await newSpool();
    discarded.add(Buffer.alloc(300_000, 'old'));
    await discarded.discard();
    await discarded.discard();
    const names = ['a', 'b', 'c'];
    const spools = await Promise.all(names.map(newSpool));
    for (let round = 0; round < 5; round += 1)
      for (const [index, spool] of spools.entries())
        if (!spool.add(Buffer.alloc(100_000, names[index]))) await spool.drained();
    const kept = await Promise.all(spools.map((spool) => spool.finish()));
    for (const [index, name] of names.entries())
      expect((await readFile(kept[index]?.path ?? '')).equals(Buffer.alloc(500_000, name))).toBe(true);
  });

  it('is readable by nobody else', async () => {
    const { path } = await (await newSpool()).finish();
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  it.runIf(hasPrlimit)('tells of a failed write, and can be discarded all the same', async () => {
    await withFilesUpTo(10_000, async () => {
      const spool = await newSpool();
      spool.add(Buffer.alloc(20_000));
      await expect(spool.drained()).rejects.toMatchObject({ code: 'EFBIG' });
      spool.add(Buffer.alloc(20_000));
      await expect(spool.finish()).rejects.toMatchObject({ code: 'EFBIG' });
      await spool.discard();
    });
  });
});

describe('files that are used again', () => {
  const spoolInto = async (files: RoomPart, data: Buffer): Promise<string> => {
    const spool = new Spool(await files.file(), files);
    if (!spool.add(data)) await spool.drained();
    return (await spool.finish()).path;
  };

  it.each([
    ['shorter', 10],
    ['longer', 300_000],
    ['empty', 0],
  ])('hold nothing of what was in them before, when that which follows is %s', async (_what, bytes) => {
    const room = new SourceRoom(folder);
    const before = room.part();
    const path = await spoolInto(before, Buffer.alloc(200_000, 'old'));
    await before.leave();
    const after = room.part();
    const again = await spoolInto(after, Buffer.alloc(bytes, 'new'));
    expect(again).toBe(path);
    expect((await readFile(again)).equals(Buffer.alloc(bytes, 'new'))).toBe(true);
    await after.leave();
    await room.close();
  });

  it('hold nothing of what was cut off in them before', async () => {
    const room = new SourceRoom(folder);
    const before = room.part();
    const spool = new Spool(await before.file(), before);
    if (!spool.add(Buffer.alloc(300_000, 'old'))) await spool.drained();
    await spool.discard();
    await before.leave();
    const after = room.part();
    expect(await readFile(await spoolInto(after, Buffer.from('new')), 'utf8')).toBe('new');
    await after.leave();
    await room.close();
  });

  it("are nobody else's until they are given back", async () => {
    const room = new SourceRoom(folder);
    const parts = [room.part(), room.part()];
    const paths = await Promise.all(parts.map((each, index) => spoolInto(each, Buffer.from(`${index}`))));
    expect(new Set(paths).size).toBe(2);
    expect(await Promise.all(paths.map((path) => readFile(path, 'utf8')))).toEqual(['0', '1']);
    for (const each of parts) await each.leave();
    await room.close();
  });

  it('are no more than so many, and none of them is large', async () => {
    const room = new SourceRoom(folder, { idleFiles: 2 });
    const part = room.part();
    await spoolInto(part, Buffer.alloc(8_000_001));
    for (let count = 0; count < 4; count += 1) await spoolInto(part, Buffer.from('x'));
    await part.leave();
    expect(await readdir(folder)).toHaveLength(2);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).size).toBe(1);
    await room.close();
  });

  it('are made anew when somebody has removed them, and their folder', async () => {
    const own = join(folder, 'own');
    const room = new SourceRoom(own);
    const before = room.part();
    await spoolInto(before, Buffer.from('old'));
    await before.leave();
    await rm(own, { recursive: true });
    const after = room.part();
    expect(await readFile(await spoolInto(after, Buffer.from('new')), 'utf8')).toBe('new');
    await after.leave();
    await room.close();
    await rm(own, { recursive: true });
  });

  it('are removed when nothing was spooled for some seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const part = new SourceRoom(folder).part();
      await spoolInto(part, Buffer.from('x'));
      await part.leave();
      expect(await readdir(folder)).toHaveLength(1);
      vi.advanceTimersByTime(10_000);
    } finally {
      vi.useRealTimers();
    }
    await until(async () => (await readdir(folder)).length === 0);
  });
});

describe('a fetch', () => {
  const { signal } = new AbortController();

  it('never writes over what is there already', async () => {
    await using origin = await startOrigin((socket) => send(socket, '200 OK', {}, 'x'));
    await using fetching = await startFetching();
    await writeFile(join(folder, '1'), 'before');
    await expect(fetching.fetcher.fetch(`${origin.url}/`, part, signal)).rejects.toMatchObject({
      message: `File '${origin.url}/' could not be spooled`,
      passing: true,
      cause: { code: 'EEXIST' },
    });
    expect(await readFile(join(folder, '1'), 'utf8')).toBe('before');
    await rm(join(folder, '1'));
  });

  it.each([
    ['no length', ''],
    ['a length', `content-length: ${10 * BURST}\r\n`],
  ])(
    'goes on with a body of %s that comes in bursts, after each of which the spool was drained',
    async (_what, head) => {
      const written: (() => void)[] = [];
      await using origin = await startOrigin(async (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
        for (let burst = 0; burst < 10; burst += 1) {
          socket.write(Buffer.alloc(BURST, burst));
          await new Promise<void>((resolve) => written.push(resolve));
        }
        socket.end();
      });
      await using fetching = await startFetching();
      const fetched = fetching.fetch(`${origin.url}/`);
      const spooled = async () => (await stat(await fetching.spooling())).size;
      for (let burst = 1; burst <= 10; burst += 1) {
        await until(async () => (await spooled().catch(() => 0)) >= burst * BURST);
        written.pop()?.();
      }
      expect((await fetched).bytes).toBe(10 * BURST);
    },
  );

  it.runIf(hasPrlimit)(
    'fails for a reason that passes when the disk is full, and leaves nothing',
    async () => {
      await using origin = await startOrigin((socket) => {
        send(socket, '200 OK', { 'content-length': '5000000' });
        socket.write(Buffer.alloc(5_000_000));
      });
      await using fetching = await startFetching();
      const failure = await withFilesUpTo(1_000_000, () => fetching.failure(`${origin.url}/`));
      expect(failure).toBe(`(passing) File '${origin.url}/' could not be spooled`);
    },
  );
});

import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OutputPath, SHARDS, type Storage, StorageFailure, shardOf } from '../../src/storage/storage.ts';
import { until } from '../support/until.ts';

export interface OpenedStorage extends AsyncDisposable {
  readonly storage: Storage;
  /** The same store as another process opens it. */
  again(): Promise<Storage>;
  /** Leaves behind what a put of `LARGE` bytes does whose process is killed half-way. */
  dieHalfWay(at: OutputPath): Promise<void>;
  /** How many of those there are. */
  unfinished(): Promise<number>;
  /** From here on a put of `LARGE` bytes does not fit, and a small one may not; undefined where that cannot be arranged. */
  readonly fill: (() => Promise<void>) | undefined;
  /** There is room again. */
  relieve(): Promise<void>;
}

/** Bytes of an output that no adapter stores in one piece. */
export const LARGE = 3_000_000;

export const KEY = '01JD8XK3M4N5P6Q7R8S9T0V1W2';

const path = (overrides: Partial<OutputPath> = {}): OutputPath => ({
  key: KEY,
  attempt: 1,
  file: 'output.jpg',
  ...overrides,
});

/** The bytes stored at `at`; undefined when there is no such output. */
export async function contentOf(storage: Storage, at: OutputPath): Promise<Buffer | undefined> {
  const file = await storage.open(at);
  if (file === undefined) return undefined;
  try {
    return await buffer(file.read());
  } finally {
    await file.close();
  }
}

/** What every adapter of the storage port must do. `open` gives an empty store of its own each time. */
export function storageContract(open: () => Promise<OpenedStorage>): void {
  let opened: OpenedStorage;
  let storage: Storage;
  beforeEach(async () => {
    opened = await open();
    storage = opened.storage;
  });
  afterEach(() => opened[Symbol.asyncDispose]());

  describe('put', () => {
    it('stores bytes that open gives back, with their size and the time', async () => {
      const data = randomBytes(300_000);
      await storage.put(path(), data);
      const file = await storage.open(path());
      expect(file?.bytes).toBe(300_000);
      expect(Math.abs((file?.modifiedAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
      await file?.close();
      expect(await contentOf(storage, path())).toEqual(data);
    });

    it('stores an empty output', async () => {
      await storage.put(path(), new Uint8Array());
      expect(await contentOf(storage, path())).toEqual(Buffer.alloc(0));
    });

    it('stores what a view shows of its buffer, and no more', async () => {
      await storage.put(path(), Buffer.from('0123456789').subarray(3, 6));
      expect(await contentOf(storage, path())).toEqual(Buffer.from('345'));
    });

    it('keeps attempts, files and keys apart', async () => {
      const paths = [
        path(),
        path({ attempt: 2 }),
        path({ attempt: 12 }),
        path({ file: 'output.png' }),
        path({ file: '2-output.jpg' }),
        path({ key: `${KEY.slice(0, -3)}ZW2` }),
        path({ key: 'sample', attempt: 0 }),
        path({ file: `${'a'.repeat(64)}.${'b'.repeat(64)}`, attempt: Number.MAX_SAFE_INTEGER }),
      ];
      for (const [index, each] of paths.entries()) await storage.put(each, Buffer.from(`content ${index}`));
      const stored = await Promise.all(paths.map((each) => contentOf(storage, each)));
      expect(stored.map(String)).toEqual(paths.map((_, index) => `content ${index}`));
    });

    it('lets the last of two puts of one path win', async () => {
      await storage.put(path(), Buffer.from('the first, which is longer'));
      await storage.put(path(), Buffer.from('the second'));
      expect(String(await contentOf(storage, path()))).toBe('the second');
    });

    it('leaves one whole output when the same path is put many times at once', async () => {
      const contents = Array.from({ length: 12 }, (_, index) => Buffer.alloc(200_000 + index, index));
      let reading = true;
      const seen: (Buffer | undefined)[] = [];
      const reader = (async () => {
        while (reading) seen.push(await contentOf(storage, path()));
      })();
      await Promise.all(contents.map((content) => storage.put(path(), content)));
      reading = false;
      await reader;
      const whole = (found: Buffer | undefined) => contents.some((content) => found?.equals(content));
      expect(whole(await contentOf(storage, path()))).toBe(true);
      expect(seen.filter((found) => found !== undefined && !whole(found))).toEqual([]);
    });

    it('stores what is larger than one message can be', async () => {
      const data = randomBytes(LARGE);
      await storage.put(path(), data);
      const file = await storage.open(path());
      expect(file?.bytes).toBe(LARGE);
      await file?.close();
      expect((await contentOf(storage, path()))?.equals(data)).toBe(true);
    });

    it('can be seen by another process as soon as it is resolved', async () => {
      const other = await opened.again();
      for (const bytes of [10, LARGE]) {
        const at = path({ attempt: bytes });
        await storage.put(at, Buffer.alloc(bytes, 7));
        expect((await contentOf(other, at))?.length).toBe(bytes);
      }
    });

    it('shows a large output to a reader only once it is whole', async () => {
      const data = randomBytes(LARGE);
      const other = await opened.again();
      let storing = true;
      const seen: (Buffer | undefined)[] = [];
      const reader = (async () => {
        while (storing) seen.push(await contentOf(other, path()));
      })();
      await storage.put(path(), data);
      storing = false;
      await reader;
      expect(seen.filter((found) => found !== undefined && !found.equals(data))).toEqual([]);
      expect((await contentOf(other, path()))?.equals(data)).toBe(true);
    });

    it('replaces a large output by a small one, and the other way round', async () => {
      for (const bytes of [LARGE, 10, LARGE]) {
        await storage.put(path(), Buffer.alloc(bytes, bytes));
        expect((await contentOf(storage, path()))?.equals(Buffer.alloc(bytes, bytes))).toBe(true);
      }
      expect(await storage.list(SHARD)).toEqual([path()]);
    });

    it('leaves the winner alone when a zombie stores late', async () => {
      const winner = randomBytes(LARGE);
      await storage.put(path({ attempt: 2 }), winner);
      const zombie = await opened.again();
      await zombie.put(path({ attempt: 1 }), randomBytes(LARGE));
      expect((await contentOf(storage, path({ attempt: 2 })))?.equals(winner)).toBe(true);
      expect(sorted(await storage.list(SHARD))).toEqual([path({ attempt: 1 }), path({ attempt: 2 })]);
    });

    it.each([
      ['a key that is no ULID', { key: '../../../etc' }],
      ['a key in lower case', { key: KEY.toLowerCase() }],
      ['an empty key', { key: '' }],
      ['a file that climbs', { file: '../output.jpg' }],
      ['a file with a separator', { file: 'a/b.jpg' }],
      ['a file with a NUL', { file: 'a\0.jpg' }],
      ['a hidden file', { file: '.jpg' }],
      ['a file with two dots', { file: 'a.b.jpg' }],
      ['a file name of 4 kB', { file: `${'a'.repeat(4_096)}.jpg` }],
      ['a negative attempt', { attempt: -1 }],
      ['an attempt that is no integer', { attempt: 1.5 }],
    ])('refuses %s, and open finds nothing there', async (_what, overrides) => {
      await expect(storage.put(path(overrides), Buffer.from('x'))).rejects.toBeInstanceOf(StorageFailure);
      expect(await storage.open(path(overrides))).toBeUndefined();
    });
  });

  describe('open', () => {
    it('finds nothing where nothing was put', async () => {
      expect(await storage.open(path())).toBeUndefined();
    });

    it.each([
      [0, 0],
      [0, 99],
      [65_535, 65_536],
      [100_000, 299_999],
      [299_999, 299_999],
      [299_000, 400_000],
      [150_000, 149_999],
    ])('reads the bytes from %i to %i, both included', async (start, end) => {
      const data = randomBytes(300_000);
      await storage.put(path(), data);
      const file = await storage.open(path());
      expect(await buffer(file?.read({ start, end }) ?? Readable.from([]))).toEqual(
        data.subarray(start, end + 1),
      );
      await file?.close();
    });

    it.each([
      [0, 0],
      [524_287, 524_288],
      [524_288, 1_048_575],
      [1_000_000, 2_600_000],
      [LARGE - 1, LARGE],
      [0, LARGE],
    ])('reads the bytes from %i to %i of a large file', async (start, end) => {
      const data = randomBytes(LARGE);
      await storage.put(path(), data);
      const file = await storage.open(path());
      const read = await buffer(file?.read({ start, end }) ?? Readable.from([]));
      expect(read.equals(data.subarray(start, end + 1))).toBe(true);
      await file?.close();
    });

    it('reads one file several times over, at the same time', async () => {
      const data = randomBytes(300_000);
      await storage.put(path(), data);
      const file = await storage.open(path());
      const reads = Array.from({ length: 20 }, () => buffer(file?.read() ?? Readable.from([])));
      for (const read of await Promise.all(reads)) expect(read.equals(data)).toBe(true);
      await file?.close();
    });

    it('goes on reading what it opened when another put takes the path', async () => {
      const before = randomBytes(300_000);
      await storage.put(path(), before);
      const file = await storage.open(path());
      await storage.put(path(), randomBytes(10));
      expect((await buffer(file?.read() ?? Readable.from([]))).equals(before)).toBe(true);
      await file?.close();
    });

    it('holds little in memory for a reader that does not read', async () => {
      await storage.put(path(), Buffer.alloc(4_000_000));
      const file = await storage.open(path());
      const stream = file?.read();
      stream?.once('readable', () => undefined);
      await new Promise((resolve) => stream?.once('readable', resolve));
      expect(stream?.readableLength).toBeLessThanOrEqual(262_144);
      stream?.destroy();
      await file?.close();
    });

    it('closes twice, and in the middle of a read that then fails', async () => {
      await storage.put(path(), Buffer.alloc(4_000_000));
      const file = await storage.open(path());
      const stream = file?.read() ?? Readable.from([]);
      const reading = (async () => {
        for await (const _chunk of stream) await file?.close();
      })();
      await expect(reading).rejects.toBeInstanceOf(StorageFailure);
      await file?.close();
    });
  });

  describe('remove', () => {
    it.each([10, LARGE])('takes an output of %i bytes away, and nothing beside it', async (bytes) => {
      const neighbours = [path({ attempt: 2 }), path({ attempt: 11 }), path({ file: 'output.jpg2' })];
      for (const each of [path(), ...neighbours]) await storage.put(each, randomBytes(bytes));
      await storage.remove(path());
      expect(await storage.open(path())).toBeUndefined();
      expect(sorted(await storage.list(SHARD))).toEqual(sorted(neighbours));
      for (const each of neighbours) expect((await contentOf(storage, each))?.length).toBe(bytes);
      expect(await opened.unfinished()).toBe(0);
    });

    it('is done when nothing is there, and when two do it at once', async () => {
      await storage.remove(path());
      await storage.put(path(), Buffer.from('x'));
      const other = await opened.again();
      await Promise.all([storage.remove(path()), other.remove(path())]);
      expect(await storage.list(SHARD)).toEqual([]);
    });

    it('makes room for the path to be put again', async () => {
      await storage.put(path(), randomBytes(LARGE));
      await storage.remove(path());
      await storage.put(path(), Buffer.from('again'));
      expect(String(await contentOf(storage, path()))).toBe('again');
    });

    it('does nothing for a path that is none', async () => {
      await storage.remove(path({ key: '../../../etc' }));
      await storage.remove(path({ file: '../output.jpg' }));
    });

    it('never gives a reader a part for the whole', async () => {
      const data = randomBytes(LARGE);
      await storage.put(path(), data);
      const file = await storage.open(path());
      await storage.remove(path());
      const read = await buffer(file?.read() ?? Readable.from([])).catch((error: unknown) => error);
      if (!(read instanceof StorageFailure)) expect((read as Buffer).equals(data)).toBe(true);
      await file?.close();
    });
  });

  describe('list', () => {
    it('gives the outputs of each shard, and of that shard only', async () => {
      const keys = ['00', '0Z', 'Z0', 'ZZ'].map((shard) => KEY.slice(0, -2) + shard);
      const paths = keys.flatMap((key) => [path({ key }), path({ key, attempt: 3, file: 'a-b_c.webp' })]);
      for (const each of paths) await storage.put(each, Buffer.from('x'));
      await storage.put(path({ key: 'sample', attempt: 0 }), Buffer.from('x'));
      for (const key of keys) {
        const expected = paths.filter((each) => each.key === key);
        expect(sorted(await storage.list(shardOf(key)))).toEqual(sorted(expected));
      }
      expect(await storage.list('11')).toEqual([]);
    });

    it('is possible for every shard that there is', async () => {
      expect(SHARDS).toHaveLength(1_024);
      const lists = await Promise.all(SHARDS.map((shard) => storage.list(shard)));
      expect(lists.flat()).toEqual([]);
    });
  });

  describe('what a put left behind that died half-way', () => {
    it('is never seen, and is removed once it is old enough', async () => {
      await opened.dieHalfWay(path());
      await storage.put(path({ attempt: 2 }), randomBytes(LARGE));
      expect(await storage.open(path())).toBeUndefined();
      expect(await storage.list(SHARD)).toEqual([path({ attempt: 2 })]);
      expect(await storage.removeUnfinished(SHARD, new Date(Date.now() - 3_600_000))).toBe(0);
      expect(await opened.unfinished()).toBe(1);
      expect(await storage.removeUnfinished('11', new Date(Date.now() + 60_000))).toBe(0);
      expect(await storage.removeUnfinished(SHARD, new Date(Date.now() + 60_000))).toBe(1);
      expect(await opened.unfinished()).toBe(0);
      expect((await contentOf(storage, path({ attempt: 2 })))?.length).toBe(LARGE);
    });

    it('does not hinder the next put of the same path', async () => {
      await opened.dieHalfWay(path());
      const data = randomBytes(LARGE);
      await storage.put(path(), data);
      await storage.removeUnfinished(SHARD, new Date(Date.now() + 60_000));
      expect((await contentOf(storage, path()))?.equals(data)).toBe(true);
      expect(await opened.unfinished()).toBe(0);
    });
  });

  describe('a store that is full', () => {
    it('refuses with a word, keeps what it has, and takes up again when there is room', async (context) => {
      if (!opened.fill) return context.skip('a full store cannot be arranged here');
      const before = randomBytes(LARGE);
      await storage.put(path(), before);
      await opened.fill();
      try {
        const failure = await storage.put(path(), randomBytes(LARGE)).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(StorageFailure);
        expect(String(failure)).toMatch(/cannot store .*output\.jpg/);
        expect(await opened.unfinished()).toBe(0);
        expect((await contentOf(storage, path()))?.equals(before)).toBe(true);
        expect(await storage.list(SHARD)).toEqual([path()]);
      } finally {
        await opened.relieve();
      }
      await until(() =>
        storage.put(path({ attempt: 2 }), before).then(
          () => true,
          () => undefined,
        ),
      );
      expect((await contentOf(storage, path({ attempt: 2 })))?.equals(before)).toBe(true);
    });
  });
}

const SHARD = shardOf(KEY);

const sorted = (paths: readonly OutputPath[]): OutputPath[] =>
  [...paths].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

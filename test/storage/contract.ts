import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OutputPath, type Storage, StorageFailure } from '../../src/storage/storage.ts';

export interface OpenedStorage extends AsyncDisposable {
  readonly storage: Storage;
}

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
    ])('reads the bytes from %i to %i, both included', async (start, end) => {
      const data = randomBytes(300_000);
      await storage.put(path(), data);
      const file = await storage.open(path());
      expect(await buffer(file?.read({ start, end }) ?? Readable.from([]))).toEqual(
        data.subarray(start, end + 1),
      );
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
}

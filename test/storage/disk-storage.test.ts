import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDiskStorage } from '../../src/storage/disk-storage.ts';
import { type OutputPath, StorageFailure } from '../../src/storage/storage.ts';
import { hasPrlimit } from '../support/prlimit.ts';
import { contentOf, KEY, storageContract } from './contract.ts';

const AT: OutputPath = { key: KEY, attempt: 1, file: 'output.jpg' };
const SHARD = KEY.slice(-2);
const NAME = `${KEY}.1.output.jpg`;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wyvern-storage-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** All files under the store, relative to its root. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

async function openHandles(folder: string): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const handles = await readdir('/proc/self/fd');
  const targets = await Promise.all(handles.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(folder));
}

const limitFileSize = (bytes: string): void =>
  void execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`]);

storageContract(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wyvern-storage-'));
  const incoming = join(folder, '.incoming');
  return {
    storage: await openDiskStorage(folder),
    again: () => openDiskStorage(folder),
    dieHalfWay: () => writeFile(join(incoming, `${SHARD}-of-a-dead-process`), 'half a fi'),
    unfinished: async () => (await readdir(incoming)).length,
    fill: hasPrlimit ? async () => limitFileSize('100000') : undefined,
    relieve: async () => limitFileSize('unlimited'),
    [Symbol.asyncDispose]: async () => {
      const handles = await openHandles(folder);
      const unfinished = await readdir(incoming);
      await rm(folder, { recursive: true, force: true });
      expect(handles).toEqual([]);
      expect(unfinished).toEqual([]);
    },
  };
});

describe('opening', () => {
  it('makes the folder and those above it', async () => {
    const storage = await openDiskStorage(join(root, 'a', 'b', 'files'));
    await storage.put(AT, Buffer.from('x'));
    expect(await filesIn(join(root, 'a', 'b', 'files'))).toEqual([join(SHARD, NAME)]);
  });

  it('spreads a thousand tasks over many folders', async () => {
    const storage = await openDiskStorage(root);
    const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    const keys = Array.from(
      { length: 200 },
      (_, index) => `${KEY.slice(0, -2)}${alphabet.charAt(index % 32)}${alphabet.charAt(index / 32)}`,
    );
    await Promise.all(keys.map((key) => storage.put({ ...AT, key }, Buffer.from(key))));
    expect(new Set((await filesIn(root)).map((file) => file.slice(0, 2))).size).toBe(200);
  });

  it('finds again what an earlier process stored', async () => {
    await (await openDiskStorage(root)).put(AT, Buffer.from('kept'));
    expect(String(await contentOf(await openDiskStorage(root), AT))).toBe('kept');
  });

  it('can be done by several processes at the same time', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openDiskStorage(root)));
    await Promise.all(stores.map((store, attempt) => store.put({ ...AT, attempt }, Buffer.from('x'))));
    expect(await filesIn(root)).toHaveLength(4);
  });

  it('says what is wrong when the folder is a file', async () => {
    await writeFile(join(root, 'files'), '');
    const failure = await openDiskStorage(join(root, 'files')).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageFailure);
    expect(failure).toMatchObject({
      message: 'cannot use the folder for outputs (EEXIST)',
      cause: { code: 'EEXIST' },
    });
  });
});

describe('a put that fails', () => {
  const failureOf = (work: Promise<unknown>) =>
    work.then(
      () => expect.fail('it went well'),
      (error: unknown) => error,
    );

  it.runIf(hasPrlimit)('leaves nothing behind when the bytes do not fit', async () => {
    const storage = await openDiskStorage(root);
    await storage.put(AT, Buffer.from('the one before'));
    limitFileSize('100000');
    try {
      const failure = await failureOf(storage.put(AT, Buffer.alloc(300_000)));
      expect(failure).toBeInstanceOf(StorageFailure);
      expect(failure).toMatchObject({ message: `cannot store ${NAME} (EFBIG)`, cause: { code: 'EFBIG' } });
    } finally {
      limitFileSize('unlimited');
    }
    expect(await filesIn(root)).toEqual([join(SHARD, NAME)]);
    expect(String(await contentOf(storage, AT))).toBe('the one before');
  });

  it('leaves nothing behind when its place is taken by a folder', async () => {
    const storage = await openDiskStorage(root);
    await mkdir(join(root, SHARD, NAME), { recursive: true });
    expect(await failureOf(storage.put(AT, Buffer.from('x')))).toBeInstanceOf(StorageFailure);
    expect(await filesIn(root)).toEqual([]);
    expect(await storage.open(AT)).toBeUndefined();
  });

  it('leaves nothing behind when there is a file where it would write', async () => {
    const storage = await openDiskStorage(root);
    await rm(join(root, '.incoming'), { recursive: true });
    await writeFile(join(root, '.incoming'), '');
    expect(await failureOf(storage.put(AT, Buffer.from('x')))).toMatchObject({ cause: { code: 'ENOTDIR' } });
    expect(await filesIn(root)).toEqual(['.incoming']);
  });

  it('leaves nothing behind when a file takes the place of its folder', async () => {
    const storage = await openDiskStorage(root);
    await writeFile(join(root, SHARD), '');
    expect(await failureOf(storage.put(AT, Buffer.from('x')))).toBeInstanceOf(StorageFailure);
    await expect(storage.open(AT)).rejects.toBeInstanceOf(StorageFailure);
    expect(await filesIn(root)).toEqual([SHARD]);
  });

  it('does not come of a folder that somebody removed', async () => {
    const storage = await openDiskStorage(root);
    await storage.put(AT, Buffer.from('x'));
    await rm(join(root, SHARD), { recursive: true });
    await storage.put(AT, Buffer.from('again'));
    expect(await filesIn(root)).toEqual([join(SHARD, NAME)]);
  });

  it('keeps no file open', async () => {
    const storage = await openDiskStorage(root);
    await mkdir(join(root, SHARD, NAME), { recursive: true });
    await failureOf(storage.put(AT, Buffer.from('x')));
    await storage.open(AT);
    expect(await openHandles(root)).toEqual([]);
  });
});

describe('what somebody else put into the store', () => {
  it('is neither listed nor removed', async () => {
    const storage = await openDiskStorage(root);
    await storage.put(AT, Buffer.from('x'));
    const foreign = ['notes.txt', `${KEY}.1`, `${KEY}.01.output.jpg`, `${KEY}.1.a.b.jpg`, '.hidden.1.a.jpg'];
    for (const name of foreign) await writeFile(join(root, SHARD, name), '');
    await writeFile(join(root, '.incoming', 'notes.txt'), '');
    expect(await storage.list(SHARD)).toEqual([AT]);
    expect(await storage.removeUnfinished(SHARD, new Date(Date.now() + 60_000))).toBe(0);
    expect(await filesIn(root)).toHaveLength(foreign.length + 2);
  });
});

describe('links', () => {
  it('are not followed in the place of a file', async () => {
    const storage = await openDiskStorage(root);
    await writeFile(join(root, 'secret'), 'secret');
    await mkdir(join(root, SHARD));
    await symlink(join(root, 'secret'), join(root, SHARD, NAME));
    expect(await storage.open(AT)).toBeUndefined();
    await storage.put(AT, Buffer.from('output'));
    expect(await readFile(join(root, 'secret'), 'utf8')).toBe('secret');
    expect(String(await contentOf(storage, AT))).toBe('output');
  });

  it('are not followed in the place of a folder', async () => {
    const storage = await openDiskStorage(root);
    const outside = join(root, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, NAME), 'secret');
    await symlink(outside, join(root, SHARD));
    await expect(storage.open(AT)).rejects.toBeInstanceOf(StorageFailure);
    await expect(storage.put(AT, Buffer.from('x'))).rejects.toBeInstanceOf(StorageFailure);
    expect(await readFile(join(outside, NAME), 'utf8')).toBe('secret');
  });

  it('may lead to the root itself', async () => {
    await mkdir(join(root, 'disk'));
    await symlink(join(root, 'disk'), join(root, 'files'));
    const storage = await openDiskStorage(join(root, 'files'));
    await storage.put(AT, Buffer.from('x'));
    expect(String(await contentOf(storage, AT))).toBe('x');
  });
});

describe('a pipe in the place of a file', () => {
  it.runIf(process.platform !== 'win32')('is no output, and open does not wait for its writer', async () => {
    const storage = await openDiskStorage(root);
    await mkdir(join(root, SHARD));
    execFileSync('mkfifo', [join(root, SHARD, NAME)]);
    expect(await storage.open(AT)).toBeUndefined();
  });
});

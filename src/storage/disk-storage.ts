import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncPath, writeDurably } from '../durable-file.ts';
import { makeFolder } from '../make-folder.ts';
import { DiskFile } from './disk-file.ts';
import {
  isOutputPath,
  type OutputPath,
  type OutputReader,
  type Storage,
  StorageFailure,
  type StoredFile,
  shardOf,
} from './storage.ts';

const INCOMING = '.incoming';

/**
 * Outputs as files under `root`, which is made if it is not there.
 *
 * An output lies at `<shard>/<key>.<attempt>.<file>`. It is written as `.incoming/<shard>-<random>` and renamed
 * when it is whole; that takes two fsyncs, the file's and its folder's, and a third one for the first file of a
 * shard. Rejects with `StorageFailure`.
 */
export async function openDiskStorage(root: string): Promise<Storage> {
  return guarded('cannot use the folder for outputs', async () => {
    const made = await makeFolder(root);
    const home = await realpath(root);
    await makeOneFolder(join(home, INCOMING));
    if (made !== undefined) await syncUpTo(dirname(await realpath(made)), home);
    return new DiskStorage(home);
  });
}

/** The same to be read only: nothing is made, and where there is no folder there are no outputs. */
export const diskStorageToRead = (root: string): OutputReader => {
  const storage = new DiskStorage(root);
  return { place: `STORAGE=disk, ${root}`, open: (path) => storage.open(path) };
};

class DiskStorage implements Storage {
  readonly #root: string;
  /** The shards of which this process knows that they are there, and on disk. */
  readonly #shards = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  async put(path: OutputPath, data: Uint8Array): Promise<void> {
    if (!isOutputPath(path)) throw new StorageFailure('refused to store under a path that is none');
    await guarded(`cannot store ${nameOf(path)}`, async () => {
      const folder = await this.#folderOf(path);
      const temporary = join(this.#root, INCOMING, `${shardOf(path.key)}-${randomUUID()}`);
      const final = join(folder, nameOf(path));
      let left = temporary;
      try {
        await writeDurably(temporary, data, 0o644);
        await rename(temporary, final);
        left = final;
        await syncPath(folder);
      } catch (error) {
        await rm(left, { force: true }).catch(() => undefined);
        throw error;
      }
    });
  }

  async open(path: OutputPath): Promise<StoredFile | undefined> {
    if (!isOutputPath(path)) return undefined;
    return guarded(`cannot open ${nameOf(path)}`, async () => {
      const folder = join(this.#root, shardOf(path.key));
      const handle = (await isFolder(folder)) ? await openFile(join(folder, nameOf(path))) : undefined;
      if (handle === undefined) return undefined;
      const stats = await handle.stat().catch((error: unknown) => closeAndThrow(handle, error));
      if (stats.isFile()) return new DiskFile(handle, stats);
      await handle.close();
      return undefined;
    });
  }

  remove(path: OutputPath): Promise<void> {
    if (!isOutputPath(path)) return Promise.resolve();
    return guarded(`cannot remove ${nameOf(path)}`, async () => {
      const folder = join(this.#root, shardOf(path.key));
      if (await isFolder(folder)) await rm(join(folder, nameOf(path)), { force: true });
    });
  }

  list(shard: string): Promise<OutputPath[]> {
    return guarded(`cannot list the outputs of ${shard}`, async () => {
      const folder = join(this.#root, shard);
      if (!(await isFolder(folder))) return [];
      const paths = (await readdir(folder)).map(pathOf).filter((path) => path !== undefined);
      return paths.filter(({ key }) => shardOf(key) === shard);
    });
  }

  removeUnfinished(shard: string, before: Date): Promise<number> {
    return guarded(`cannot clear what is unfinished of ${shard}`, async () => {
      const folder = join(this.#root, INCOMING);
      const found = (await readdir(folder)).filter((name) => name.startsWith(`${shard}-`));
      const removed = await Promise.all(found.map((name) => removeOlder(join(folder, name), before)));
      return removed.filter(Boolean).length;
    });
  }

  async #folderOf(path: OutputPath): Promise<string> {
    const folder = join(this.#root, shardOf(path.key));
    if (!(await isFolder(folder))) this.#shards.delete(folder);
    const made = this.#shards.get(folder) ?? this.#make(folder);
    this.#shards.set(folder, made);
    await made.catch((error: unknown) => {
      this.#shards.delete(folder);
      throw error;
    });
    return folder;
  }

  // Another process may have made the folder a moment ago and not be done with the fsync, hence one of our own.
  async #make(folder: string): Promise<void> {
    await makeOneFolder(folder);
    await syncPath(this.#root);
  }
}

// Neither key nor attempt has a dot, so no two paths share a name.
const nameOf = ({ key, attempt, file }: OutputPath): string => `${key}.${attempt}.${file}`;

/** Undefined for what somebody else put into the folder. */
function pathOf(name: string): OutputPath | undefined {
  const [key = '', attempt = '', ...file] = name.split('.');
  const path = { key, attempt: Number(attempt), file: file.join('.') };
  return isOutputPath(path) && nameOf(path) === name ? path : undefined;
}

async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    // The system's own message names folders, which are nobody's business outside.
    const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
    throw new StorageFailure(`${what}${code}`, { cause });
  }
}

/** Undefined when there is nothing, or something that must not be followed. */
async function openFile(path: string): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    // A pipe in a file's place would keep a blocking open waiting for ever.
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ELOOP')) return undefined;
    throw error;
  }
}

async function closeAndThrow(handle: FileHandle, error: unknown): Promise<never> {
  await handle.close();
  throw error;
}

/** False when there is nothing. Rejects when there is a file or a link, which would lead out of the store. */
async function isFolder(path: string): Promise<boolean> {
  const stats = await lstatOrNothing(path);
  if (stats === undefined || stats.isDirectory()) return stats !== undefined;
  throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' });
}

/** Several processes may do this at the same time, so one that is there by now is as good. */
const makeOneFolder = (path: string): Promise<void> =>
  mkdir(path).catch((error: unknown) => {
    if (!isCode(error, 'EEXIST')) throw error;
  });

/** Makes new folders durable: fsyncs each folder from the one above `from` down to the parent of `to`. */
async function syncUpTo(from: string, to: string): Promise<void> {
  for (let folder = dirname(to); folder.length >= from.length; folder = dirname(folder)) {
    await syncPath(folder);
    if (folder === from) return;
  }
}

/** By age, because a young file may be another process's write that is still going on. */
async function removeOlder(path: string, before: Date): Promise<boolean> {
  const stats = await lstatOrNothing(path);
  if (!stats?.isFile() || stats.mtime >= before) return false;
  await rm(path, { force: true });
  return true;
}

const lstatOrNothing = (path: string): Promise<Stats | undefined> =>
  lstat(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

import {
  closeSync,
  type Dirent,
  existsSync,
  fdatasync,
  fstatSync,
  openSync,
  readdirSync,
  statSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, ConfigError } from '../../config.ts';
import { syncPath } from '../../durable-file.ts';
import type { Durability } from './durability.ts';
import { streamFolder } from './stream.ts';

/** So many blocks are full of what one second can bring. */
const NEWEST = 3;

/** How often, and how long apart, it is looked for a block before it is said that there is none. */
const TRIES = 100;
const AGAIN_MS = 10;

/** How long it is taken for granted that the log is still there which was put on disk. Nobody makes another one sooner. */
export const LOOK_EVERY_MS = 100;

/**
 * The store of the log, if it falls to this process to put on disk what it wants to be there; `npm start` says with '' that
 * it does not. Throws `ConfigError` when the log, which the server has made by now, is not there.
 */
export function storeToSync({ SYNC, NATS_STORE }: Pick<Config, 'SYNC' | 'NATS_STORE'>): string | undefined {
  if (SYNC !== 'always' || !NATS_STORE) return undefined;
  if (existsSync(streamFolder(NATS_STORE))) return NATS_STORE;
  throw new ConfigError(
    `NATS_STORE must be the store folder of the nats-server at NATS_URL, on this machine; '${NATS_STORE}' has no log`,
  );
}

interface Waiting {
  readonly seq: number;
  then(): void;
}

/** A file of the log. JetStream numbers them, and appends to the one with the highest number. */
interface Block {
  readonly number: number;
  readonly file: number;
  readonly inode: number;
}

/**
 * Puts the log of a nats-server on this machine on disk, for all that waits at once (ADR 0041).
 *
 * JetStream has written an event to its block's file before it acknowledges or delivers it, so an fdatasync of that file
 * by whoever has heard of the event makes it durable, with all that are before it. What comes meanwhile waits for the next.
 *
 * A log that was lost, or moved away, may be replaced by another one, which gives the same sequences to other events: of
 * that nothing is on disk yet. It has other files, and so it is found, by a look at the newest after each fdatasync, and
 * one every 100 ms where none is needed; it takes 2 µs, too long for each event.
 */
export class DiskSync implements Durability {
  readonly #folder: string;
  readonly #fdatasync: typeof fdatasync;
  #block: Block | undefined;
  /** All up to here is on disk. */
  #onDisk = 0;
  /** When the files were looked at last, by `performance.now()`. */
  #lookedAt = 0;
  /** Those who wait for more than that. */
  #waiting: Waiting[] = [];
  #isBusy = false;
  #isClosed = false;

  /** `store` is the server's `store_dir`. */
  constructor(store: string, sync = fdatasync) {
    this.#fdatasync = sync;
    this.#folder = join(streamFolder(store), 'msgs');
  }

  through(seq: number, then: () => void): void {
    if (seq <= this.#onDisk) this.#look();
    if (seq <= this.#onDisk) return then();
    this.#waiting.push({ seq, then });
    if (this.#isBusy) return;
    this.#isBusy = true;
    // What one turn of the event loop brings is put on disk together.
    setImmediate(() => this.#sync());
  }

  /**
   * Now and then, whether what is on disk is still the log. What is being put there is looked at afterwards; once closed,
   * nothing is opened again for that.
   */
  #look(): void {
    if (this.#isBusy || this.#isClosed) return;
    if (performance.now() - this.#lookedAt >= LOOK_EVERY_MS) this.#isCurrent();
  }

  #sync(): void {
    const asked = this.#waiting.length;
    const newest = this.#waiting.reduce((most, { seq }) => Math.max(most, seq), 0);
    this.#syncLog((isSameLog) => {
      this.#onDisk = isSameLog ? newest : 0;
      // Who came meanwhile and waits for an older event is told, too, so that nobody is overtaken. In another log, which has
      // other events at these sequences, only those are told who were there before the fdatasync.
      const isThere = ({ seq }: Waiting, index: number) => seq <= newest && (isSameLog || index < asked);
      const [there, waiting] = parted(this.#waiting, isThere);
      this.#waiting = waiting;
      for (const { then } of there) then();
      this.#isBusy = this.#waiting.length > 0;
      if (this.#isBusy) this.#sync();
      else if (this.#isClosed) this.#release();
    });
  }

  /** Puts all that the log has by now on disk. `isSameLog` is false where it may be another log than before. */
  #syncLog(done: (isSameLog: boolean) => void, tries = 1): void {
    const again = (): void => this.#syncLog(done, tries + 1);
    const blocks = this.#blocks();
    if (blocks.length > 0)
      return this.#syncBlocks(blocks, () => (this.#isCurrent() ? done(tries === 1) : again()));
    if (tries > TRIES) throw new Error(`there is no block of the log in ${this.#folder}`);
    // The server is just putting another one in its place.
    setTimeout(again, AGAIN_MS);
  }

  close(): void {
    this.#isClosed = true;
    if (!this.#isBusy) this.#release();
  }

  #release(): void {
    if (this.#block) closeSync(this.#block.file);
    this.#block = undefined;
  }

  #syncBlocks([block, ...rest]: readonly Block[], done: () => void): void {
    if (!block) return done();
    this.#fdatasync(block.file, (error) => {
      // Nobody can say any more what is on the disk: the process ends, and who waits hears of no success.
      if (error) throw new Error('the log could not be put on disk', { cause: error });
      if (rest.length > 0) closeSync(block.file);
      this.#syncBlocks(rest, done);
    });
  }

  /** The block that was the newest last time, and those that have come after it. */
  #blocks(): Block[] {
    const blocks = this.#block ? [this.#block] : this.#newest();
    for (let next = this.#after(blocks); next; next = this.#after(blocks)) blocks.push(next);
    this.#block = blocks.at(-1);
    return blocks;
  }

  /**
   * False if what was put on disk is not the log's any more: let go of, replaced by a copy of what was left of it, or
   * another log's.
   */
  #isCurrent(): boolean {
    this.#lookedAt = performance.now();
    if (this.#block && this.#inodeOf(this.#block.number) === this.#block.inode) return true;
    this.#release();
    this.#onDisk = 0;
    return false;
  }

  /** In order. What is older was put on disk by the server itself, which does so each second. */
  #newest(): Block[] {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder) : [];
    const numbers = names.flatMap((name) => /^(\d+)\.blk$/.exec(name)?.[1] ?? []);
    const newest = numbers
      .map(Number)
      .sort((a, b) => a - b)
      .slice(-NEWEST);
    return newest.flatMap((number) => this.#open(number) ?? []);
  }

  #after(blocks: readonly Block[]): Block | undefined {
    const number = (blocks.at(-1)?.number ?? 0) + 1;
    return existsSync(this.#pathOf(number)) ? this.#open(number) : undefined;
  }

  /** Undefined if the log has just let go of it. */
  #open(number: number): Block | undefined {
    try {
      const file = openSync(this.#pathOf(number), 'r');
      return { number, file, inode: fstatSync(file).ino };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Of no other file as long as it is open. */
  #inodeOf(number: number): number | undefined {
    return statSync(this.#pathOf(number), { throwIfNoEntry: false })?.ino;
  }

  #pathOf(number: number): string {
    return join(this.#folder, `${number}.blk`);
  }
}

function parted<T>(all: readonly T[], isFirst: (one: T, index: number) => boolean): [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  for (const [index, one] of all.entries()) parts[isFirst(one, index) ? 0 : 1].push(one);
  return parts;
}

/** What makes streams out of the blocks: descriptions of streams and consumers, and all folders. */
export async function syncMetadata(store: string): Promise<void> {
  const entries = await walk(store);
  const paths = entries
    .filter((entry) => entry.isDirectory() || entry.name.startsWith('meta.'))
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of [...paths, store, join(store, '..')]) await syncFile(path);
}

/** A folder that is removed meanwhile ends the walk; the next one does not meet it. */
async function walk(store: string, tries = 1): Promise<Dirent[]> {
  try {
    return await readdir(store, { recursive: true, withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === TRIES) throw error;
    return walk(store, tries + 1);
  }
}

async function syncFile(path: string): Promise<void> {
  try {
    await syncPath(path);
  } catch (error) {
    // Of a consumer that is no more.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What is kept at most, and how long when nothing is spooled any more. */
const MAX_IDLE = 16;
const MAX_IDLE_BYTES = 8_000_000;
const IDLE_MS = 10_000;

/** A file that is open to be written, and may hold something from before. */
export interface SpoolFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Its size, or more where a write failed. */
  bytes: number;
}

/**
 * The files into which a worker spools sources. They are used again: a new file in a folder of its own for each source
 * of 1.4 MB took the worker a quarter more CPU, for the file system's sake (inodes, blocks, pages) and a dozen calls
 * that each go to another thread and back.
 */
export class SpoolFiles {
  readonly #folder: string;
  readonly #maxIdle: number;
  readonly #idle: SpoolFile[] = [];
  #made = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `folder` is the worker's own, and made when it is not there. */
  constructor(folder: string, maxIdle = MAX_IDLE) {
    this.#folder = folder;
    this.#maxIdle = maxIdle;
  }

  /** A file for nobody else until it is given back. Rejects with the system's error. */
  async take(): Promise<SpoolFile> {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      // Somebody may have tidied up.
      if (existsSync(kept.path)) return kept;
      await remove(kept);
    }
    await mkdir(this.#folder, { recursive: true });
    this.#made += 1;
    const path = join(this.#folder, `${this.#made}`);
    return { path, handle: await open(path, 'wx', 0o600), bytes: 0 };
  }

  /** To be called when nobody writes to it any more; who still reads it will see the next source's bytes. */
  async give(file: SpoolFile): Promise<void> {
    if (this.#idle.length >= this.#maxIdle || file.bytes > MAX_IDLE_BYTES) return remove(file);
    this.#idle.push(file);
    if (this.#timer === undefined) this.#timer = setTimeout(() => void this.clear(), IDLE_MS).unref();
    else this.#timer.refresh();
  }

  /** Removes the files that nobody uses. */
  async clear(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await Promise.all(this.#idle.splice(0).map(remove));
  }
}

async function remove({ path, handle }: SpoolFile): Promise<void> {
  await handle.close().catch(() => undefined);
  await rm(path, { force: true }).catch(() => undefined);
}

import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Logger } from '../../logger.ts';
import { streamFolder } from './stream.ts';

/** Where Linux keeps files in memory. */
const SHARED_MEMORY = '/dev/shm';
const LOOK_EVERY_MS = 500;
/** The server has just begun or ended a batch, or made its folder: it is looked again. */
const PASSING: ReadonlySet<string | undefined> = new Set(['EEXIST', 'ENOENT', 'ENOTEMPTY']);

export interface StagingOptions {
  /** The server's `store_dir`. */
  readonly store: string;
  readonly config: Pick<Config, 'MAX_BODY'>;
  readonly logger: Logger;
  /** A folder in memory. */
  readonly memory?: string;
}

/**
 * Has the embedded nats-server stage its batches in memory (ADR 0043).
 *
 * The server writes a batch to a store of its own before it stores it: three folders, four files and five waits for the
 * disk, while every other publish waits. That store is there to complete the batch after the server was killed, and memory
 * outlives the server too; after a power failure `endTornRequest` sees to it. So a link stands where the server makes it.
 * The server removes that whenever it starts, and makes a folder when nothing is there, so it is looked after all the
 * time. Where there is no such memory, or too little of it is free, batches are staged on disk.
 */
export class BatchStaging {
  /** Where the server has them. */
  readonly #place: string;
  /** The same for each start: what a killed server has left there is found again. */
  readonly #folder: string;
  readonly #memory: string;
  readonly #roomBytes: number;
  readonly #logger: Logger;
  readonly #looking: NodeJS.Timeout;

  constructor({ store, config, logger, memory = SHARED_MEMORY }: StagingOptions) {
    this.#place = join(streamFolder(store), 'batches');
    this.#folder = join(memory, `wyvern-${createHash('sha256').update(store).digest('hex').slice(0, 32)}`);
    this.#memory = memory;
    // Two batches at once, and an event takes less than twice what was sent.
    this.#roomBytes = 4 * config.MAX_BODY;
    this.#logger = logger;
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  /** To be called when the server has stopped. A batch that it has yet to complete stays for its next start. */
  close(): void {
    clearInterval(this.#looking);
    this.#trying(() => {
      if (!this.#isLinked) return;
      rmdirSync(this.#folder);
      unlinkSync(this.#place);
    });
  }

  #look(): void {
    this.#trying(() => {
      if (!existsSync(this.#memory)) return this.#leave('there is no memory for files');
      if (!existsSync(join(this.#place, '..'))) return;
      if (this.#hasRoom) this.#link();
      else if (this.#isLinked && readdirSync(this.#folder).length === 0) unlinkSync(this.#place);
    });
  }

  #link(): void {
    if (this.#isLinked) return this.#makeFolder();
    const found = lstatSync(this.#place, { throwIfNoEntry: false });
    // One that is in use is not empty.
    if (found?.isDirectory()) rmdirSync(this.#place);
    else if (found) unlinkSync(this.#place);
    this.#makeFolder();
    for (const left of readdirSync(this.#folder)) rmSync(join(this.#folder, left), { recursive: true });
    symlinkSync(this.#folder, this.#place);
  }

  get #isLinked(): boolean {
    const found = lstatSync(this.#place, { throwIfNoEntry: false });
    return found?.isSymbolicLink() === true && readlinkSync(this.#place) === this.#folder;
  }

  get #hasRoom(): boolean {
    const { bavail, bsize } = statfsSync(this.#memory);
    return bavail * bsize >= this.#roomBytes;
  }

  /** Others may write to the memory too, and must not choose what lies behind the link. */
  #makeFolder(): void {
    if (!existsSync(this.#folder)) mkdirSync(this.#folder, { mode: 0o700 });
    const { uid, mode } = lstatSync(this.#folder);
    if (uid === process.getuid?.() && (mode & 0o170777) === 0o040700) return;
    if (this.#isLinked) unlinkSync(this.#place);
    throw new Error(`${this.#folder} is not a folder of this user alone`);
  }

  #trying(action: () => void): void {
    try {
      action();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!PASSING.has(code)) this.#leave(message);
    }
  }

  #leave(reason: string): void {
    clearInterval(this.#looking);
    this.#logger.info({ reason }, 'batches are staged on disk');
  }
}

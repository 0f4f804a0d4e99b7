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
import { dirname, join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Logger } from '../../logger.ts';
import { streamFolder } from './stream.ts';

/** Where Linux keeps files in memory. */
const SHARED_MEMORY = '/dev/shm';
const LOOK_EVERY_MS = 500;
/** The server has just begun or ended a batch, or made its folder: it is looked again. */
const PASSING: ReadonlySet<string | undefined> = new Set(['EEXIST', 'ENOENT', 'ENOTEMPTY']);
const MODE = 0o700;

export interface StagingOptions {
  /** The server's `store_dir`. */
  readonly store: string;
  readonly config: Pick<Config, 'MAX_BODY'>;
  readonly logger: Logger;
  /** A folder in memory. */
  readonly memory?: string;
  /** Bytes that are free there. */
  readonly freeOf?: (memory: string) => number;
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
  readonly #store: string;
  /** Where the server has its batches. */
  readonly #link: string;
  readonly #memory: string;
  readonly #freeOf: (memory: string) => number;
  readonly #roomBytes: number;
  readonly #logger: Logger;
  readonly #looking: NodeJS.Timeout;
  /** The link and what lies behind it are the server's, until it has removed the link. */
  #isServers = true;
  /** Why batches are staged on disk. */
  #reason: string | undefined;

  constructor({ store, config, logger, memory = SHARED_MEMORY, freeOf = freeBytes }: StagingOptions) {
    this.#store = store;
    this.#link = join(streamFolder(store), 'batches');
    this.#memory = memory;
    this.#freeOf = freeOf;
    // Two batches at once, and an event takes less than twice what was sent.
    this.#roomBytes = 4 * config.MAX_BODY;
    this.#logger = logger;
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  /** The next server begins with what this one has left. */
  serverEnded(): void {
    this.#isServers = true;
  }

  /** To be called when the server has stopped. A batch that it has yet to complete stays for its next start. */
  close(): void {
    clearInterval(this.#looking);
    try {
      const folder = this.#folder();
      if (this.#target() !== folder) return;
      rmdirSync(folder);
      unlinkSync(this.#link);
    } catch (error) {
      this.#logger.debug({ err: error }, 'batches are left in memory');
    }
  }

  #look(): void {
    try {
      this.#tend();
    } catch (error) {
      if (!isPassing(error)) this.#giveWay((error as Error).message);
    }
  }

  #giveWay(reason: string): void {
    try {
      this.#stageOnDisk(reason);
    } catch (error) {
      this.#tell((error as Error).message);
    }
  }

  #tend(): void {
    if (!existsSync(dirname(this.#link))) return;
    this.#isServers &&= this.#target() !== undefined;
    if (this.#isServers) return;
    if (!existsSync(this.#memory)) this.#stageOnDisk(`there is no ${this.#memory}`);
    else if (this.#freeOf(this.#memory) < this.#roomBytes)
      this.#stageOnDisk(`too little of ${this.#memory} is free`);
    else this.#stageInMemory();
  }

  #stageInMemory(): void {
    const folder = this.#folder();
    makeOwn(folder);
    const target = this.#target();
    if (target !== folder) {
      // One that is in use is not empty.
      if (target === undefined && existsSync(this.#link)) rmdirSync(this.#link);
      else if (target !== undefined) unlinkSync(this.#link);
      clear(folder);
      symlinkSync(folder, this.#link);
    }
    this.#reason = undefined;
  }

  /** What was being staged in memory is refused by the server, and sent again. */
  #stageOnDisk(reason: string): void {
    const target = this.#target();
    if (target !== undefined) {
      unlinkSync(this.#link);
      if (target === this.#folder() && isOwn(target)) clear(target);
    }
    this.#tell(reason);
  }

  #tell(reason: string): void {
    if (this.#reason !== reason) this.#logger.info({ reason }, 'batches are staged on disk');
    this.#reason = reason;
  }

  /** The same for each start on the same data, whatever its path, and another one for a copy. */
  #folder(): string {
    const { dev, ino } = lstatSync(dirname(this.#store), { bigint: true });
    return join(this.#memory, `wyvern-${dev}-${ino}`);
  }

  /** Where the link leads; undefined where there is none. */
  #target(): string | undefined {
    const found = lstatSync(this.#link, { throwIfNoEntry: false });
    return found?.isSymbolicLink() ? readlinkSync(this.#link) : undefined;
  }
}

function freeBytes(memory: string): number {
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize;
}

const isPassing = (error: unknown): boolean => PASSING.has((error as NodeJS.ErrnoException).code);

/** Others may write to the memory too, and must not choose what lies behind the link. */
function makeOwn(folder: string): void {
  if (!lstatSync(folder, { throwIfNoEntry: false })) mkdirSync(folder, { mode: MODE });
  if (!isOwn(folder)) throw new Error(`${folder} is not a folder of this user alone`);
}

function isOwn(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o777) === MODE;
}

function clear(folder: string): void {
  for (const left of readdirSync(folder)) rmSync(join(folder, left), { recursive: true, force: true });
}

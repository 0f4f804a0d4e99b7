import { DiskRoom } from './disk-room.ts';
import { type SpoolFile, SpoolFiles } from './spool-files.ts';

/** What a worker holds of sources in memory, all work together. */
const WORKER_BYTES = 25_000_000;
/**
 * Of these, what one piece of work may hold. It crosses to a decoder with the task, and more costs more that way than
 * through a file: up to 400 kB it is the same, and of 1.4 MB collecting the garbage was 45 % of a worker instead of 13.
 */
const WORK_BYTES = 250_000;

/**
 * What a worker holds of sources in files. One piece of work may go beyond that when the others have filled it, so it is
 * as much as the sources of one task more.
 */
const DISK_BYTES = 4_000_000_000;

interface RoomSizes {
  readonly workerBytes?: number;
  readonly workBytes?: number;
  readonly diskBytes?: number;
  /** Files that are kept to be used again. */
  readonly idleFiles?: number;
}

/** Where a worker has sources while they are worked on: in memory, and what finds no room there in files. */
export class SourceRoom {
  readonly #files: SpoolFiles;
  readonly #disk: DiskRoom;
  readonly #workBytes: number;
  #left: number;

  /** The files are in `folder`, which is the worker's own, and made when it is not there. */
  constructor(
    folder: string,
    { workerBytes = WORKER_BYTES, workBytes = WORK_BYTES, diskBytes = DISK_BYTES, idleFiles }: RoomSizes = {},
  ) {
    this.#files = new SpoolFiles(folder, idleFiles);
    this.#disk = new DiskRoom(diskBytes);
    this.#workBytes = workBytes;
    this.#left = workerBytes;
  }

  /** The part of one piece of work, empty at first. */
  part(): RoomPart {
    const files: SpoolFile[] = [];
    let taken = 0;
    let onDisk = 0;
    return {
      takeMemory: (bytes) => {
        if (bytes > this.#left || taken + bytes > this.#workBytes) return false;
        this.#left -= bytes;
        taken += bytes;
        return true;
      },
      file: async () => {
        const file = await this.#files.take();
        files.push(file);
        return file;
      },
      takeDisk: (bytes) => {
        const isTaken = this.#disk.take(files, bytes);
        if (isTaken) onDisk += bytes;
        return isTaken;
      },
      waitForDisk: async (bytes, signal) => {
        await this.#disk.wait(files, bytes, signal);
        onDisk += bytes;
      },
      leave: async () => {
        this.#left += taken;
        taken = 0;
        await Promise.all(files.splice(0).map((file) => this.#files.give(file)));
        this.#disk.giveAll(files, onDisk);
        onDisk = 0;
      },
    };
  }

  /** Removes the files that are kept for later. */
  close(): Promise<void> {
    return this.#files.clear();
  }
}

/** What one piece of work has of the room. */
export interface RoomPart {
  /** Takes so many bytes more of the memory; false, and nothing is taken, where there are none left. */
  takeMemory(bytes: number): boolean;
  /** Takes a file. Rejects with the system's error. */
  file(): Promise<SpoolFile>;
  /** Takes so many bytes more of the disk; false, and nothing is taken, where one has to wait for them. */
  takeDisk(bytes: number): boolean;
  /** Resolves when so many bytes more are taken. Rejects with the signal's reason. */
  waitForDisk(bytes: number, signal: AbortSignal): Promise<void>;
  /** Gives everything back, when nobody writes or reads it any more. */
  leave(): Promise<void>;
}

import { BLOCK_BYTES, giveBlock, NONE, takeBlock } from './blocks.ts';
import type { Sink } from './sink.ts';
import type { RoomPart } from './source-room.ts';
import type { SpoolFile } from './spool-files.ts';

/** Where there is room for what is written. */
type Disk = Pick<RoomPart, 'takeDisk' | 'waitForDisk'>;

/**
 * A body on its way to a file, with at most some two blocks of it in memory.
 *
 * Pieces are copied into a block rather than kept: a body that comes byte by byte would otherwise hold its
 * socket's whole buffer, and a write, for each. While one block is written the other one fills; when that is
 * full too, `add` says so and the sender must wait for `drained`.
 */
export class Spool implements Sink {
  readonly #file: SpoolFile;
  readonly #disk: Disk;
  #filling = takeBlock();
  #writing = takeBlock();
  #filled = 0;
  #written = 0;
  #flushing: Promise<void> | undefined;
  #failure: unknown;
  #waiting: AbortController | undefined;

  /** Writes over what the file holds. */
  constructor(file: SpoolFile, disk: Disk) {
    this.#file = file;
    this.#disk = disk;
  }

  /** A file grows by itself. */
  expect(): void {}

  /** False when the sender must wait for `drained` before it adds more. */
  add(piece: Uint8Array): boolean {
    this.#makeRoom(piece.byteLength);
    this.#filling.set(piece, this.#filled);
    this.#filled += piece.byteLength;
    // A flush that finds nothing to write would be over before it is kept, and stand in the way of every other one.
    if (this.#filled > 0) this.#flushing ??= this.#flush();
    return this.#filled < BLOCK_BYTES;
  }

  /** Resolves when all that was added is written. Rejects with the system's error. */
  async drained(): Promise<void> {
    await this.#flushing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Writes the rest; the file holds that and nothing else then. Rejects with the system's error. */
  async finish(): Promise<{ readonly path: string }> {
    await this.drained();
    this.#giveBlocks();
    const { path, handle, bytes } = this.#file;
    if (bytes > this.#written) await handle.truncate(this.#written);
    this.#file.bytes = this.#written;
    return { path };
  }

  /** Resolves when nothing is written any more: what waits for room is given up, and nothing begins to. */
  async discard(): Promise<void> {
    this.#failure ??= new Error('discarded');
    this.#waiting?.abort();
    await this.#flushing;
    this.#giveBlocks();
  }

  /** May be called again; what is added after it is lost. */
  #giveBlocks(): void {
    for (const block of [this.#filling, this.#writing]) giveBlock(block);
    this.#filling = this.#writing = NONE;
    this.#filled = 0;
  }

  // One piece may be larger than a block, but no larger than what a socket hands out at once.
  #makeRoom(bytes: number): void {
    if (this.#filled + bytes <= this.#filling.length) return;
    const larger = Buffer.allocUnsafeSlow(this.#filled + bytes + BLOCK_BYTES);
    larger.set(this.#filling.subarray(0, this.#filled));
    this.#filling = larger;
  }

  /** Never rejects; a failure waits for whoever asks. */
  async #flush(): Promise<void> {
    try {
      while (this.#filled > 0 && this.#failure === undefined) {
        const block = this.#filling.subarray(0, this.#filled);
        [this.#filling, this.#writing] = [this.#writing, this.#filling];
        this.#filled = 0;
        await this.#write(block);
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#flushing = undefined;
  }

  async #write(block: Buffer): Promise<void> {
    const file = this.#file;
    if (!this.#disk.takeDisk(block.length)) {
      this.#waiting = new AbortController();
      await this.#disk.waitForDisk(block.length, this.#waiting.signal);
    }
    for (let from = 0; from < block.length; ) {
      file.bytes = Math.max(file.bytes, this.#written + block.length - from);
      const { bytesWritten } = await file.handle.write(block, from, block.length - from, this.#written);
      from += bytesWritten;
      this.#written += bytesWritten;
    }
  }
}

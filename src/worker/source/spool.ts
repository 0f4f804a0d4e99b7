import { type FileHandle, open, rm } from 'node:fs/promises';
import { BLOCK_BYTES, giveBlock, takeBlock } from './blocks.ts';
import type { Sink } from './sink.ts';

const NONE = Buffer.alloc(0);

/**
 * A body on its way to a file, with at most some two blocks of it in memory.
 *
 * Pieces are copied into a block rather than kept: a body that comes byte by byte would otherwise hold its
 * socket's whole buffer, and a write, for each. While one block is written the other one fills; when that is
 * full too, `add` says so and the sender must wait for `drained`.
 */
export class Spool implements Sink {
  readonly path: string;
  readonly #handle: FileHandle;
  #filling = takeBlock();
  #writing = takeBlock();
  #filled = 0;
  #flushing: Promise<void> | undefined;
  #failure: unknown;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Makes the file, which must not be there yet. */
  static async create(path: string): Promise<Spool> {
    return new Spool(path, await open(path, 'wx', 0o600));
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

  /** Writes the rest and closes. Rejects with the system's error. */
  async finish(): Promise<{ readonly path: string }> {
    await this.drained();
    await this.#handle.close();
    this.#giveBlocks();
    return { path: this.path };
  }

  /** Closes and removes the file, whatever state it is in. */
  async discard(): Promise<void> {
    await this.#flushing;
    await this.#handle.close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
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
        await this.#handle.writeFile(block);
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#flushing = undefined;
  }
}

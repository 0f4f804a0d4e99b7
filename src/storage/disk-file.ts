import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type ByteRange, StorageFailure, type StoredFile } from './storage.ts';

const CHUNK_BYTES = 65_536;

/** One open file. It goes on giving the bytes that it was opened on, even when another takes its name. */
export class DiskFile implements StoredFile {
  readonly bytes: number;
  readonly modifiedAt: Date;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, stats: Stats) {
    this.#handle = handle;
    this.bytes = stats.size;
    this.modifiedAt = stats.mtime;
  }

  /** Holds at most two chunks of 64 KiB. Ends early at the end of the file; empty when the range is. */
  read(range: ByteRange = { start: 0, end: this.bytes - 1 }): Readable {
    const end = Math.min(range.end, this.bytes - 1);
    return Readable.from(this.#chunks(Math.max(range.start, 0), end), {
      objectMode: false,
      highWaterMark: CHUNK_BYTES,
    });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async *#chunks(start: number, end: number): AsyncGenerator<Buffer> {
    for (let position = start; position <= end; ) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position + 1));
      const bytesRead = await this.#readInto(chunk, position);
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }

  async #readInto(chunk: Buffer, position: number): Promise<number> {
    try {
      const { bytesRead } = await this.#handle.read(chunk, 0, chunk.length, position);
      // Whoever waits for a promised number of bytes would wait for ever.
      if (bytesRead === 0) throw new Error('the file is shorter than it was');
      return bytesRead;
    } catch (cause) {
      throw new StorageFailure('cannot read a stored file', { cause });
    }
  }
}

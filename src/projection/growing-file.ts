import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GatheredReads } from './gathered-reads.ts';
import type { Slice } from './slice-table.ts';

/** Bytes of one write, and the most that one record may have. */
export const CHUNK_BYTES = 512 * 1024;
/** Chunks that wait for the disk at most. */
const WAITING = 8;

interface Chunk {
  readonly buffer: Buffer;
  /** Where it begins in the file. */
  readonly at: number;
  used: number;
}

/**
 * A file without a name, which goes with its process, however that ends. It grows by one large write at a time; what is
 * not written yet is read from memory.
 */
export class GrowingFile {
  readonly #handle: FileHandle;
  readonly #reads: GatheredReads;
  readonly #onFault: (error: unknown) => void;
  /** Used again: as garbage they took 20 MB more. */
  readonly #free: Buffer[] = [];
  /** Full ones that are not written yet, the oldest first. */
  readonly #full: Chunk[] = [];
  #filling = this.#newChunk(0);

  private constructor(handle: FileHandle, onFault: (error: unknown) => void) {
    this.#handle = handle;
    this.#reads = new GatheredReads(handle);
    this.#onFault = onFault;
  }

  /** `onFault` is told of a write that failed: what was to be written is not there. */
  static async open(folder: string, onFault: (error: unknown) => void): Promise<GrowingFile> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `ended-tasks-${randomUUID()}`);
    const handle = await open(path, 'wx+', 0o600);
    await unlink(path);
    return new GrowingFile(handle, onFault);
  }

  get bytes(): number {
    return this.#filling.at + this.#filling.used;
  }

  /** Undefined for a record that is too large, or that comes while the disk is too far behind. */
  append(record: string): Slice | undefined {
    const bytes = Buffer.byteLength(record);
    if (bytes > CHUNK_BYTES) return undefined;
    if (this.#filling.used + bytes > CHUNK_BYTES) {
      if (this.#full.length >= WAITING) return undefined;
      this.#full.push(this.#filling);
      this.#filling = this.#newChunk(this.bytes);
      if (this.#full.length === 1) void this.#write();
    }
    const slice = { at: this.bytes, bytes };
    this.#filling.buffer.write(record, this.#filling.used);
    this.#filling.used += bytes;
    return slice;
  }

  async read({ at, bytes }: Slice): Promise<string> {
    const chunk = [...this.#full, this.#filling].findLast((held) => at >= held.at);
    if (chunk) return chunk.buffer.toString('utf8', at - chunk.at, at - chunk.at + bytes);
    return this.#reads.read({ at, bytes });
  }

  close(): void {
    // What is still to be written would be taken for a fault of the disk.
    this.#full.length = 0;
    // It waits for reads that are under way; there is nothing to save.
    void this.#handle.close().catch(() => {});
  }

  #newChunk(at: number): Chunk {
    return { buffer: this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES), at, used: 0 };
  }

  async #write(): Promise<void> {
    try {
      for (let chunk = this.#full[0]; chunk; chunk = this.#full[0]) {
        const { buffer, used, at } = chunk;
        const { bytesWritten } = await this.#handle.write(buffer, 0, used, at);
        if (bytesWritten < used) throw new Error(`only ${bytesWritten} of ${used} bytes were written`);
        this.#full.shift();
        this.#free.push(buffer);
      }
    } catch (error) {
      this.#onFault(error);
    }
  }
}

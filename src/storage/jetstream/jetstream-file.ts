import { Readable } from 'node:stream';
import { type ByteRange, StorageFailure, type StoredFile } from '../storage.ts';
import { PIECE_BYTES } from './files-stream.ts';

const CHUNK_BYTES = 65_536;

/** Gives one piece of an output, counted from 0. Rejects with `StorageFailure`. */
export type GivePiece = (index: number) => Promise<Uint8Array>;

/** One output in the stream, read piece by piece: never more than one piece of it is held here. */
export class JetStreamFile implements StoredFile {
  readonly bytes: number;
  readonly modifiedAt: Date;
  readonly #piece: GivePiece;
  #isClosed = false;

  constructor(bytes: number, modifiedAt: Date, piece: GivePiece) {
    this.bytes = bytes;
    this.modifiedAt = modifiedAt;
    this.#piece = piece;
  }

  read(range: ByteRange = { start: 0, end: this.bytes - 1 }): Readable {
    const end = Math.min(range.end, this.bytes - 1);
    return Readable.from(this.#chunks(Math.max(range.start, 0), end), {
      objectMode: false,
      highWaterMark: CHUNK_BYTES,
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  async *#chunks(start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let position = start; position <= end; ) {
      const index = Math.floor(position / PIECE_BYTES);
      const piece = await this.#piece(index);
      const pieceEnd = Math.min(end + 1, (index + 1) * PIECE_BYTES);
      for (; position < pieceEnd; position += CHUNK_BYTES) {
        if (this.#isClosed) throw new StorageFailure('cannot read a stored file that was closed');
        const at = position - index * PIECE_BYTES;
        yield piece.subarray(at, at + Math.min(CHUNK_BYTES, pieceEnd - position));
      }
      position = pieceEnd;
    }
  }
}

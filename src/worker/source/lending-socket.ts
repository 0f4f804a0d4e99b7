import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** What one read may bring; 256 kB took more CPU, since that is more than the nearest caches hold. */
const READ_BYTES = 65_536;
/** Of what may be a head, given out at once. */
const HEAD_BYTES = 2_048;

// One for all sockets: the system fills it only when it is about to be looked at, and what nobody takes is copied.
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * A socket that reads into memory which is used again, where Node's own takes new memory for each read. That lies
 * outside of V8's heap, and V8 collects all of its garbage the earlier for it.
 *
 * It is read as undici reads: `read` on `readable`, until there is no more, and `unshift` for what is to come again. A
 * piece that was read is only lent: it is gone when the reader asks for the next one.
 */
export class LendingSocket extends Socket {
  #piece: Buffer | undefined;
  #keepsPieces = true;
  /** Where a piece waits that the reader does not take yet. */
  #kept: Buffer | undefined;

  constructor() {
    const onread: OnReadOpts = { buffer: shared, callback: (bytes) => this.#take(shared.subarray(0, bytes)) };
    // The types know it only of `connect`, which hands it to the constructor.
    super({ onread } as SocketConstructorOpts);
  }

  /** Whether the reader holds on to pieces, as undici does until it has the whole head of an answer: it is given copies. */
  set keepsPieces(keeps: boolean) {
    this.#keepsPieces = keeps;
  }

  override read(size?: number): Buffer | null {
    const piece = this.#piece;
    // Also begins to read again, if that was stopped.
    if (piece === undefined) return super.read(size);
    if (size === 0) return null;
    if (!this.#keepsPieces) {
      this.#piece = undefined;
      return piece;
    }
    this.#piece = piece.length > HEAD_BYTES ? piece.subarray(HEAD_BYTES) : undefined;
    return Buffer.from(piece.subarray(0, HEAD_BYTES));
  }

  override unshift(piece: Buffer): void {
    this.#piece = this.#piece === undefined ? piece : Buffer.concat([piece, this.#piece]);
  }

  /** False stops the reading, the end of the connection included, until all is taken. */
  #take(piece: Buffer): boolean {
    this.#piece = piece;
    this.emit('readable');
    if (this.#piece === undefined) return true;
    this.#piece = this.#keep(this.#piece);
    return false;
  }

  /** A copy, which lasts until the reader asks for the piece after it. */
  #keep(piece: Buffer): Buffer {
    if (piece.length > READ_BYTES) return Buffer.from(piece);
    this.#kept ??= Buffer.allocUnsafeSlow(READ_BYTES);
    this.#kept.set(piece);
    return this.#kept.subarray(0, piece.length);
  }
}

import { BLOCK_BYTES, giveBlock, NONE, takeBlock } from './blocks.ts';
import type { Kept, Sink } from './sink.ts';
import type { RoomPart } from './source-room.ts';
import { Spool } from './spool.ts';

const FIRST_BYTES = 16_384;
/** More than one read of a socket, which may come in thousands of pieces after there is no room any more. */
const LAST_BYTES = 131_072;

/**
 * A body that stays in memory as long as there is room for it, and moves to a file when there is none. Calls for a file
 * are handed to another thread and back: of a photo of 78 kB, an `image.info` takes a worker half the CPU without them.
 */
export class Body implements Sink {
  readonly #room: RoomPart;
  #held = NONE;
  #filled = 0;
  #isTooLarge = false;
  #spool: Spool | undefined;
  #moving: Promise<void> | undefined;

  constructor(room: RoomPart) {
    this.#room = room;
  }

  /** What it says is believed as far as there is room: memory that nobody writes to costs nothing. */
  expect(bytes: number): void {
    if (bytes <= this.#held.length) return;
    if (this.#room.takeMemory(bytes - this.#held.length)) this.#widen(Buffer.allocUnsafeSlow(bytes));
    // Goes to a file with its first piece: to fill the room first took 5 % of the CPU of a thumb, as garbage.
    else this.#isTooLarge = true;
  }

  add(piece: Uint8Array): boolean {
    if (this.#spool !== undefined) return this.#spool.add(piece);
    const needed = this.#filled + piece.byteLength;
    const hasRoom = this.#makeRoom(needed);
    this.#held.set(piece, this.#filled);
    this.#filled = needed;
    if (!hasRoom) this.#moving ??= this.#move();
    return hasRoom;
  }

  async drained(): Promise<void> {
    await this.#moving;
    await this.#spool?.drained();
  }

  async finish(): Promise<Kept> {
    await this.drained();
    return this.#spool?.finish() ?? { data: this.#held.subarray(0, this.#filled) };
  }

  async discard(): Promise<void> {
    await this.#moving?.catch(() => undefined);
    await this.#spool?.discard();
  }

  /** A piece that has come is held in any case; false when it had no room. */
  #makeRoom(bytes: number): boolean {
    if (bytes <= this.#held.length) return true;
    const wanted = Math.max(bytes, 2 * this.#held.length, FIRST_BYTES);
    const mayStay = !this.#isTooLarge && this.#moving === undefined;
    const hasRoom = mayStay && this.#room.takeMemory(wanted - this.#held.length);
    this.#widen(hasRoom ? Buffer.allocUnsafeSlow(wanted) : withBytes(bytes + LAST_BYTES));
    return hasRoom;
  }

  #widen(larger: Buffer): void {
    larger.set(this.#held.subarray(0, this.#filled));
    giveBlock(this.#held);
    this.#held = larger;
  }

  async #move(): Promise<void> {
    const spool = new Spool(await this.#room.file(), this.#room);
    spool.add(this.#held.subarray(0, this.#filled));
    giveBlock(this.#held);
    this.#held = NONE;
    this.#spool = spool;
  }
}

const withBytes = (bytes: number): Buffer =>
  bytes <= BLOCK_BYTES ? takeBlock() : Buffer.allocUnsafeSlow(bytes);

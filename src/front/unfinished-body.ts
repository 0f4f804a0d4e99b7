/** Memory that a front has for bodies which are on their way, in all: a client need not prove who it is to send one. */
const MOST_BYTES = 256 * 1024 * 1024;
const LEAST_BYTES = 16 * 1024;

const unfinished = new Set<UnfinishedBody>();
let held = 0;

/**
 * What has come of a request's body. Where all of them together become too much, the one that was begun first is refused:
 * most likely its client does not mean to end it.
 */
export class UnfinishedBody {
  readonly #refuse: () => void;
  // One piece of memory, since a client may send each byte in a chunk of its own.
  #memory = Buffer.alloc(0);
  #bytes = 0;

  /** `refuse` is called at most once, after which the body is held no longer. */
  constructor(refuse: () => void) {
    this.#refuse = refuse;
    unfinished.add(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(chunk: Uint8Array): void {
    const bytes = this.#bytes + chunk.byteLength;
    if (bytes > this.#memory.byteLength) this.#grow(Math.max(LEAST_BYTES, 2 * bytes));
    this.#memory.set(chunk, this.#bytes);
    this.#bytes = bytes;
    for (const oldest of unfinished) {
      if (held <= MOST_BYTES || unfinished.size === 1) break;
      oldest.#giveUp();
    }
  }

  /** All of it; it is held no longer. */
  whole(): Buffer {
    const whole = this.#memory.subarray(0, this.#bytes);
    this.letGo();
    return whole;
  }

  letGo(): void {
    unfinished.delete(this);
    held -= this.#memory.byteLength;
    this.#memory = Buffer.alloc(0);
    this.#bytes = 0;
  }

  #grow(capacity: number): void {
    const memory = Buffer.allocUnsafeSlow(capacity);
    memory.set(this.#memory.subarray(0, this.#bytes));
    held += capacity - this.#memory.byteLength;
    this.#memory = memory;
  }

  #giveUp(): void {
    this.letGo();
    this.#refuse();
  }
}

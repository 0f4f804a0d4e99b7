/** Where something lies in a file. */
export interface Slice {
  /** Bytes from the beginning, under 4 GiB. */
  readonly at: number;
  /** From 1 to 1 MiB - 1. */
  readonly bytes: number;
}

/** Bytes that a slice can have at most: 20 bits. */
const MAX_BYTES = 0xfffff;

/**
 * Finds slices by task key in some 16 bytes a task, where a `Map` takes 100. It keeps 12 bits of a hash and not the
 * key, so what lies at a slice says whose it is.
 *
 * Open addressing over memory that the system provides when it is touched: no step is longer than another.
 */
export class SliceTable {
  readonly capacity: number;
  /** Two for each slot: where it lies, and its size below the mark of its key. Zero is free: no slice has no bytes. */
  readonly #words: Uint32Array;
  readonly #mask: number;
  #size = 0;

  constructor(capacity: number) {
    // Never more than 80 % full, so that probing ends soon.
    const slots = 2 ** Math.ceil(Math.log2(capacity * 1.25 + 1));
    this.capacity = capacity;
    this.#mask = slots - 1;
    this.#words = new Uint32Array(slots * 2);
  }

  get isFull(): boolean {
    return this.#size >= this.capacity;
  }

  /** Not to be called when it is full. A key that is there already has another slice then. */
  add(key: string, { at, bytes }: Slice): void {
    const hash = hashOf(key);
    let slot = hash & this.#mask;
    while (this.#words[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask;
    this.#words[slot * 2] = at;
    this.#words[slot * 2 + 1] = markOf(hash) | bytes;
    this.#size++;
  }

  /** The slices where the key may lie: a wrong one in a thousand look-ups. */
  *find(key: string): Generator<Slice> {
    const hash = hashOf(key);
    const mark = markOf(hash);
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = this.#words[slot * 2] as number;
      const word = this.#words[slot * 2 + 1] as number;
      if (word === 0) return;
      if ((word & ~MAX_BYTES) === mark) yield { at, bytes: word & MAX_BYTES };
    }
  }
}

/** Of the upper bits, since the lower ones say the slot. */
const markOf = (hash: number): number => hash & ~MAX_BYTES;

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash;
}

/** Where something lies in a file. */
export interface Place {
  /** Bytes from the beginning, under 4 GiB. */
  readonly at: number;
  /** At least 1. */
  readonly bytes: number;
}

const WORDS = 3;

/**
 * Finds places by task key in some 20 bytes a task, where a `Map` takes 100. It keeps a hash of each key and not the
 * key, so what lies at a place says whose it is.
 *
 * Open addressing over memory that the system provides when it is touched: no step is longer than another.
 */
export class PlaceTable {
  readonly capacity: number;
  /** Hash, place and size of each; a size of 0 stands for a free slot. */
  readonly #slots: Uint32Array;
  readonly #mask: number;
  #size = 0;

  constructor(capacity: number) {
    // Never more than 80 % full, so that probing ends soon.
    const slots = 2 ** Math.ceil(Math.log2(capacity * 1.25 + 1));
    this.capacity = capacity;
    this.#mask = slots - 1;
    this.#slots = new Uint32Array(slots * WORDS);
  }

  get isFull(): boolean {
    return this.#size >= this.capacity;
  }

  /** Not to be called when it is full. A key that is there already has another place then. */
  add(key: string, { at, bytes }: Place): void {
    const hash = hashOf(key);
    let slot = hash & this.#mask;
    while (this.#slots[slot * WORDS + 2] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots.set([hash, at, bytes], slot * WORDS);
    this.#size++;
  }

  /** The places where the key may lie: a wrong one in some thousand look-ups. */
  *find(key: string): Generator<Place> {
    const hash = hashOf(key);
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const [found, at, bytes] = this.#slots.subarray(slot * WORDS, slot * WORDS + WORDS) as unknown as Slot;
      if (bytes === 0) return;
      if (found === hash) yield { at, bytes };
    }
  }
}

type Slot = readonly [hash: number, at: number, bytes: number];

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

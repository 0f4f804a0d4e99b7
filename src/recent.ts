interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
}

/**
 * The last things that were put in or looked at, within a bound on their number and on their size together.
 */
export class Recent<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  /**
   * Stands at the oldest entry. A new iterator would walk over the places of all that were removed since the
   * Map was last rebuilt: that was a third of the time in which a front folds a long log.
   */
  #oldest = this.#entries.entries();
  #bytes = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: T, bytes: number): void {
    const known = this.#entries.get(key);
    // Anew, so that it stands last.
    if (known) this.#entries.delete(key);
    this.#bytes += bytes - (known?.bytes ?? 0);
    this.#entries.set(key, { value, bytes });
    while (this.#entries.size > this.#maxEntries || this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  #dropOldest(): void {
    const { value, done } = this.#oldest.next();
    // It has come to the end, where whatever is put in later is not seen any more.
    if (done) this.#oldest = this.#entries.entries();
    else {
      this.#entries.delete(value[0]);
      this.#bytes -= value[1].bytes;
    }
  }
}

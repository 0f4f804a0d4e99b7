const MAX_LATE = 100_000;

/** Sequences of events that came after their task's end: a lost worker's last words, so they are few. The newest stay. */
export class LateEvents {
  readonly #seqs = new Set<number>();

  add(seq: number): void {
    this.#seqs.add(seq);
    const [oldest] = this.#seqs;
    if (this.#seqs.size > MAX_LATE && oldest !== undefined) this.#seqs.delete(oldest);
  }

  has(seq: number): boolean {
    return this.#seqs.has(seq);
  }

  /** The oldest first. */
  all(): number[] {
    return [...this.#seqs];
  }
}

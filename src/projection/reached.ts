import { SlotMap } from '../slot-map.ts';

/** How far the fold has come, and who waits for it to come further. */
export class Reached {
  #seq = 0;
  readonly #waiting = new SlotMap<number, (() => void)[]>();

  /** The sequence up to which the log has been folded. */
  get seq(): number {
    return this.#seq;
  }

  /** Resolves when the event with this sequence has been folded. */
  until(seq: number): Promise<void> {
    if (this.#seq >= seq) return Promise.resolve();
    return new Promise((resolve) => {
      const others = this.#waiting.get(seq);
      if (others) others.push(resolve);
      else this.#waiting.set(seq, [resolve]);
    });
  }

  advance(seq: number): void {
    const isNext = seq === this.#seq + 1;
    this.#seq = seq;
    if (this.#waiting.size === 0) return;
    if (isNext) this.#release(seq);
    // Events in between have left the log: whoever waits for one of them has waited long enough.
    else for (const waited of [...this.#waiting.keys()]) if (waited <= seq) this.#release(waited);
  }

  #release(seq: number): void {
    for (const resolve of this.#waiting.get(seq) ?? []) resolve();
    this.#waiting.delete(seq);
  }
}

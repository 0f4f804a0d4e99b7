const MAX_LATE = 100_000;

/** The sequence of an event that came late, and the key of its task. */
export type LateEvent = readonly [seq: number, key: string];

/** What is known of late events, as it is saved. */
export interface LateRecord {
  /** The oldest first. */
  readonly events: readonly LateEvent[];
  /**
   * Milliseconds since 1970. Every late event is known for tasks that were made after this and ended at `endedFrom` or
   * later.
   */
  readonly madeAfterMs: number;
  /** A sequence. */
  readonly endedFrom: number;
}

export const NOTHING_LATE: LateRecord = {
  events: [],
  madeAfterMs: Number.MAX_SAFE_INTEGER,
  endedFrom: 0,
};

/** Events that came after their task's end: a lost worker's last words, so they are few. The newest stay. */
export class LateEvents {
  readonly #keys = new Map<number, string>();
  #madeAfterMs = NOTHING_LATE.madeAfterMs;
  #endedFrom = NOTHING_LATE.endedFrom;

  restore({ events, madeAfterMs, endedFrom }: LateRecord): void {
    for (const [seq, key] of events) this.#keys.set(seq, key);
    this.#madeAfterMs = madeAfterMs;
    this.#endedFrom = endedFrom;
  }

  add(seq: number, key: string): void {
    this.#keys.set(seq, key);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size <= MAX_LATE || oldest === undefined) return;
    this.#keys.delete(oldest);
    this.miss(oldest);
  }

  /** From now on late events are told of tasks that were made after this, in milliseconds since 1970. */
  begin(madeAfterMs: number): void {
    this.#madeAfterMs = Math.max(0, madeAfterMs);
  }

  /** What is there may have been late; it is not known. */
  miss(seq: number): void {
    this.#endedFrom = Math.max(this.#endedFrom, seq);
  }

  has(seq: number): boolean {
    return this.#keys.has(seq);
  }

  /** The sequences of one task's late events, in order: a look at each of them, a millisecond if there are 100,000. */
  of(key: string): number[] {
    const found: number[] = [];
    for (const [seq, ofTask] of this.#keys) if (ofTask === key) found.push(seq);
    return found;
  }

  /** Whether all late events of a task are known that was made then, and ended there. */
  knowsAll(madeMs: number, end: number): boolean {
    return madeMs > this.#madeAfterMs && end >= this.#endedFrom;
  }

  record(): LateRecord {
    return { events: [...this.#keys], madeAfterMs: this.#madeAfterMs, endedFrom: this.#endedFrom };
  }
}

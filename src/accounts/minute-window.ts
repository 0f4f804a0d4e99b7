/** The second that is running, and 60 whole ones. */
const SECONDS = 61;

/**
 * Counts what happened in the last 60 seconds, in 61 buckets of one second: some 300 bytes, and the same small
 * time for every call. A count leaves after 60 to 61 seconds, never before, so that no 60 seconds have more than the
 * window lets through.
 *
 * Every call brings the reader's clock along and turns the window to it. When that clock steps back by less than
 * the window, the window stays where it is until the clock has caught up. When it steps back further, everything
 * that is counted is taken to have happened just now: a wrong clock then costs a minute, not the hours it was off.
 */
export class MinuteWindow {
  readonly #buckets = new Uint32Array(SECONDS);
  #total = 0;
  /** The newest second that the window covers, since the epoch. */
  #head = Number.NEGATIVE_INFINITY;

  /** Adds `count` at `atMs`. What is older than the window is ignored; the future counts as now. */
  add(count: number, atMs: number, nowMs: number): void {
    this.#turnTo(secondOf(nowMs));
    const second = Math.min(secondOf(atMs), this.#head);
    if (!(this.#head - second < SECONDS)) return;
    const bucket = bucketOf(second);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + count;
    this.#total += count;
  }

  total(nowMs: number): number {
    this.#turnTo(secondOf(nowMs));
    return this.#total;
  }

  /** What is counted, second by second: added to another window at those times, it makes that one the same. */
  counts(nowMs: number): { readonly atMs: number; readonly count: number }[] {
    this.#turnTo(secondOf(nowMs));
    const counted: { readonly atMs: number; readonly count: number }[] = [];
    for (let second = this.#head - SECONDS + 1; second <= this.#head; second++) {
      const count = this.#buckets[bucketOf(second)] ?? 0;
      if (count > 0) counted.push({ atMs: second * 1_000, count });
    }
    return counted;
  }

  #turnTo(second: number): void {
    const elapsed = second - this.#head;
    if (elapsed >= SECONDS) this.#restart(second, 0);
    else if (elapsed <= -SECONDS) this.#restart(second, this.#total);
    else while (this.#head < second) this.#dropOldest();
  }

  #dropOldest(): void {
    this.#head += 1;
    const bucket = bucketOf(this.#head);
    this.#total -= this.#buckets[bucket] ?? 0;
    this.#buckets[bucket] = 0;
  }

  #restart(second: number, total: number): void {
    this.#buckets.fill(0);
    this.#buckets[bucketOf(second)] = total;
    this.#total = total;
    this.#head = second;
  }
}

const secondOf = (ms: number): number => Math.floor(ms / 1_000);

const bucketOf = (second: number): number => ((second % SECONDS) + SECONDS) % SECONDS;

import type { Projection } from '../projection/projection.ts';
import type { TaskState } from '../projection/state.ts';

const KEPT_MS = 1_000;
/** A count is kept this many times as long as it took, so that a million open tasks cost 2 % of the time at most. */
const KEPT_TIMES = 50;

/** How many tasks wait before another one, counted anew only now and then: whoever polls costs nothing. */
export class TaskQueues {
  readonly #projection: Pick<Projection, 'open'>;
  readonly #now: () => number;
  #queues = new Map<string, number[]>();
  #keptUntil = Number.NEGATIVE_INFINITY;

  constructor(projection: Pick<Projection, 'open'>, now: () => number = () => performance.now()) {
    this.#projection = projection;
    this.#now = now;
  }

  /** Tasks of the same name that were queued before and have not been begun. A task that was begun before comes first. */
  ahead({ name, attempt, seq }: TaskState): number {
    if (attempt > 0) return 0;
    if (this.#now() >= this.#keptUntil) this.#count();
    const queue = this.#queues.get(name) ?? [];
    let [low, high] = [0, queue.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((queue[middle] as number) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #count(): void {
    const startedAt = this.#now();
    this.#queues = new Map();
    // The open tasks come in the order in which they were queued, so the sequences ascend.
    for (const { name, attempt, status, seq } of this.#projection.open()) {
      if (status !== 'queued' || attempt > 0) continue;
      const queue = this.#queues.get(name);
      if (queue) queue.push(seq);
      else this.#queues.set(name, [seq]);
    }
    const took = this.#now() - startedAt;
    this.#keptUntil = this.#now() + Math.max(KEPT_MS, KEPT_TIMES * took);
  }
}

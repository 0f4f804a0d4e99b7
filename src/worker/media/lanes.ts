/** Tasks that take some tens of milliseconds, and tasks that take seconds. */
export type Lane = 'quick' | 'slow';

interface Waiting {
  admit(): void;
  refuse(reason: unknown): void;
}

/**
 * Who may run now. Each lane runs at most `size` tasks at once, both together `size + 1`: so each always has
 * room for one that the other cannot take, and neither leaves the processors idle when it is alone. Within a lane it is
 * first come, first served; of two lanes that wait the quick one goes first, since it keeps its room for short.
 */
export class Lanes {
  readonly #size: number;
  readonly #running: Record<Lane, number> = { quick: 0, slow: 0 };
  readonly #waiting: Readonly<Record<Lane, Set<Waiting>>> = { quick: new Set(), slow: new Set() };

  /** `size` is at least 1. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Resolves when there is room, which is taken until `leave`. Rejects with the signal's reason when it is aborted. */
  enter(lane: Lane, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#hasRoom(lane)) {
      this.#running[lane] += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => this.#wait(lane, signal, resolve, reject));
  }

  /** Gives back the room that an `enter` of this lane took. */
  leave(lane: Lane): void {
    this.#running[lane] -= 1;
    const next = (['quick', 'slow'] as const).find(
      (each) => this.#waiting[each].size > 0 && this.#hasRoom(each),
    );
    if (!next) return;
    this.#running[next] += 1;
    const [first] = this.#waiting[next];
    first?.admit();
  }

  /** Sends away everyone who waits. */
  refuse(reason: unknown): void {
    for (const waiting of [...this.#waiting.quick, ...this.#waiting.slow]) waiting.refuse(reason);
  }

  #hasRoom(lane: Lane): boolean {
    const { quick, slow } = this.#running;
    return this.#running[lane] < this.#size && quick + slow <= this.#size;
  }

  #wait(lane: Lane, signal: AbortSignal, resolve: () => void, reject: (reason: unknown) => void): void {
    const end = (settle: () => void): void => {
      this.#waiting[lane].delete(waiting);
      signal.removeEventListener('abort', abort);
      settle();
    };
    const waiting: Waiting = {
      admit: () => end(resolve),
      refuse: (reason) => end(() => reject(reason)),
    };
    const abort = (): void => waiting.refuse(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#waiting[lane].add(waiting);
  }
}

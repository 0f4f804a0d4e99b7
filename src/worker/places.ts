import type { Config } from '../config.ts';
import { catalogue } from '../tasks/catalogue.ts';

/** What a worker may have to do at once: `CONCURRENCY` tasks, and of them `MEDIA_CONCURRENCY` with sources and pixels. */
type Limits = Pick<Config, 'CONCURRENCY' | 'MEDIA_CONCURRENCY'>;

/**
 * The places of one worker.
 *
 * A task that only waits or answers costs a worker nothing to hold; one with sources has a connection, a file and
 * megabytes. So there are many places, and few for those.
 */
export class Places {
  readonly #limits: Limits;
  #all = 0;
  #media = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** How many more tasks of this name there is room for; below zero where more were promised than there are. */
  free(name: string): number {
    const free = this.#limits.CONCURRENCY - this.#all;
    return isMedia(name) ? Math.min(free, this.#limits.MEDIA_CONCURRENCY - this.#media) : free;
  }

  /** How many there can be of this name. */
  limit(name: string): number {
    const { CONCURRENCY, MEDIA_CONCURRENCY } = this.#limits;
    return isMedia(name) ? Math.min(CONCURRENCY, MEDIA_CONCURRENCY) : CONCURRENCY;
  }

  take(name: string): void {
    this.#all++;
    if (isMedia(name)) this.#media++;
  }

  giveBack(name: string): void {
    this.#all--;
    if (isMedia(name)) this.#media--;
  }
}

const isMedia = (name: string): boolean => catalogue.get(name)?.runsIn === 'media';

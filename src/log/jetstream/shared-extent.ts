import { type Deferred, deferred } from '../../deferred.ts';
import type { Span } from '../reading.ts';

/** What a stream holds. */
export interface StreamExtent extends Span {
  /** Up to this sequence it was imported, and its records carry when they were stored first; 0 if it was not. */
  readonly importedThrough: number;
}

/** How long those wait who are in no hurry. */
const SOON_MS = 1_000;

/**
 * Where the log begins and ends, asked for all readers together: one question at a time, whose answer is for everyone
 * who came before it was put. An answer to an older question is of no use to a reader. It wants to know what the log
 * had let go of when the reader's consumer had already passed there, and what goes after the answer would be missed
 * without a word.
 */
export class SharedExtent {
  readonly #ask: () => Promise<StreamExtent | undefined>;
  /** The one that is still to be put. */
  #next: Deferred<StreamExtent | undefined> | undefined;
  #isDue = false;
  #isAsking = false;
  #timer: NodeJS.Timeout | undefined;

  /** `ask` resolves with undefined while the log does not answer. */
  constructor(ask: () => Promise<StreamExtent | undefined>) {
    this.#ask = ask;
  }

  /** Resolves with how the log is after this call; undefined if it does not answer. */
  now(): Promise<StreamExtent | undefined> {
    const { promise } = this.#join();
    void this.#put();
    return promise;
  }

  /** The same, within a second, together with whoever asks by then. */
  soon(): Promise<StreamExtent | undefined> {
    const { promise } = this.#join();
    this.#timer ??= setTimeout(() => void this.#put(), SOON_MS).unref();
    return promise;
  }

  #join(): Deferred<StreamExtent | undefined> {
    this.#next ??= deferred();
    return this.#next;
  }

  async #put(): Promise<void> {
    this.#isDue = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (this.#isDue && this.#next) {
      const { resolve } = this.#next;
      this.#next = undefined;
      this.#isDue = false;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      resolve(await this.#ask());
    }
    this.#isAsking = false;
  }
}

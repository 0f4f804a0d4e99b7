import type { Json } from '../tasks/definition.ts';

/** Progress reaches the log at most this often; in between the last report counts. */
const EVERY_MS = 200;

/** Thins out the progress reports of one attempt. */
export class ProgressReports {
  readonly #write: (value: Json) => void;
  #pending: { readonly value: Json } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wroteAt = Number.NEGATIVE_INFINITY;

  constructor(write: (value: Json) => void) {
    this.#write = write;
  }

  report(value: Json): void {
    this.#pending = { value };
    const waitMs = this.#wroteAt + EVERY_MS - performance.now();
    if (waitMs <= 0) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), waitMs);
  }

  /** Writes what has been held back. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#pending) return;
    const { value } = this.#pending;
    this.#pending = undefined;
    this.#wroteAt = performance.now();
    this.#write(value);
  }
}

import { Fault } from './fault.ts';

/**
 * All that can end one fetch before it is over, as one signal: the caller, the deadline of the whole, and
 * the deadline of the phase that is on: connecting, waiting for the head, waiting for more of the body.
 *
 * A phase begins with `expect`, which replaces the one before; `refresh` starts its time anew; `rest`
 * stops it while nothing is expected from the other side. `end` lets go of everything.
 */
export class Watch {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #whole: NodeJS.Timeout;
  #phase: NodeJS.Timeout | undefined;
  #ended = false;

  /** `tooLong` and `otherwise` say what is wrong with the source then; that may pass. */
  constructor(caller: AbortSignal, totalMs: number, tooLong: string) {
    this.#caller = caller;
    this.#whole = setTimeout(() => this.#timeOut(tooLong), totalMs);
    if (caller.aborted) this.#controller.abort(caller.reason);
    else caller.addEventListener('abort', this.#onCaller);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  expect(ms: number, otherwise: string): void {
    clearTimeout(this.#phase);
    if (this.#ended) return;
    this.#phase = setTimeout(() => this.#timeOut(otherwise), ms);
  }

  refresh(): void {
    this.#phase?.refresh();
  }

  rest(): void {
    clearTimeout(this.#phase);
    this.#phase = undefined;
  }

  /** Only the first reason counts. */
  stop(reason: unknown): void {
    this.#controller.abort(reason);
  }

  end(): void {
    this.#ended = true;
    this.rest();
    clearTimeout(this.#whole);
    this.#caller.removeEventListener('abort', this.#onCaller);
  }

  // Not made ahead: an error's stack takes time, and most fetches are over in time.
  #timeOut(message: string): void {
    this.stop(new Fault(message, { passing: true }));
  }

  readonly #onCaller = (): void => this.stop(this.#caller.reason);
}

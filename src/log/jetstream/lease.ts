import { LEASE_MS } from '../task-queue.ts';

const ACK = '+ACK';
const EXTEND = '+WPI';

/**
 * A worker's hold on a task that was handed to it, as far as the worker can know.
 *
 * The server takes the word of any delivery of a message for the message itself, also when it has been handed to
 * somebody else since. So a worker that stood still or was cut off for longer than the lease must neither renew
 * it nor give the task back: a third worker would get what the second one runs. That a task has ended can always
 * be said, since the log has the end.
 */
export class Lease {
  readonly #say: (word: string) => boolean;
  #until = performance.now() + LEASE_MS;

  /** `say` is false when the server cannot be reached. */
  constructor(say: (word: string) => boolean) {
    this.#say = say;
  }

  get #isHeld(): boolean {
    return performance.now() < this.#until;
  }

  extend(): void {
    if (this.#isHeld && this.#say(EXTEND)) this.#until = performance.now() + LEASE_MS;
  }

  ack(): void {
    this.#say(ACK);
  }

  /** The task is handed out again after `delayMs`; one that this worker has lost is left to whoever has it. */
  release(delayMs: number): void {
    if (this.#isHeld) this.#say(`-NAK {"delay":${Math.round(delayMs * 1_000_000)}}`);
    this.#until = 0;
  }
}

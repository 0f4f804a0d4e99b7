import type { AttemptCommand } from '../../actors/attempt.ts';

/** Ends one attempt early. Two `AbortController`s did this for 6 µs an attempt, and more when they were collected. */
export class Interruption {
  #command: AttemptCommand | undefined;
  #listener: ((command: AttemptCommand) => void) | undefined;

  /** The first command that was given. */
  get command(): AttemptCommand | undefined {
    return this.#command;
  }

  interrupt(command: AttemptCommand): void {
    this.#command ??= command;
    this.#listener?.(command);
  }

  /** Calls the one listener at each interruption; at once if there has been one. */
  listen(listener: (command: AttemptCommand) => void): void {
    this.#listener = listener;
    if (this.#command) listener(this.#command);
  }
}

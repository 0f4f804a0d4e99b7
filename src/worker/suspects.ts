/** How long a suspect waits here for its turn before it is given back, so that it does not keep a place. */
const TURN_MS = 1_000;

/**
 * Turns for the tasks of this worker whose next attempt is their last and whose attempt before ended
 * without a word: the worker died. One of them may be what kills workers, and the others merely stood beside
 * it. Side by side they would die together once more, and all would end in error; one after the other, only
 * the one that kills does.
 */
export class Suspects {
  #isTaken = false;
  #waiting: (() => void)[] = [];

  /** Resolves with true when it is this caller's turn, until `leave`; with false if that took too long. */
  enter(): Promise<boolean> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const giveUp = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== next);
        resolve(false);
      }, TURN_MS);
      const next = () => {
        clearTimeout(giveUp);
        resolve(true);
      };
      this.#waiting.push(next);
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#isTaken = false;
  }
}

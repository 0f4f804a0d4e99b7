interface Waiting {
  readonly owner: object;
  readonly bytes: number;
  admit(): void;
}

/**
 * So many bytes of disk for many owners, each of whom takes more and more, and gives all of it back at the end.
 *
 * When there are none left the owners wait, all but the first who asked for more then: he goes on until he has given his
 * back. So they never wait for each other in a circle, and what is taken beyond the bytes is no more than one owner's.
 */
export class DiskRoom {
  #left: number;
  #beyond: object | undefined;
  readonly #waiting = new Set<Waiting>();

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes so many bytes more; false, and nothing is taken, when `owner` has to wait. */
  take(owner: object, bytes: number): boolean {
    if (bytes > this.#left) {
      this.#beyond ??= owner;
      if (this.#beyond !== owner) return false;
    }
    this.#left -= bytes;
    return true;
  }

  /** Resolves when it has taken so many bytes more. Rejects with the signal's reason. */
  wait(owner: object, bytes: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', abort);
        settle();
      };
      const waiting: Waiting = { owner, bytes, admit: () => end(resolve) };
      const abort = (): void => end(() => reject(signal.reason));
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  /** Takes back all that `owner` has. */
  giveAll(owner: object, bytes: number): void {
    this.#left += bytes;
    if (this.#beyond === owner) this.#beyond = undefined;
    for (const { owner: other, bytes: wanted, admit } of this.#waiting) if (this.take(other, wanted)) admit();
  }
}

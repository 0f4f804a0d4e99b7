/** What a worker holds of sources in memory, all work together. */
const WORKER_BYTES = 25_000_000;
/**
 * Of these, what one piece of work may hold. It crosses to a decoder with the task, and more costs more that way than
 * through a file: up to 400 kB it is the same, and of 1.4 MB collecting the garbage was 45 % of a worker instead of 13.
 */
const WORK_BYTES = 250_000;

/** The memory that a worker gives to sources while they are worked on. What finds no room there goes to files. */
export class Room {
  #left: number;
  readonly #workBytes: number;

  constructor(bytes = WORKER_BYTES, workBytes = WORK_BYTES) {
    this.#left = bytes;
    this.#workBytes = workBytes;
  }

  /** The part of one piece of work, empty at first. */
  part(): RoomPart {
    let taken = 0;
    return {
      take: (bytes) => {
        if (bytes > this.#left || taken + bytes > this.#workBytes) return false;
        this.#left -= bytes;
        taken += bytes;
        return true;
      },
      leave: () => {
        this.#left += taken;
        taken = 0;
      },
    };
  }
}

export interface RoomPart {
  /** Takes room for so many bytes more; false, and nothing is taken, where there is none. */
  take(bytes: number): boolean;
  /** Gives everything back. */
  leave(): void;
}

/**
 * When what the log has stored is on disk. Before that no process acts on an event of the log, whether it has written or
 * read it: else a power cut could take back what others have been told. Only a worker begins to
 * work on a task before, which nobody can tell from a task that was never created.
 */
export interface Durability {
  /** Calls `then` once everything up to this sequence, which has been stored, is on disk; in the order of the calls. */
  through(seq: number, then: () => void): void;
  /** Lets go of what it holds, once nobody waits. */
  close(): void;
}

/** For a nats-server that has on disk what it shows, or is trusted to have it there soon. */
export const LEFT_TO_SERVER: Durability = { through: (_, then) => then(), close: () => {} };

export const untilOnDisk = (durability: Durability, seq: number): Promise<void> =>
  new Promise((resolve) => durability.through(seq, resolve));

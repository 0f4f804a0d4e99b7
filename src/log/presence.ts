/** What a worker says of itself, every second. */
export interface WorkerReport {
  readonly worker: string;
  /** Task names that it runs. */
  readonly tasks: readonly string[];
  /** Those of them that it has no place for at the moment. */
  readonly full: readonly string[];
}

/**
 * The port by which workers let themselves be known. It is hearsay and is not stored: leases decide about
 * tasks, this only tells people.
 */
export interface Presence {
  /** Says that the worker is there. */
  announce(report: WorkerReport): void;
  /** Says that it is not any more. */
  leave(worker: string): void;
  /** `announce` is called whenever somebody begins to listen, who would else hear of a worker up to a second later. */
  onListener(announce: () => void): void;
  /** Calls `heard` for each report of each worker, and `gone` for each that says so; one that died says nothing. */
  listen(listener: { heard(report: WorkerReport): void; gone(worker: string): void }): void;
}

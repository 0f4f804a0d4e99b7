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
  announce(report: WorkerReport): void;
  leave(worker: string): void;
  /** `announce` is called whenever somebody begins to listen, who would else hear of a worker up to a second later. */
  onListener(announce: () => void): void;
  listen(listener: { heard(report: WorkerReport): void; gone(worker: string): void }): void;
}

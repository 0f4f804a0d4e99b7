import type { WorkerReport } from '../log/presence.ts';

/** Milliseconds after which a silent worker counts as gone. */
const GONE_AFTER_MS = 5_000;
/** Milliseconds after which it is forgotten that there was one. */
const FORGOTTEN_AFTER_MS = 600_000;

interface Seen {
  readonly report: WorkerReport;
  readonly at: number;
  readonly hasLeft: boolean;
}

/** Which workers are there: for readiness, for metrics, and for whoever asks why a task does not move. */
export class WorkerPresence {
  readonly #seen = new Map<string, Seen>();
  /** When a worker that knows the task name was heard of last. */
  readonly #known = new Map<string, number>();
  readonly #now: () => number;
  readonly #startedAt: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#startedAt = now();
  }

  heard(report: WorkerReport): void {
    const at = this.#now();
    this.#seen.set(report.worker, { report, at, hasLeft: false });
    for (const name of report.tasks) this.#known.set(name, at);
    for (const [worker, seen] of this.#seen) if (seen.at < at - FORGOTTEN_AFTER_MS) this.#seen.delete(worker);
  }

  gone(worker: string): void {
    const seen = this.#seen.get(worker);
    if (seen) this.#seen.set(worker, { ...seen, hasLeft: true });
  }

  /** The workers that have been heard of lately. */
  present(): readonly WorkerReport[] {
    const limit = this.#now() - GONE_AFTER_MS;
    return [...this.#seen.values()].flatMap(({ report, at, hasLeft }) =>
      at >= limit && !hasLeft ? [report] : [],
    );
  }

  /** Milliseconds since a worker was heard of; since this front was started, if it never was. */
  silenceOf(worker: string): number {
    return this.#now() - (this.#seen.get(worker)?.at ?? this.#startedAt);
  }

  /** When a worker that knows this task name was heard of last, in milliseconds since 1970; or when this front was started. */
  lastKnown(name: string): number {
    return this.#known.get(name) ?? this.#startedAt;
  }
}

import type { WorkerReport } from '../log/presence.ts';

/** Milliseconds after which a silent worker counts as gone. */
const GONE_AFTER_MS = 5_000;

/** Which workers are there, for readiness and metrics. */
export class WorkerPresence {
  readonly #seen = new Map<string, { readonly report: WorkerReport; readonly at: number }>();

  heard(report: WorkerReport): void {
    this.#seen.set(report.worker, { report, at: performance.now() });
  }

  gone(worker: string): void {
    this.#seen.delete(worker);
  }

  /** The workers that have been heard of lately. */
  present(): readonly WorkerReport[] {
    const limit = performance.now() - GONE_AFTER_MS;
    for (const [worker, { at }] of this.#seen) if (at < limit) this.#seen.delete(worker);
    return [...this.#seen.values()].map(({ report }) => report);
  }
}

import type { Queued } from '../../actors/event.ts';
import type { TaskRef } from './subject.ts';

/** A queued task handed to this worker, under a lease that `extend` renews. */
export interface Delivery extends TaskRef {
  readonly queued: Queued;
  /** The hash of `queued` as it is stored. */
  readonly hash: string;
  readonly seq: number;
  /** How often the task has been handed out, this time included. */
  readonly count: number;
  /** Renews the lease for another `LEASE_MS`. */
  extend(): void;
  /** The task has ended, in the log. */
  ack(): void;
  /** Gives the task back; it is handed out again after `delayMs`. */
  release(delayMs: number): void;
}

/** The port to the queued tasks. */
export interface TaskQueue {
  /** Takes tasks of these names; `free` says how many more of one the worker can hold right now. */
  take(options: TakeOptions): Promise<Taking>;
}

export interface TakeOptions {
  readonly names: readonly string[];
  free(name: string): number;
  onDelivery(delivery: Delivery): void;
}

export interface Taking {
  /** Looks again: a place has become free. */
  more(): void;
  /** Asks for no more; resolves when nothing can arrive any longer. `more` takes up again. */
  pause(): Promise<void>;
}

/** Milliseconds after which a task that its worker does not renew is handed to another. */
export const LEASE_MS = 10_000;

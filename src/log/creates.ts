import type { Append } from './log.ts';

/** A create that its client named with an `Idempotency-Key`. */
export interface RequestName {
  readonly account: string;
  readonly idempotencyKey: string;
}

/** What is remembered of a named create: enough to answer it again, and to tell it from another. */
export interface RequestRecord {
  readonly at: string;
  /** SHA-256 of what was asked for, in lower-case hex. */
  readonly body: string;
  /** The tasks' keys, in the order of the request. */
  readonly keys: readonly string[];
}

export interface FoundRequest {
  /** Undefined if there was no such request in the last `REQUEST_MEMORY_MS`. */
  readonly record: RequestRecord | undefined;
  /** What a new record must name as the one before it. */
  readonly after: number;
}

export interface NewRequest extends RequestName, RequestRecord, Pick<FoundRequest, 'after'> {}

/** One create of an account whose creates are stored one after the other. */
export interface Turn {
  /** Its sequence; 0 for "before the first". */
  readonly seq: number;
  /** The sequence of the last of its events. */
  readonly end: number;
}

/**
 * The tasks of one or more requests, and what must still be so when they are stored. The conditions are
 * records beside the events, in the same batch: so the log itself decides, and there is no moment in which
 * one is stored without the other.
 */
export interface Submission {
  /** The queued events, at most 1,000; with the requests at most 1,001. */
  readonly entries: readonly Append[];
  /** The account's last turn is the one with this sequence. */
  readonly turn?: { readonly account: string; readonly after: number };
  /** Nobody has stored a request of one of these names since `findRequest` gave its `after`. */
  readonly requests: readonly NewRequest[];
}

/** Where a submission has been stored. */
export interface Submitted {
  /** The last queued event's sequence. */
  readonly seq: number;
  /** Of a submission with `turn`: this one. */
  readonly turn: Turn;
}

/** The port by which fronts bring tasks into the log on conditions that hold across all fronts. */
export interface Creates {
  /** Stores all or nothing. Rejects with `LogConflict` when a condition does not hold, else as `EventLog.append`. */
  submit(submission: Submission): Promise<Submitted>;
  /** As everyone can know it by now: what another front stored before this call is found. Rejects with `LogUnavailable`. */
  findRequest(name: RequestName): Promise<FoundRequest>;
  /** The account's last turn, as everyone can know it by now. Rejects with `LogUnavailable`. */
  lastTurn(account: string): Promise<Turn>;
}

/** How long a named create is remembered. */
export const REQUEST_MEMORY_MS = 24 * 3_600_000;

import type { Append } from './log.ts';

/** How a client named a create: an account's `Idempotency-Key`. */
export interface CreateName {
  readonly account: string;
  readonly idempotencyKey: string;
}

/** What is remembered of a named create: enough to answer it again, and to tell it from another. */
export interface CreateRecord {
  /** When it was stored, an event date. */
  readonly at: string;
  /** SHA-256 of the definitions that were asked for, in lower-case hex. */
  readonly digest: string;
  /** The tasks' keys, in the order of the request. */
  readonly keys: readonly string[];
}

/** What a look for a named create has found. */
export interface FoundCreate {
  /** Undefined if there was no such create in the last `CREATE_MEMORY_MS`. */
  readonly record: CreateRecord | undefined;
  /** The sequence that a new record of the name must give as that of the one before it; 0 for "the first". */
  readonly after: number;
}

/** The record of a named create on its way into the log. */
export interface NewCreateRecord extends CreateName, CreateRecord, Pick<FoundCreate, 'after'> {}

/** One create of an account whose creates are stored one after the other. */
export interface Turn {
  /** Its sequence; 0 for "before the first". */
  readonly seq: number;
  /** The sequence of the last of its events. */
  readonly end: number;
}

/**
 * The tasks of one or more creates, and what must still be so when they are stored. The conditions are
 * records beside the events, in the same batch: so the log itself decides, and there is no moment in which
 * one is stored without the other.
 */
export interface Submission {
  /** The queued events, at most 1,000; with `records` at most 1,001. */
  readonly entries: readonly Append[];
  /** The account's last turn is the one with this sequence. */
  readonly turn?: { readonly account: string; readonly after: number };
  /** Of those that are named. Nobody has stored one of these names since `findCreate` gave its `after`. */
  readonly records: readonly NewCreateRecord[];
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
  findCreate(name: CreateName): Promise<FoundCreate>;
  /** The account's last turn, as everyone can know it by now. Rejects with `LogUnavailable`. */
  lastTurn(account: string): Promise<Turn>;
}

/** How long a named create is remembered. */
export const CREATE_MEMORY_MS = 24 * 3_600_000;

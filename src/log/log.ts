import type { TaskEvent } from '../../actors/event.ts';
import type { StoredEvent } from './envelope.ts';
import type { Extent, Gap, LogRecord, Loss, Moment, Page, ReadOptions } from './reading.ts';
import type { TaskRef } from './subject.ts';

/** An event on its way into the log, in its stored form: `seal` makes it. */
export interface Append extends TaskRef {
  readonly event: TaskEvent;
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Brings events into the log. What an append resolved is stored, with the durability that `SYNC` names. */
export interface LogWriter {
  /**
   * Stores one event; resolves with its sequence. Rejects with `LogConflict` when its place is taken by
   * another event, `LogUnavailable` when it is not known to be stored, `LogFull` when there is no room,
   * `EventRefused` when it will never be taken.
   * Appending the same entry again is safe: it is stored once. (Progress may be stored twice.)
   */
  append(entry: Append): Promise<number>;
  /** Stores all or none, at most 1,000; resolves with the last one's sequence. Rejects as `append` does. */
  appendAll(entries: readonly Append[]): Promise<number>;
  /**
   * Stores entries in order and stops at the first conflict. Resolves with the number stored; they may not be on disk yet
   * (`untilDurable`). Rejects as `append` does otherwise; trying again is safe, as above.
   */
  appendInOrder(entries: readonly Append[]): Promise<number>;
  /** Resolves when all that this process has stored before the call is durable. */
  untilDurable(): Promise<void>;
  /** Whether events cost less when they come together: where each is put on disk by itself. */
  readonly prefersGroups: boolean;
}

/** What the log knows of tasks, looked up by their keys. */
export interface TaskHistories {
  /**
   * One task's events in log order, of the progress events the last of each attempt; empty if unknown. With
   * `through`, a sequence, as they were when the log ended there. Rejects with `LogUnavailable`, and with
   * `UnreadableHistory` if one of them cannot be read, as do the others that resolve with events.
   */
  history(key: string, through?: number): Promise<StoredEvent[]>;
  /**
   * As `history`, completed from the archive, which takes longer. Late events are searched up to one minute or about
   * 50,000 events after the end; `late` names later ones. Rejects with `LogUnavailable`.
   */
  fullHistory(key: string, options?: FullHistoryOptions): Promise<StoredEvent[]>;
  /**
   * The `queued` events and the ends of these tasks, at most 100 of them, in log order. A task that is not among them
   * has left the log, unless a replica lags; `history` is sure. Rejects with `LogUnavailable`.
   */
  outlines(keys: readonly string[]): Promise<StoredEvent[]>;
  /**
   * The keys of those among these tasks, at most 100, whose end is in the log, whether it can be read or not. Rejects with
   * `LogUnavailable`.
   */
  ended(tasks: readonly TaskRef[]): Promise<ReadonlySet<string>>;
}

/** The log from one position to another. */
export interface LogReader {
  /**
   * Reads the log at the caller's pace, and the archive where the log has let go: the next page is looked for when it
   * is asked for. A log that is out of reach is waited for. Frees what it holds when the iteration is left, and when the signal is aborted.
   */
  read(options: ReadOptions): AsyncIterable<Page>;
  /** The same, of the records as they are stored: for who checks them, or takes them along. Of all types. */
  readRecords(options: Omit<ReadOptions, 'types'>): AsyncIterable<Page<LogRecord | Gap>>;
  /** Follows the log from the first event after `after`; reports each event once, in order, for ever. */
  follow(options: FollowOptions): Promise<Following>;
  /** What the log holds at this moment, together with its archive. Rejects with `LogUnavailable`. */
  extent(): Promise<Extent>;
  /** Where a date falls, by the events' own dates. Rejects with `LogUnavailable`. */
  locate(date: string): Promise<Moment>;
  /**
   * Whether it was imported from an export of some tasks, or of one account: what is missing in it was never taken
   * along. Rejects with `LogUnavailable`.
   */
  isPart(): Promise<boolean>;
  /**
   * If it was imported: what is missing in it because the log that was exported let go of it before it was read, in
   * order. Rejects with `LogUnavailable`.
   */
  lost(): Promise<readonly Loss[]>;
}

/** The port to the event log, the only truth. Everything else is a fold of it. */
export interface EventLog extends LogWriter, TaskHistories, LogReader {
  /** True while the log can be reached. */
  readonly connected: boolean;
  /** The last sequence, when the log answers. Rejects with `LogUnavailable`. */
  ping(): Promise<number>;
  /** When this log was made. Rejects with `LogUnavailable`. */
  madeAt(): Promise<Date>;
  close(): Promise<void>;
}

export interface FullHistoryOptions {
  /** A sequence: the history as it was when the log ended there. */
  readonly through?: number | undefined;
  /** Sequences of events that may be the task's, beside those that are found; asked for where the archive is read. */
  readonly late?: (() => readonly number[]) | undefined;
}

export interface FollowOptions {
  /** A sequence; 0 follows from the beginning. */
  readonly after: number;
  onEvent(event: StoredEvent): void;
  /** A record that could not be read; it is skipped. */
  onUnreadable(error: Error, seq: number): void;
  /** A record that is no event: nothing to fold. */
  onPassed?(seq: number): void;
  /** Up to this sequence there was something that had left the log before it could be reported. */
  onMissed?(seq: number): void;
}

export interface Following {
  /** Resolves when everything that was in the log at the start has been reported, with its last sequence. */
  readonly caughtUp: Promise<number>;
  close(): Promise<void>;
}

/** Another event already stands in this event's place. */
export class LogConflict extends Error {
  override readonly name = 'LogConflict';
}

/** The log cannot be reached, or did not say in time that it stored the event. It may or may not be stored. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

/**
 * The log answers with an event that cannot be read: it is none of ours, or of a version from the future. So nothing can be
 * said of its task, and by this program it never can. The message says which event it is.
 */
export class UnreadableHistory extends LogUnavailable {}

/** The log has reached its limits, or those of its disk, and refuses new events. */
export class LogFull extends Error {
  override readonly name = 'LogFull';
}

/** The log will never take this event, however often it is tried: it is too large. */
export class EventRefused extends Error {
  override readonly name = 'EventRefused';
}
